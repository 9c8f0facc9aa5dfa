/// Bytes among zstd frames that a decompressor steps over (RFC 8878 §3.1.2).
///
/// | Offset | Bytes | Field |
/// |---:|---:|---|
/// | 0 | 4 | magic 0x184D2A50 + kind, little-endian |
/// | 4 | 4 | n, little-endian |
/// | 8 | n | content |
package enum SkippableFrame {
    package static let headBytes = 8
    private static let magic: UInt32 = 0x184D_2A50

    /// A frame of one of the 16 kinds.
    package static func encode(_ content: [UInt8], kind: UInt32) -> [UInt8] {
        precondition(kind < 16 && content.count <= UInt32.max, "a skippable frame has bounds")
        return word(magic + kind) + word(UInt32(content.count)) + content
    }

    /// The content of exactly one frame of this kind.
    ///
    /// - Throws: `.malformed` for anything else.
    package static func decode(
        _ frame: [UInt8],
        kind: UInt32
    ) throws(CompressionError) -> [UInt8] {
        guard frame.count >= headBytes, word(frame, at: 0) == magic + kind,
            Int(word(frame, at: 4)) == frame.count - headBytes
        else {
            throw CompressionError(
                .malformed,
                "\(frame.count) bytes are not one skippable frame of kind \(kind)"
            )
        }
        return Array(frame[headBytes...])
    }

    static func word(_ value: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * UInt32($0))) }
    }

    static func word(_ bytes: [UInt8], at offset: Int) -> UInt32 {
        (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[offset + $1]) << (8 * UInt32($1)) }
    }
}
