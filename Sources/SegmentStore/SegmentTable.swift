import Compression
import VarveModel

/// The authenticated list of all records that a closed segment ends in.
struct SegmentTable: Hashable, Sendable {
    /// One data record.
    struct Entry: Hashable, Sendable {
        static let bytes = 32

        let offset: UInt32
        let length: UInt32
        let identity: RecordIdentity
        let plainBytes: UInt32
    }

    let marker: CommitMarker
    let entries: [Entry]

    static func plainBytes(records count: Int) -> Int { CommitMarker.bytes + Entry.bytes * count }

    func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: SegmentTable.plainBytes(records: entries.count))
        writer.append(bytes: marker.encoded())
        for entry in entries {
            writer.append(entry.offset)
            writer.append(entry.length)
            writer.append(entry.identity.inode.rawValue)
            writer.append(entry.identity.sequence)
            writer.append(entry.identity.tile)
            writer.append(entry.plainBytes)
        }
        return writer.bytes
    }

    init(marker: CommitMarker, entries: [Entry]) {
        self.marker = marker
        self.entries = entries
    }

    /// Reads what ``encoded()`` wrote; `nil` for a count of bytes that no table has.
    init?(_ bytes: [UInt8]) {
        var reader = ByteReader(bytes)
        guard let head = reader.read(count: CommitMarker.bytes), let marker = CommitMarker(head),
            reader.remaining.isMultiple(of: Entry.bytes)
        else { return nil }
        var entries: [Entry] = []
        entries.reserveCapacity(reader.remaining / Entry.bytes)
        while reader.remaining > 0 {
            guard let offset = reader.read(UInt32.self), let length = reader.read(UInt32.self),
                let inode = reader.read(UInt64.self), let sequence = reader.read(UInt64.self),
                let tile = reader.read(UInt32.self), let plainBytes = reader.read(UInt32.self)
            else { return nil }
            entries.append(
                Entry(
                    offset: offset,
                    length: length,
                    identity: RecordIdentity(
                        inode: InodeNumber(rawValue: inode),
                        tile: tile,
                        sequence: sequence
                    ),
                    plainBytes: plainBytes
                )
            )
        }
        self.init(marker: marker, entries: entries)
    }
}

/// The last 64 bytes of a closed segment: where its table begins.
///
/// A hint only: the table authenticates itself.
struct SegmentTrailer: Hashable, Sendable {
    /// `VRTR`, as a little-endian number.
    private static let magic: UInt32 = 0x5254_5256

    let segment: SegmentID
    let tableOffset: UInt64
    /// Bytes of the table's record, without padding.
    let tableLength: UInt64

    func encoded() -> [UInt8] {
        var writer = ByteWriter(capacity: Int(SegmentFormat.trailerBytes))
        writer.append(SegmentTrailer.magic)
        writer.append(SegmentFormat.version)
        writer.append(segment.rawValue)
        writer.append(tableOffset)
        writer.append(tableLength)
        writer.append(bytes: [UInt8](repeating: 0, count: 28))
        writer.append(CRC32C.checksum(writer.bytes))
        return writer.bytes
    }

    init(segment: SegmentID, tableOffset: UInt64, tableLength: UInt64) {
        self.segment = segment
        self.tableOffset = tableOffset
        self.tableLength = tableLength
    }

    /// Reads what ``encoded()`` wrote; `nil` for anything else.
    init?(_ bytes: [UInt8]) {
        guard bytes.count == Int(SegmentFormat.trailerBytes) else { return nil }
        var reader = ByteReader(bytes)
        guard reader.read(UInt32.self) == SegmentTrailer.magic,
            reader.read(UInt32.self) == SegmentFormat.version,
            let segment = reader.read(UInt64.self),
            let tableOffset = reader.read(UInt64.self),
            let tableLength = reader.read(UInt64.self),
            reader.read(count: 28) != nil,
            reader.read(UInt32.self) == CRC32C.checksum(Array(bytes.prefix(60)))
        else { return nil }
        self.init(
            segment: SegmentID(rawValue: segment),
            tableOffset: tableOffset,
            tableLength: tableLength
        )
    }
}
