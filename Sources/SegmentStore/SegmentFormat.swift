import VarveModel

/// The numbers of the format that docs/formats/segments.md describes.
enum SegmentFormat {
    static let version: UInt32 = 1

    /// One page: the header is overwritten as a whole and never shares a block with a record.
    static let headerBytes: UInt64 = 4096

    /// Records begin on multiples of this, so that a scan finds them again after a hole.
    static let alignment: UInt64 = 64

    /// Plain bytes of a block at most.
    static let blockBytesMax = 64 << 10
    static let blockBytesMin = 512

    /// A slice never leaves its tile of 4 MiB.
    static let plainBytesMax = 4 << 20

    /// A table of a 64 MiB segment of the smallest records (256 bytes, 32 in the table) has 8 MiB.
    static let tableBytesMax = 64 << 20

    /// Bytes of a record's header before its table of blocks.
    static let recordFixedBytes = 136

    /// Bytes that a commit marker occupies.
    static let markerBytes = aligned(
        UInt64(recordHeaderBytes(blocks: 1) + CommitMarker.bytes + tagBytes)
    )

    /// Bytes behind a table that say where it begins.
    static let trailerBytes: UInt64 = 64

    /// Bytes of an AES-256-GCM tag.
    static let tagBytes = 16

    /// The number whose nonce authenticates the segment's header; records count from 0.
    static let headerNumber = UInt64.max

    static func recordHeaderBytes(blocks: Int) -> Int { recordFixedBytes + 4 * blocks }

    static func aligned(_ bytes: UInt64) -> UInt64 {
        (bytes + alignment - 1) / alignment * alignment
    }

    static func blockCount(plainBytes: Int, blockBytes: Int) -> Int {
        (plainBytes + blockBytes - 1) / blockBytes
    }

    /// Bytes of a record none of whose blocks is compressed.
    static func recordBytes(plainBytes: Int, blockBytes: Int) -> Int {
        let blocks = blockCount(plainBytes: plainBytes, blockBytes: blockBytes)
        return recordHeaderBytes(blocks: blocks) + plainBytes + tagBytes * blocks
    }

    /// Bytes that the table of `count` records occupies, with its trailer.
    static func tableFootprint(records count: Int) -> UInt64 {
        let plain = SegmentTable.plainBytes(records: count)
        return aligned(UInt64(recordBytes(plainBytes: plain, blockBytes: blockBytesMax)))
            + trailerBytes
    }
}
