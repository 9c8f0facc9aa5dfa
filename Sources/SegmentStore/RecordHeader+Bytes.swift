import Compression
import VarveModel

/// A record header's bytes (docs/formats/segments.md, "Record").
extension RecordHeader {
    /// `VRCD`, as a little-endian number.
    static let magic: UInt32 = 0x4443_5256
    static let format: UInt8 = 1

    /// The header's bytes, its crc32c included.
    func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: headerBytes)
        writer.append(RecordHeader.magic)
        writer.append(RecordHeader.format)
        writer.append(kind.rawValue)
        writer.append(UInt16(0))
        writer.append(UInt32(headerBytes))
        writer.append(UInt32(0))
        writer.append(bytes: family.bytes)
        writer.append(segment.rawValue)
        writer.append(offset)
        writer.append(number)
        writer.append(draft.identity.inode.rawValue)
        writer.append(draft.identity.sequence)
        writer.append(draft.epoch.rawValue)
        writer.append(draft.identity.tile)
        writer.append(draft.offsetInTile)
        writer.append(UInt32(plainBytes))
        writer.append(UInt32(blockBytes))
        writer.append(UInt32(blocks.count))
        writer.append(UInt32(sealedBytes))
        writer.append(draft.fileSize)
        writer.append(draft.change)
        writer.append(draft.modified.seconds)
        writer.append(draft.modified.nanoseconds)
        writer.append(UInt32(0))
        for block in blocks {
            writer.append(UInt32(block.sealedBytes) | UInt32(block.codec.rawValue) << 24)
        }
        var bytes = writer.bytes
        RecordHeader.setChecksum(in: &bytes)
        return bytes
    }

    private static func setChecksum(in bytes: inout [UInt8]) {
        let checksum = CRC32C.checksum(bytes)
        withUnsafeBytes(of: checksum.littleEndian) { field in
            for index in 0..<4 { bytes[12 + index] = field[index] }
        }
    }

    /// Reads the header that begins `bytes`; what follows it is ignored.
    ///
    /// `nil` for bytes that are none, were changed, are of another format, or are cut short.
    init?(_ bytes: UnsafeRawBufferPointer) {
        guard let size = RecordHeader.size(bytes), size <= bytes.count,
            RecordHeader.hasGoodChecksum(UnsafeRawBufferPointer(rebasing: bytes[0..<size]))
        else { return nil }
        func u32(_ offset: Int) -> UInt32 {
            UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
        }
        func u64(_ offset: Int) -> UInt64 {
            UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        }
        guard let kind = Kind(rawValue: bytes[5]),
            let family = UniqueID(bytes: Array(bytes[16..<32])),
            u32(128) < 1_000_000_000
        else { return nil }
        self.kind = kind
        self.family = family
        segment = SegmentID(rawValue: u64(32))
        offset = u64(40)
        number = u64(48)
        draft = RecordDraft(
            identity: RecordIdentity(
                inode: InodeNumber(rawValue: u64(56)),
                tile: u32(80),
                sequence: u64(64)
            ),
            epoch: Epoch(rawValue: u64(72)),
            offsetInTile: u32(84),
            fileSize: u64(104),
            modified: Timestamp(
                seconds: Int64(bitPattern: u64(120)),
                nanoseconds: u32(128)
            ),
            change: u64(112)
        )
        plainBytes = Int(u32(88))
        blockBytes = Int(u32(92))
        let count = Int(u32(96))
        guard size == SegmentFormat.recordHeaderBytes(blocks: count) else { return nil }
        var blocks: [RecordBlock] = []
        blocks.reserveCapacity(count)
        for index in 0..<count {
            let entry = u32(SegmentFormat.recordFixedBytes + 4 * index)
            guard let codec = BlockCodec(rawValue: UInt8(entry >> 24)) else { return nil }
            blocks.append(RecordBlock(sealedBytes: Int(entry & 0xFF_FFFF), codec: codec))
        }
        self.blocks = blocks
        guard isConsistent, u32(100) == UInt32(sealedBytes) else { return nil }
    }

    /// The header's size that `bytes` declare; `nil` unless they begin as a record of this format.
    static func size(_ bytes: UnsafeRawBufferPointer) -> Int? {
        guard bytes.count >= SegmentFormat.recordFixedBytes,
            UInt32(littleEndian: bytes.loadUnaligned(as: UInt32.self)) == magic,
            bytes[4] == format
        else { return nil }
        let size = Int(
            UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt32.self))
        )
        let max = SegmentFormat.recordHeaderBytes(
            blocks: SegmentFormat.tableBytesMax / SegmentFormat.blockBytesMin
        )
        return (SegmentFormat.recordFixedBytes...max).contains(size) ? size : nil
    }

    private static func hasGoodChecksum(_ header: UnsafeRawBufferPointer) -> Bool {
        let stored = UInt32(
            littleEndian: header.loadUnaligned(fromByteOffset: 12, as: UInt32.self)
        )
        // The field counts as zero in its own checksum.
        var checksum = CRC32C.checksum(UnsafeRawBufferPointer(rebasing: header[0..<12]))
        withUnsafeBytes(of: UInt32(0)) { checksum = CRC32C.checksum($0, continuing: checksum) }
        checksum = CRC32C.checksum(
            UnsafeRawBufferPointer(rebasing: header[16...]),
            continuing: checksum
        )
        return checksum == stored
    }

    /// The fields agree with one another, so that nobody reads past a buffer by believing them.
    private var isConsistent: Bool {
        let max = kind == .table ? SegmentFormat.tableBytesMax : SegmentFormat.plainBytesMax
        guard (1...max).contains(plainBytes),
            (SegmentFormat.blockBytesMin...SegmentFormat.blockBytesMax).contains(blockBytes),
            blockBytes.nonzeroBitCount == 1,
            blocks.count
                == SegmentFormat.blockCount(plainBytes: plainBytes, blockBytes: blockBytes)
        else { return false }
        for (index, block) in blocks.enumerated() {
            let stored = plainRange(ofBlock: index).count + SegmentFormat.tagBytes
            switch block.codec {
            case .none: guard block.sealedBytes == stored else { return false }
            case .zstd:
                guard (SegmentFormat.tagBytes + 1..<stored).contains(block.sealedBytes) else {
                    return false
                }
            }
        }
        return true
    }
}
