import Glibc
import LocalAPI
import NIOCore

/// The system's tar, at the other end of a pipe: it reads and writes host trees as the user who runs `varve`.
final class TarProcess {
    /// Our end of the pipe.
    let descriptor: Int32
    private let process: pid_t
    /// As waitpid(2) tells it.
    private var status: Int32 = 0
    /// A file of no name, not a pipe: a tar with much to say must not wait for its reader.
    private let errors: UnsafeMutablePointer<FILE>

    /// Starts `tar --create` over a directory.
    static func reading(directory: [UInt8]) throws -> TarProcess {
        try TarProcess(
            [
                "--create", "--format=posix", "--sparse", "--xattrs", "--xattrs-include=*",
                "--numeric-owner",
            ],
            directory: directory,
            operands: ["."],
            weRead: true
        )
    }

    /// Starts `tar --extract` into a directory, which is made when missing.
    static func writing(directory: [UInt8]) throws -> TarProcess {
        let result = withTerminator(directory) { mkdir($0, 0o755) }
        guard result == 0 || errno == EEXIST else {
            throw APIError(
                .failed,
                "make directory '\(String(decoding: directory, as: UTF8.self))': \(String(cString: strerror(errno)))"
            )
        }
        return try TarProcess(
            [
                "--extract", "--warning=no-unknown-keyword", "--xattrs", "--xattrs-include=*",
                "--same-permissions",
                // As a user too, so that owners that cannot be given are told of.
                "--same-owner", "--numeric-owner",
            ],
            directory: directory,
            operands: [],
            weRead: false
        )
    }

    /// Unpacks a stream from the daemon into a host directory.
    static func export(
        _ client: Client,
        _ request: TreeStream,
        to directory: [UInt8]
    ) async throws -> TreeReport {
        let tar = try writing(directory: directory)
        var bytes: UInt64 = 0
        let report: TreeReport
        do {
            report = try await client.download(Route.exportStream, request) { part in
                bytes += UInt64(part.count)
                ProgressLine.show(Progress(phase: "exporting", bytes: bytes))
                try Output.write(part, to: tar.descriptor)
            }
        } catch {
            // Why tar took no more, if that was it, says more than that it did.
            for item in tar.stop().listed { Output.note("varve: \(item.what)") }
            throw error
        }
        close(tar.descriptor)
        ProgressLine.end()
        return report.adding(tar.finish())
    }

    /// Hangs up before its end; answers what it complained about.
    func stop() -> Complaints {
        close(descriptor)
        return complaints()
    }

    /// Waits for its end; what it complained about was left out.
    func finish() -> Complaints {
        let left = complaints()
        if left.count == 0, status != 0 {
            let what = "tar ended with \(status >> 8), and does not say why"
            return Complaints(listed: [TarProcess.left(what)], count: 1)
        }
        return left
    }

    /// What it complained about: the first thousand, and how many there were.
    struct Complaints {
        var listed: [LeftOut] = []
        var count: UInt64 = 0
        static let listedMax = 1_000
    }

    private func complaints() -> Complaints {
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        var complaints = Complaints()
        // SAFETY: getline(3) grows the line as it needs to; it is freed below.
        var line: UnsafeMutablePointer<CChar>?
        var room = 0
        defer {
            free(line)
            fclose(errors)
        }
        rewind(errors)
        while case let count = getline(&line, &room, errors), count > 0, let start = line {
            let bytes = UnsafeRawBufferPointer(start: start, count: count)
            let text = String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
            if TarProcess.harmless.contains(where: { text.contains($0) }) { continue }
            complaints.count += 1
            if complaints.listed.count < Complaints.listedMax {
                complaints.listed.append(TarProcess.left(text))
            }
        }
        return complaints
    }

    /// What tar says in passing: nothing was left out for it.
    private static let harmless = [
        "Exiting with failure status due to previous errors", "s in the future",
        "implausibly old time stamp",
    ]

    private static func left(_ line: String) -> LeftOut {
        LeftOut(path: EscapedBytes("tar".utf8), what: line.replacing("tar: ", with: ""))
    }

    private init(_ options: [String], directory: [UInt8], operands: [String], weRead: Bool) throws {
        var data: [Int32] = [0, 0]
        guard pipe(&data) == 0, let complaints = tmpfile() else {
            throw APIError(
                .failed,
                "make a pipe and a temporary file: \(String(cString: strerror(errno)))"
            )
        }
        for end in data + [fileno(complaints)] { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        // Its words are passed on, and must not depend on who runs it.
        setenv("LC_ALL", "C", 1)
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, data[weRead ? 1 : 0], weRead ? 1 : 0)
        posix_spawn_file_actions_adddup2(&actions, fileno(complaints), 2)
        let words = ["tar"] + options + ["--file=-", "--directory"]
        var arguments = words.map { strdup($0) }
        arguments.append(TarProcess.withTerminator(directory) { strdup($0) })
        arguments += operands.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var child: pid_t = 0
        let result = posix_spawnp(&child, "tar", &actions, nil, arguments, environ)
        close(data[weRead ? 1 : 0])
        guard result == 0 else {
            throw APIError(
                .failed,
                "start tar: \(String(cString: strerror(result)))",
                remedy: "Install tar, or run varve as root or as the daemon's own user."
            )
        }
        process = child
        descriptor = data[weRead ? 0 : 1]
        errors = complaints
    }

    private static func withTerminator<Result>(
        _ bytes: [UInt8],
        _ body: (UnsafePointer<CChar>) -> Result
    ) -> Result {
        (bytes.map { CChar(bitPattern: $0) } + [0]).withUnsafeBufferPointer { buffer in
            guard let start = buffer.baseAddress else {
                preconditionFailure("a terminator stands there")
            }
            return body(start)
        }
    }
}
