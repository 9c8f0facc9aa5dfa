import Glibc
import LocalAPI

/// A file of paths, whose bytes are taken as they are.
enum ItemList {
    /// 8 MiB: half of what a request may be, since escaping makes paths longer.
    private static let bytesMax = 8 << 20

    /// Reads paths, one a line or each ended by a NUL; empty ones mean nothing.
    ///
    /// - Throws: What the file refuses, `.tooLarge`.
    static func read(_ file: String, endInNUL: Bool) throws -> [EscapedBytes] {
        let end = endInNUL ? 0 : UInt8(ascii: "\n")
        return try contents(file).split(separator: end).map { EscapedBytes($0) }
    }

    private static func contents(_ file: String) throws -> [UInt8] {
        let path = ArgumentBytes.bytes(file)
        let isInput = path == [UInt8(ascii: "-")]
        let descriptor = isInput ? 0 : path.withCString { open($0, O_RDONLY | O_CLOEXEC) }
        guard descriptor >= 0 else { throw refused(file) }
        defer { if !isInput { close(descriptor) } }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = Glibc.read(descriptor, &piece, piece.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw refused(file) }
            guard count > 0 else { return bytes }
            bytes += piece.prefix(count)
            guard bytes.count <= bytesMax else {
                throw APIError(
                    .tooLarge,
                    "'\(file)' is longer than \(bytesMax) bytes",
                    remedy: "Name directories instead of all that is in them."
                )
            }
        }
    }

    private static func refused(_ file: String) -> APIError {
        APIError(.failed, "'\(file)': \(String(cString: strerror(errno)))")
    }
}

extension [UInt8] {
    /// The bytes with a NUL behind them.
    fileprivate func withCString<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
        (self + [0]).withUnsafeBufferPointer { buffer in
            buffer.withMemoryRebound(to: CChar.self) { characters in
                guard let start = characters.baseAddress else {
                    preconditionFailure("a buffer with a NUL in it has a start")
                }
                return body(start)
            }
        }
    }
}
