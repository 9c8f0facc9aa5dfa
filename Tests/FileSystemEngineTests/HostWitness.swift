import Dispatch
import Foundation
import Glibc
import Synchronization
import VarveModel

@testable import FileSystemEngine

/// The kernel's own file system as a witness: a thread of its own, rooted in a temporary directory,
/// that takes on each caller's identity.
///
/// Root of the thread, its umask and its identity are the thread's alone, so other tests go on beside.
final class HostWitness: @unchecked Sendable {
    // SAFETY: `run` hands it to one thread, and waits.
    private let directory: String
    private var before: [UInt64: stat] = [:]
    private var failure: String?

    /// Root can do all of this; anybody else is told why the test is left out.
    static let isPossible = geteuid() == 0

    init(_ directory: String) {
        self.directory = directory
    }

    /// Runs a sequence of calls, observing the tree after each.
    ///
    /// - Throws: When the thread may not change its root or identity (a container without the rights).
    static func run(
        _ operations: [PosixOperation],
        in directory: String
    ) async throws -> [PosixObservation] {
        let witness = HostWitness(directory)
        return try await withCheckedThrowingContinuation { continuation in
            // Resuming may make a thread, which would share the root of the one that resumes: so it is
            // another that waits for the witness.
            let waiting = Thread { continuation.resume(with: witness.runOnOwnThread(operations)) }
            waiting.name = "varve-waiting"
            waiting.start()
        }
    }

    private func runOnOwnThread(
        _ operations: [PosixOperation]
    ) -> Result<[PosixObservation], any Error> {
        let isDone = DispatchSemaphore(value: 0)
        let result = Mutex<Result<[PosixObservation], any Error>>(.success([]))
        let thread = Thread { [self] in
            let found = Result { try work(operations) }
            result.withLock { $0 = found }
            isDone.signal()
        }
        thread.name = "varve-witness"
        thread.stackSize = 4 << 20
        thread.start()
        isDone.wait()
        return result.withLock { $0 }
    }

    private func work(_ operations: [PosixOperation]) throws -> [PosixObservation] {
        try RawCalls.enterDirectory(directory)
        _ = umask(0)
        guard chmod("/", 0o777) == 0 else { throw RawCalls.failed("chmod") }
        _ = dump(isCompared: false)
        var observations: [PosixObservation] = []
        for operation in operations {
            RawCalls.waitForTick()
            let outcome = try perform(operation)
            observations.append(
                PosixObservation(
                    outcome: outcome,
                    lines: dump(isCompared: !operation.readsData)
                )
            )
        }
        return observations
    }

    private func perform(_ operation: PosixOperation) throws -> PosixOutcome {
        if isGuarded(operation) { return .skipped }
        try RawCalls.become(operation.caller)
        let outcome = call(operation.action)
        try RawCalls.become(.root)
        return outcome
    }

    /// What Linux refuses by sysctl (protected_hardlinks), does to a device or FIFO, or does by open(2)
    /// where the engine has reads alone.
    private func isGuarded(_ operation: PosixOperation) -> Bool {
        switch operation.action {
        case .link(let path, _):
            guard let status = status(path) else { return false }
            return !operation.caller.isRoot && status.st_uid != operation.caller.uid
        case .read(let path):
            guard let status = status(path) else { return false }
            return status.st_mode & S_IFMT != S_IFREG
        case .write(let path, _, _), .truncate(let path, _):
            guard let status = status(path) else { return false }
            return ![S_IFREG, S_IFDIR].contains(status.st_mode & S_IFMT)
        case .changeMode(let path, _):
            guard let status = status(path) else { return false }
            return status.st_mode & S_IFMT == S_IFLNK
        default: return false
        }
    }

    private func status(_ path: [String]) -> stat? {
        var status = stat()
        return lstat(Self.text(path), &status) == 0 ? status : nil
    }

    private static func text(_ path: [String]) -> String { "/" + path.joined(separator: "/") }
}

extension HostWitness {
    private func answer(_ result: Int32) -> PosixOutcome {
        result >= 0 ? .done : .refused(RawCalls.code(errno))
    }

