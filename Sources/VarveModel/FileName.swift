/// One component of a path: 1 to 255 bytes, no `/`, no NUL; not necessarily UTF-8.
package struct FileName: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let bytes: [UInt8]

    /// Bytes in a name at most (POSIX NAME_MAX).
    package static let bytesMax = 255

    /// Answers `nil` when empty, too long, or holding `/` or NUL.
    ///
    /// `.` and `..` are names here; whoever creates refuses them.
    package init?(bytes: [UInt8]) {
        guard !bytes.isEmpty, bytes.count <= FileName.bytesMax else { return nil }
        guard !bytes.contains(0), !bytes.contains(UInt8(ascii: "/")) else { return nil }
        self.bytes = bytes
    }

    package init?(_ text: String) {
        self.init(bytes: Array(text.utf8))
    }

    package var isDot: Bool { bytes == [UInt8(ascii: ".")] }
    package var isDotDot: Bool { bytes == [UInt8(ascii: "."), UInt8(ascii: ".")] }

    /// For people: bytes that are not UTF-8 show as the replacement character.
    package var description: String { String(decoding: bytes, as: UTF8.self) }

    package static func < (left: FileName, right: FileName) -> Bool {
        left.bytes.lexicographicallyPrecedes(right.bytes)
    }
}
