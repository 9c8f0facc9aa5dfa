import Compression
import Disk
import VarveModel

/// Opens the records that a store writes on its own behalf: commit markers and tables.
struct OwnRecords {
    let decompressors: LendingPool<ZstdDecompressor>
    let scratch: ScratchPool

    /// The newest marker that verifies, the table's own included.
    func lastMarker(
        _ markers: [RecordHeader],
        _ table: RecordHeader?,
        _ file: SegmentFile,
        _ source: any DiskCopy
    ) throws(DiskError) -> (marker: CommitMarker, range: Range<UInt64>)? {
        if let table, let bytes = try open(table, file, source), let found = SegmentTable(bytes) {
            return (found.marker, table.address.range)
        }
        for header in markers.reversed() {
            if let bytes = try open(header, file, source), let found = CommitMarker(bytes) {
                return (found, header.address.range)
            }
        }
        return nil
    }

    /// Opens a marker or a table; `nil` when it does not verify.
    func open(
        _ header: RecordHeader,
        _ file: SegmentFile,
        _ source: any DiskCopy
    ) throws(DiskError) -> [UInt8]? {
        var record = try source.read(count: Int(header.address.length), at: header.offset)
        guard record.count == Int(header.address.length) else { return nil }
        let opener = RecordOpener(
            header: header,
            headerBytes: Array(record[0..<header.headerBytes]),
            sealer: file.sealer,
            decompressors: decompressors,
            scratch: scratch
        )
        var isOpen = false
        let plain = [UInt8](unsafeUninitializedCapacity: header.plainBytes) { plain, count in
            isOpen = record.withUnsafeMutableBytes { record in
                opener.open(
                    0..<header.blocks.count,
                    sealed: UnsafeMutableRawBufferPointer(rebasing: record[header.headerBytes...]),
                    plainRange: 0..<header.plainBytes,
                    into: UnsafeMutableRawBufferPointer(
                        rebasing: UnsafeMutableRawBufferPointer(plain)[0..<header.plainBytes]
                    )
                ) == nil
            }
            count = header.plainBytes
        }
        return isOpen ? plain : nil
    }
}