    private func call(_ action: PosixOperation.Action) -> PosixOutcome {
        switch action {
        case .create(let path, let mode):
            let file = open(Self.text(path), O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, mode_t(mode))
            guard file >= 0 else { return answer(file) }
            return answer(close(file))
        case .makeDirectory(let path, let mode): return answer(mkdir(Self.text(path), mode_t(mode)))
        case .symlink(let path, let target): return answer(symlink(target, Self.text(path)))
        case .makeSpecial(let path, let kind, let mode):
            let type = [.fifo: S_IFIFO, .socket: S_IFSOCK][kind] ?? S_IFCHR
            // 1, 3 is /dev/null: nobody opens it here.
            let device: dev_t = kind == .device ? 0x103 : 0
            return answer(mknod(Self.text(path), type | mode_t(mode), device))
        case .link(let path, let new): return answer(link(Self.text(path), Self.text(new)))
        case .unlink(let path): return answer(unlink(Self.text(path)))
        case .removeDirectory(let path): return answer(rmdir(Self.text(path)))
        case .rename(let path, let new): return answer(rename(Self.text(path), Self.text(new)))
        case .changeMode(let path, let mode): return answer(chmod(Self.text(path), mode_t(mode)))
        case .changeOwner(let path, let uid, let gid):
            return answer(lchown(Self.text(path), uid ?? .max, gid ?? .max))
        case .truncate(let path, let size): return answer(truncate(Self.text(path), off_t(size)))
        case .write(let path, let bytes, let offset): return write(path, bytes, offset)
        case .read(let path): return read(path)
        case .list(let path): return list(path)
        case .setAttribute, .getAttribute, .removeAttribute: return callAttribute(action)
        case .setTimes(let path, let accessed, let modified):
            let times = [Self.spec(accessed), Self.spec(modified)]
            return answer(utimensat(AT_FDCWD, Self.text(path), times, AT_SYMLINK_NOFOLLOW))
        }
    }

    private static func spec(_ time: PosixOperation.Time?) -> timespec {
        switch time {
        case .none: timespec(tv_sec: 0, tv_nsec: (1 << 30) - 2)  // UTIME_OMIT
        case .now: timespec(tv_sec: 0, tv_nsec: (1 << 30) - 1)  // UTIME_NOW
        case .exactly(let seconds, let nanoseconds):
            timespec(tv_sec: Int(seconds), tv_nsec: Int(nanoseconds))
        }
    }

    private func callAttribute(_ action: PosixOperation.Action) -> PosixOutcome {
        switch action {
        case .setAttribute(let path, let name, let value, let mode):
            let flags: [AttributeSetMode: Int32] = [.either: 0, .create: 1, .replace: 2]
            return answer(RawCalls.setAttribute(Self.text(path), name, value, flags[mode] ?? 0))
        case .getAttribute(let path, let name):
            guard let value = RawCalls.attribute(Self.text(path), name) else { return answer(-1) }
            return .bytes(value)
        case .removeAttribute(let path, let name):
            return answer(RawCalls.removeAttribute(Self.text(path), name))
        default: return .skipped
        }
    }

    private func write(_ path: [String], _ bytes: [UInt8], _ offset: UInt64) -> PosixOutcome {
        let file = open(Self.text(path), O_WRONLY | O_NOFOLLOW)
        guard file >= 0 else { return answer(file) }
        let outcome = answer(pwrite(file, bytes, bytes.count, off_t(offset)) < 0 ? -1 : 0)
        close(file)
        return outcome
    }

    private func read(_ path: [String]) -> PosixOutcome {
        let file = open(Self.text(path), O_RDONLY | O_NOFOLLOW)
        guard file >= 0 else { return answer(file) }
        defer { close(file) }
        return contents(file).map { .bytes($0) } ?? answer(-1)
    }

    private func contents(_ file: Int32) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        let count = pread(file, &bytes, bytes.count, 0)
        return count >= 0 ? Array(bytes[..<count]) : nil
    }

    private func list(_ path: [String]) -> PosixOutcome {
        let file = open(Self.text(path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
        guard file >= 0 else { return answer(file) }
        return .names(names(file))
    }

    /// Takes the descriptor over.
    private func names(_ file: Int32) -> [String] {
        guard let stream = fdopendir(file) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let text = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if text != ".", text != ".." { names.append(text) }
        }
        return names.sorted()
    }
}

