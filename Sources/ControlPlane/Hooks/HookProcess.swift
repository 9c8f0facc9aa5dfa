private import CLinux
import Glibc
import Policies

/// Runs a program to its end or its limit, and keeps what it prints.
///
/// It blocks. The program leads a session of its own, so that it can be ended with all its children; a child that
/// makes a session of its own goes on.
enum HookProcess {
    /// How it ended.
    enum End: Hashable, Sendable {
        case exited(Int32)
        case signalled(Int32)
        /// It was killed at its limit, of so many seconds.
        case timedOut(Int64)
        /// It was killed since nobody waits any more.
        case stopped
        case notStarted(String)
        /// Somebody else has reaped it: nobody knows how it ended.
        case lost

        var isGood: Bool { self == .exited(0) }

        /// For people.
        var words: String {
            switch self {
            case .exited(let code): "exit code \(code)"
            case .signalled(let number): "signal \(number)"
            case .timedOut(let seconds): "killed after \(seconds) seconds"
            case .stopped: "killed, as its job was told to stop"
            case .notStarted(let reason): "not started: \(reason)"
            case .lost: "its exit code is lost"
            }
        }
    }

    /// 2 s: between SIGTERM and SIGKILL.
    private static let graceSeconds: Int64 = 2
    /// 5 s: what runs when the daemon has been told to stop does not keep it for longer.
    static let hurriedSeconds: Int64 = 5
    /// 20 ms: so often it is looked whether the program, its limit or the wait for it has ended.
    private static let lookMilliseconds: Int32 = 20

    /// Runs a program.
    ///
    /// - Parameters:
    ///   - words: The program by its absolute path, and its arguments.
    ///   - environment: All that it gets.
    ///   - limit: Seconds after which it is killed.
    ///   - isCancelled: Whether to kill it at once.
    ///   - isHurried: Whether it has but ``hurriedSeconds`` left.
    /// - Returns: How it ended, and what it printed.
    static func run(
        _ words: [String],
        environment: [String: String],
        limit: Int64,
        isCancelled: () -> Bool,
        isHurried: () -> Bool = { false }
    ) -> (end: End, output: HookOutput) {
        var output = HookOutput()
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else {
            return (.notStarted(String(cString: strerror(errno))), output)
        }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
        defer { close(ends[0]) }
        var child: pid_t = 0
        let variables = environment.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        let result = withStrings(words) { words in
            withStrings(variables) { varve_spawn(words, $0, ends[1], &child) }
        }
        close(ends[1])
        guard result == 0 else {
            return (.notStarted(String(cString: strerror(-result))), output)
        }
        let end = wait(for: child, ends[0], limit: limit, isCancelled, isHurried, &output)
        drain(ends[0], &output)
        return (end, output)
    }

    private static func wait(
        for child: pid_t,
        _ pipe: Int32,
        limit: Int64,
        _ isCancelled: () -> Bool,
        _ isHurried: () -> Bool,
        _ output: inout HookOutput
    ) -> End {
        let clock = ContinuousClock()
        var deadline = clock.now + .seconds(limit)
        var seconds = limit
        while true {
            var waiting = pollfd(fd: pipe, events: Int16(POLLIN), revents: 0)
            _ = poll(&waiting, 1, lookMilliseconds)
            // Once nobody holds the other end any more the poll returns at once.
            if !drain(pipe, &output) { _ = poll(nil, 0, lookMilliseconds) }
            var status: Int32 = 0
            let reaped = waitpid(child, &status, WNOHANG)
            if reaped == child { return end(status) }
            if reaped < 0, errno != EINTR { return .lost }
            if seconds > hurriedSeconds, isHurried() {
                seconds = hurriedSeconds
                deadline = min(deadline, clock.now + .seconds(seconds))
            }
            guard isCancelled() || clock.now >= deadline else { continue }
            let reason: End = isCancelled() ? .stopped : .timedOut(seconds)
            kill(child, pipe, &output)
            return reason
        }
    }

    /// Ends a program with its children: SIGTERM, and SIGKILL when the grace is over or nobody holds its output any more.
    ///
    /// It is reaped last: until then its number, which is its session's, is nobody else's.
    private static func kill(_ child: pid_t, _ pipe: Int32, _ output: inout HookOutput) {
        let clock = ContinuousClock()
        let deadline = clock.now + .seconds(graceSeconds)
        varve_signal_session(child, SIGTERM)
        while clock.now < deadline {
            var waiting = pollfd(fd: pipe, events: Int16(POLLIN), revents: 0)
            _ = poll(&waiting, 1, lookMilliseconds)
            if !drain(pipe, &output) { break }
        }
        varve_signal_session(child, SIGKILL)
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0, errno == EINTR {}
    }

    /// waitpid(2): the low seven bits are the signal that ended it.
    private static func end(_ status: Int32) -> End {
        status & 0x7F == 0 ? .exited(status >> 8 & 0xFF) : .signalled(status & 0x7F)
    }

    /// Takes what stands in the pipe; whether more may come.
    @discardableResult
    private static func drain(_ pipe: Int32, _ output: inout HookOutput) -> Bool {
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        // As much as a pipe holds: a program that prints without end does not keep the limit from being looked at.
        for _ in 0..<16 {
            let count = read(pipe, &buffer, buffer.count)
            guard count > 0 else { return count < 0 && (errno == EAGAIN || errno == EINTR) }
            output.add(buffer[..<count])
        }
        return true
    }

    private static func withStrings<Result>(
        _ texts: [String],
        _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
    ) -> Result {
        var pointers = texts.map { strdup($0) }
        pointers.append(nil)
        defer { for pointer in pointers { free(pointer) } }
        return body(pointers)
    }
}

/// The end of what a program printed, as much as a run's record keeps.
struct HookOutput: Sendable {
    /// 4 KiB: the last screens, and 1,000 runs of them are a few MiB.
    static let bytesMax = 4 << 10

    private var bytes: [UInt8] = []
    private(set) var droppedBytes: UInt64 = 0

    mutating func add(_ more: ArraySlice<UInt8>) {
        bytes += more
        guard bytes.count > HookOutput.bytesMax else { return }
        droppedBytes += UInt64(bytes.count - HookOutput.bytesMax)
        bytes.removeFirst(bytes.count - HookOutput.bytesMax)
    }

    /// As a terminal may show it: control characters but ends of lines and tabs are shown as `?`.
    var text: String {
        let shown = String(decoding: bytes, as: UTF8.self).unicodeScalars.map { scalar in
            let isPlain =
                scalar == "\n" || scalar == "\t"
                || !(scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value))
            return isPlain ? Character(scalar) : "?"
        }
        let note = droppedBytes == 0 ? "" : "(\(droppedBytes) bytes before are not kept)\n"
        return note + String(shown)
    }
}
