import Glibc
import LocalAPI
import NIOCore

/// The system's tar, at the other end of a pipe: it reads and writes host trees as the user who runs `varve`.
final class TarProcess {
    /// Our end of the pipe.
    let descriptor: Int32
    private let process: pid_t
    private let errors: Int32

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
                "--extract", "--xattrs", "--xattrs-include=*", "--same-permissions",
                "--numeric-owner",
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
        try await client.download(Route.exportStream, request) { part in
            bytes += UInt64(part.count)
            ProgressLine.show(Progress(phase: "export", bytes: bytes))
            try Output.write(part, to: tar.descriptor)
        }
        close(tar.descriptor)
        ProgressLine.end()
        return TreeReport(files: 0, directories: 0, others: 0, bytes: bytes, left: tar.finish())
    }

    /// Waits for its end; what it complained about was left out.
    func finish() -> [LeftOut] {
        var text: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4_096)
        while case let count = read(errors, &buffer, buffer.count), count > 0 {
            text.append(contentsOf: buffer.prefix(count))
        }
        close(errors)
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        guard status != 0 else { return [] }
        return text.split(separator: UInt8(ascii: "\n")).map { line in
            LeftOut(path: EscapedBytes("tar".utf8), what: String(decoding: line, as: UTF8.self))
        }
    }

    private init(_ options: [String], directory: [UInt8], operands: [String], weRead: Bool) throws {
        var data: [Int32] = [0, 0]
        var complaints: [Int32] = [0, 0]
        guard pipe(&data) == 0, pipe(&complaints) == 0 else {
            throw APIError(.failed, "make a pipe: \(String(cString: strerror(errno)))")
        }
        for end in data + complaints { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, data[weRead ? 1 : 0], weRead ? 1 : 0)
        posix_spawn_file_actions_adddup2(&actions, complaints[1], 2)
        let words = ["tar"] + options + ["--file=-", "--directory"]
        var arguments = words.map { strdup($0) }
        arguments.append(TarProcess.withTerminator(directory) { strdup($0) })
        arguments += operands.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var child: pid_t = 0
        let result = posix_spawnp(&child, "tar", &actions, nil, arguments, environ)
        close(data[weRead ? 1 : 0])
        close(complaints[1])
        guard result == 0 else {
            throw APIError(
                .failed,
                "start tar: \(String(cString: strerror(result)))",
                remedy: "Install tar, or run varve as root or as the daemon's own user."
            )
        }
        process = child
        descriptor = data[weRead ? 0 : 1]
        errors = complaints[0]
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

/// A descriptor's bytes, 256 KiB at a time.
struct DescriptorBytes: AsyncSequence, Sendable {
    let descriptor: Int32

    struct AsyncIterator: AsyncIteratorProtocol {
        let descriptor: Int32

        mutating func next() async throws -> ByteBuffer? {
            var buffer = ByteBufferAllocator().buffer(capacity: 256 << 10)
            var failure: Int32 = 0
            buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: 256 << 10) { bytes in
                while true {
                    let count = read(descriptor, bytes.baseAddress, bytes.count)
                    if count >= 0 { return count }
                    guard errno == EINTR else {
                        failure = errno
                        return 0
                    }
                }
            }
            guard failure == 0 else {
                throw APIError(.failed, "read the source: \(String(cString: strerror(failure)))")
            }
            return buffer.readableBytes == 0 ? nil : buffer
        }
    }

    func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(descriptor: descriptor)
    }
}