extension HostWitness {
    /// Lines of the whole tree, and which times moved since the last one.
    private func dump(isCompared: Bool) -> [String: String] {
        var lines: [String: String] = [:]
        var seen: [UInt64: stat] = [:]
        var first: [UInt64: String] = [:]
        var queue: [[String]] = [[]]
        while let path = queue.popLast() {
            guard let status = status(path) else { continue }
            let inode = UInt64(status.st_ino)
            let text = Self.text(path)
            if status.st_mode & S_IFMT == S_IFDIR {
                let file = open(text, O_RDONLY | RawCalls.noAccessTime)
                queue += names(file).map { path + [$0] }.sorted {
                    ($0.last ?? "") > ($1.last ?? "")
                }
            }
            seen[inode] = status
            let moved = isCompared ? moved(status, before[inode]) : ""
            lines[text] = line(status, text, first[inode]) + moved
            if first[inode] == nil { first[inode] = text }
        }
        before = seen
        return lines
    }

    private func line(_ status: stat, _ path: String, _ twin: String?) -> String {
        let kind = FileKind(rawValue: UInt8((status.st_mode & S_IFMT) >> 12)) ?? .regular
        var text = PosixLine.head(
            kind: kind,
            permissions: UInt16(status.st_mode & 0o7777),
            uid: status.st_uid,
            gid: status.st_gid,
            links: UInt64(status.st_nlink),
            twin: twin
        )
        switch kind {
        case .regular:
            let file = open(path, O_RDONLY | RawCalls.noAccessTime)
            text += PosixLine.content(contents(file) ?? [])
            close(file)
        case .symlink:
            var bytes = [UInt8](repeating: 0, count: 4_096)
            let count = bytes.withUnsafeMutableBytes { buffer in
                let target = buffer.bindMemory(to: CChar.self)
                return target.baseAddress.map { readlink(path, $0, target.count) } ?? -1
            }
            text += PosixLine.content(Array(bytes[..<max(0, count)]))
        default: break
        }
        let names = RawCalls.attributeNames(path).sorted()
        return text + PosixLine.attributes(names.map { ($0, RawCalls.attribute(path, $0) ?? []) })
    }

    private func moved(_ now: stat, _ before: stat?) -> String {
        func time(_ value: timespec) -> Timestamp {
            Timestamp(seconds: Int64(value.tv_sec), nanoseconds: UInt32(value.tv_nsec))
        }
        return PosixLine.times(
            isSymlink: now.st_mode & S_IFMT == S_IFLNK,
            now: [time(now.st_atim), time(now.st_mtim), time(now.st_ctim)],
            before: before.map { [time($0.st_atim), time($0.st_mtim), time($0.st_ctim)] }
        )
    }
}

/// How both sides write down what they see.
enum PosixLine {
    static func head(
        kind: FileKind,
        permissions: UInt16,
        uid: UInt32,
        gid: UInt32,
        links: UInt64,
        twin: String?
    ) -> String {
        "\(kind) \(String(permissions, radix: 8)) \(uid):\(gid) links \(links) as \(twin ?? "-")"
    }

    static func content(_ bytes: [UInt8]) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return " \(bytes.count) bytes \(String(hash, radix: 16))"
    }

    static func attributes(_ attributes: [(String, [UInt8])]) -> String {
        attributes.reduce("") { $0 + " \($1.0)=\(Hex.encode($1.1))" }
    }

    /// Which of atime, mtime and ctime moved; to where, when a caller chose it, which is far in the past.
    ///
    /// Reading a symlink moves its atime on the host: it is left out.
    static func times(isSymlink: Bool, now: [Timestamp], before: [Timestamp]?) -> String {
        guard let before else { return " new" }
        var text = ""
        for (index, label) in ["a", "m", "c"].enumerated() where !(isSymlink && index == 0) {
            guard now[index] != before[index] else { continue }
            let isChosen = now[index].seconds < 1_000_001
            text += isChosen ? " \(label)=\(now[index])" : " \(label)+"
        }
        return text
    }
}
