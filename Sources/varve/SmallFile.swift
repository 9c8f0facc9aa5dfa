import Glibc
import LocalAPI

/// Files that are read whole: keys, recipients, recovery kits.
enum SmallFile {
    /// 1 MiB: keys and recipients are lines of some 70 bytes.
    private static let keyBytesMax = 1 << 20

    /// The bytes of a file of keys.
    ///
    /// - Throws: What the file refuses; `.tooLarge` above 1 MiB.
    static func bytes(_ path: String) throws -> [UInt8] {
        let descriptor = open(HostFile.path(ArgumentBytes.bytes(path)), O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw HostFile.failure("read '\(path)'") }
        defer { close(descriptor) }
        if let bytes = try bytes(of: descriptor, named: path, max: keyBytesMax) { return bytes }
        throw APIError(.tooLarge, "'\(path)' is no file of keys: it has over 1 MiB")
    }

    /// All bytes of an open file.
    ///
    /// - Parameters:
    ///   - descriptor: It stays open.
    ///   - name: For messages.
    ///   - max: As many are read at most, and one piece.
    /// - Returns: `nil` where there are more.
    /// - Throws: `.failed` when reading fails.
    static func bytes(of descriptor: Int32, named name: String, max: Int) throws -> [UInt8]? {
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 4_096)
        while bytes.count <= max {
            let count = Glibc.read(descriptor, &piece, piece.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw HostFile.failure("read '\(name)'") }
            if count == 0 { return bytes }
            bytes += piece.prefix(count)
        }
        return nil
    }

    /// Lines that say something: neither empty nor a comment.
    static func lines(_ path: String) throws -> [String] {
        try bytes(path).split(separator: UInt8(ascii: "\n"))
            .map { line in
                String(decoding: line.filter { $0 != 13 && $0 != 32 && $0 != 9 }, as: UTF8.self)
            }
            .filter { !$0.isEmpty && !$0.hasPrefix("#") }
    }
}
