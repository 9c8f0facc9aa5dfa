/// The seek table of zstd's seekable format 0.1.0 (facebook/zstd, contrib/seekable_format): where each frame of a file
/// begins, compressed and plain.
///
/// It is a skippable frame of kind 14 at the end of the file: for each frame u32 compressed bytes, u32 plain bytes, u32 low
/// half of the plain bytes' XXH64; then u32 frames, u8 descriptor (bit 7: there are checksums), u32 0x8F92EAB1. All
/// little-endian.
package struct SeekTable: Sendable {
    /// One frame, data or skippable.
    package struct Frame: Sendable, Hashable {
        package let compressedBytes: UInt32
        /// 0 of a skippable frame.
        package let plainBytes: UInt32
        /// What a frame that has a checksum ends with; 0 of a skippable frame.
        package let checksum: UInt32

        package init(compressedBytes: UInt32, plainBytes: UInt32, checksum: UInt32) {
            self.compressedBytes = compressedBytes
            self.plainBytes = plainBytes
            self.checksum = checksum
        }

        /// A data frame with a checksum, of so many plain bytes.
        package init(frame: [UInt8], plainBytes: Int) {
            precondition(frame.count >= 8, "a zstd frame has a head and a checksum")
            self.init(
                compressedBytes: UInt32(frame.count),
                plainBytes: UInt32(plainBytes),
                checksum: SkippableFrame.word(frame, at: frame.count - 4)
            )
        }

        package init(skippable frame: [UInt8]) {
            self.init(compressedBytes: UInt32(frame.count), plainBytes: 0, checksum: 0)
        }

        /// Its 12 bytes in the table.
        package var bytes: [UInt8] {
            SkippableFrame.word(compressedBytes) + SkippableFrame.word(plainBytes)
                + SkippableFrame.word(checksum)
        }
    }

    package private(set) var frames: [Frame] = []
    /// Where frame i begins, and behind the last where the table does.
    package private(set) var starts: [UInt64] = [0]
    package private(set) var plainStarts: [UInt64] = [0]

    private static let kind: UInt32 = 14
    private static let magic: UInt32 = 0x8F92_EAB1
    private static let hasChecksums: UInt8 = 0x80
    private static let entryBytes = 12
    package static let footerBytes = 9
    /// As zstd's own reader: 2^27 frames.
    package static let framesMax = 1 << 27

    package init() {}

    package mutating func append(_ frame: Frame) {
        frames.append(frame)
        // Sums of at most 2^27 numbers of 32 bits.
        starts.append(starts[starts.count - 1] + UInt64(frame.compressedBytes))
        plainStarts.append(plainStarts[plainStarts.count - 1] + UInt64(frame.plainBytes))
    }

    /// Plain bytes of all frames.
    package var plainBytes: UInt64 { plainStarts[plainStarts.count - 1] }

    /// The frames that a range of plain bytes touches.
    package func frames(of range: Range<UInt64>) -> Range<Int> {
        guard !range.isEmpty, range.upperBound <= plainBytes else { return 0..<0 }
        // Of frames without plain bytes the last begins where the next one's begin: the first start beyond decides.
        let first = firstStart(above: range.lowerBound) - 1
        let end = firstStart(above: range.upperBound - 1)
        return first..<end
    }

    private func firstStart(above position: UInt64) -> Int {
        var low = 0
        var high = plainStarts.count
        while low < high {
            let middle = (low + high) / 2
            if plainStarts[middle] > position { high = middle } else { low = middle + 1 }
        }
        return low
    }

    /// The table as the frame that ends a file.
    package func encoded() -> [UInt8] {
        precondition(frames.count <= SeekTable.framesMax, "a seek table is bounded")
        var content: [UInt8] = []
        content.reserveCapacity(frames.count * SeekTable.entryBytes + SeekTable.footerBytes)
        for frame in frames { content += frame.bytes }
        content += SkippableFrame.word(UInt32(frames.count))
        content.append(SeekTable.hasChecksums)
        content += SkippableFrame.word(SeekTable.magic)
        return SkippableFrame.encode(content, kind: SeekTable.kind)
    }

    /// Bytes that the table takes at the end of the file, by the file's last ``footerBytes``.
    ///
    /// - Throws: `.malformed` for no footer, or one of a table without checksums; `.tooLarge` for too many frames.
    package static func byteCount(footer: [UInt8]) throws(CompressionError) -> UInt64 {
        guard footer.count == footerBytes, SkippableFrame.word(footer, at: 5) == magic else {
            throw CompressionError(.malformed, "the file does not end in a seek table")
        }
        guard footer[4] == hasChecksums else {
            throw CompressionError(
                .malformed,
                "the seek table's descriptor is \(footer[4]), not \(hasChecksums)"
            )
        }
        let count = SkippableFrame.word(footer, at: 0)
        guard count <= framesMax else {
            throw CompressionError(
                .tooLarge,
                "the seek table names \(count) frames; at most \(framesMax) are read"
            )
        }
        return UInt64(SkippableFrame.headBytes + footerBytes) + UInt64(count) * UInt64(entryBytes)
    }

    /// Reads a table.
    ///
    /// - Parameters:
    ///   - bytes: As many as ``byteCount(footer:)`` says, from the end of the file.
    ///   - end: Where the table begins: its frames must fill the file up to there.
    /// - Throws: `.malformed`.
    package init(_ bytes: [UInt8], endingAt end: UInt64) throws(CompressionError) {
        let content = try SkippableFrame.decode(bytes, kind: SeekTable.kind)
        let footer = Array(content.suffix(SeekTable.footerBytes))
        guard try SeekTable.byteCount(footer: footer) == UInt64(bytes.count) else {
            throw CompressionError(.malformed, "the seek table's length is not what it says")
        }
        for start in stride(
            from: 0,
            to: content.count - SeekTable.footerBytes,
            by: SeekTable.entryBytes
        ) {
            append(
                Frame(
                    compressedBytes: SkippableFrame.word(content, at: start),
                    plainBytes: SkippableFrame.word(content, at: start + 4),
                    checksum: SkippableFrame.word(content, at: start + 8)
                )
            )
        }
        guard starts[starts.count - 1] == end else {
            throw CompressionError(
                .malformed,
                "the seek table names frames of \(starts[starts.count - 1]) bytes where \(end) are"
            )
        }
    }
}
