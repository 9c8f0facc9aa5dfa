package import VarveModel

/// Where a record stands: what a slice row points at.
package struct RecordAddress: Hashable, Sendable {
    package let segment: SegmentID
    /// Bytes from the start of the segment's file; a multiple of 64.
    package let offset: UInt64
    /// Bytes of the header and the sealed blocks, without the padding behind them.
    package let length: UInt64

    package init(segment: SegmentID, offset: UInt64, length: UInt64) {
        self.segment = segment
        self.offset = offset
        self.length = length
    }

    /// Bytes that the record occupies: its length up to the next multiple of 64.
    package var footprint: UInt64 { SegmentFormat.aligned(length) }

    /// The bytes of the file that the record occupies.
    var range: Range<UInt64> { offset..<offset + footprint }
}

/// Which slice a record holds; a read names it and is refused another.
///
/// A reader that only knows the inode and the tile, because rows share the record, names
/// sequence 0, which is never issued.
package struct RecordIdentity: Hashable, Sendable, CustomStringConvertible {
    package let inode: InodeNumber
    /// The 4 MiB tile of the file.
    package let tile: UInt32
    /// The slice's number, unique in its file system.
    package let sequence: UInt64

    package init(inode: InodeNumber, tile: UInt32, sequence: UInt64) {
        self.inode = inode
        self.tile = tile
        self.sequence = sequence
    }

    /// Whether a record of `found` is what this one asks for.
    func accepts(_ found: RecordIdentity) -> Bool {
        inode == found.inode && tile == found.tile && (sequence == found.sequence || sequence == 0)
    }

    package var description: String {
        "inode \(inode.rawValue) tile \(tile) sequence \(sequence)"
    }
}

/// What the writer of a slice says about it; salvage rebuilds files from this alone.
package struct RecordDraft: Hashable, Sendable {
    package let identity: RecordIdentity
    package let epoch: Epoch
    /// Where in the tile the slice begins.
    package let offsetInTile: UInt32
    /// Bytes of the file after the write.
    package let fileSize: UInt64
    /// The file's mtime after the write.
    package let modified: Timestamp
    /// The file's change attribute after the write.
    package let change: UInt64

    package init(
        identity: RecordIdentity,
        epoch: Epoch,
        offsetInTile: UInt32,
        fileSize: UInt64,
        modified: Timestamp,
        change: UInt64
    ) {
        self.identity = identity
        self.epoch = epoch
        self.offsetInTile = offsetInTile
        self.fileSize = fileSize
        self.modified = modified
        self.change = change
    }

    /// What commit markers and tables carry in these fields: zeros.
    static let none = RecordDraft(
        identity: RecordIdentity(inode: InodeNumber(rawValue: 0), tile: 0, sequence: 0),
        epoch: .zero,
        offsetInTile: 0,
        fileSize: 0,
        modified: .epoch,
        change: 0
    )
}

/// How a block's plain bytes were written; raw values are stored.
package enum BlockCodec: UInt8, Sendable, Hashable, CaseIterable {
    case none = 0
    case zstd = 1
}

/// One sealed block of a record.
package struct RecordBlock: Hashable, Sendable {
    // Eight bytes a block: a cached header may list hundreds.
    private let size: UInt32
    package let codec: BlockCodec

    /// Bytes on disk, the 16 of the tag included.
    package var sealedBytes: Int { Int(size) }

    package init(sealedBytes: Int, codec: BlockCodec) {
        size = UInt32(sealedBytes)
        self.codec = codec
    }
}

/// What stands in front of a record's blocks, and is authenticated with each of them.
package struct RecordHeader: Hashable, Sendable {
    /// What a record is; raw values are stored.
    package enum Kind: UInt8, Sendable, Hashable, CaseIterable {
        /// A slice's bytes.
        case data = 0
        /// Written before each sync.
        case commitMarker = 1
        /// Lists all records, at the end of a closed segment.
        case table = 2
    }

    package let kind: Kind
    package let family: UniqueID
    package let segment: SegmentID
    /// Where the record begins in its segment's file.
    package let offset: UInt64
    /// The record's number in its segment: the first 64 bits of every block's nonce.
    package let number: UInt64
    package let draft: RecordDraft
    /// Bytes that the blocks hold together.
    package let plainBytes: Int
    /// Plain bytes of every block but the last: a power of two from 512 to 64 KiB.
    package let blockBytes: Int
    package let blocks: [RecordBlock]

    package var identity: RecordIdentity { draft.identity }

    package var address: RecordAddress {
        RecordAddress(segment: segment, offset: offset, length: UInt64(headerBytes + sealedBytes))
    }

    /// Bytes of the header itself, the table of blocks included.
    var headerBytes: Int { SegmentFormat.recordHeaderBytes(blocks: blocks.count) }

    /// Bytes of all blocks as sealed.
    var sealedBytes: Int { blocks.reduce(0) { $0 + $1.sealedBytes } }

    /// The plain bytes that a block holds.
    func plainRange(ofBlock index: Int) -> Range<Int> {
        index * blockBytes..<min(plainBytes, (index + 1) * blockBytes)
    }
}
