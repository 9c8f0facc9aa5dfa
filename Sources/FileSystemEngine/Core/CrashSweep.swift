import MetadataStore
import SegmentStore
import VarveModel

/// After a crash: frees what was sealed and never named, or freed and not given back (I6).
///
/// Only segments that were open, or closed with something still unnamed, can hold such records. Each lists
/// its own, and their tiles tell which of them rows name: the cost is those segments', never the files'.
/// What a crash left unpunched in older segments is waste like any other, and compaction's affair.
struct CrashSweep {
    private let segments: SegmentStore
    private let writer: MetadataWriter
    private let configuration: FileSystemConfiguration

    init(
        _ segments: SegmentStore,
        _ writer: MetadataWriter,
        _ configuration: FileSystemConfiguration
    ) {
        self.segments = segments
        self.writer = writer
        self.configuration = configuration
    }

    func run(_ rows: [SegmentRow]) throws {
        let missing = Set(segments.missingSegments)
        _ = try writer.begin(second: max(0, configuration.clock.now().seconds))
        for row in rows where !missing.contains(row.id) {
            for gone in try sweep(row) { try writer.removeSegment(gone) }
        }
        try writer.sealSegments()
        _ = try writer.commit()
    }

    /// Frees what no row names; answers the segment if nothing is left of it.
    private func sweep(_ row: SegmentRow) throws -> [SegmentID] {
        do {
            let live = try live(try segments.records(in: row.id), in: row.id)
            // Rows that name more than the file lists: it is damaged, and nothing is freed on its word.
            guard live.reduce(0, { $0 + $1.length }) == row.bytes - min(row.bytes, row.dead) else {
                configuration.log("segment \(row.id.rawValue) lists less than rows name: not swept")
                return []
            }
            return try segments.sweep(row.id, live: live.map(RecordAddress.init)).segmentsRemoved
        } catch let error as SegmentError where error.code != .failed {
            configuration.log("segment \(row.id.rawValue) is not swept: \(error.message)")
            return []
        }
    }

    private func live(
        _ records: [ListedRecord],
        in segment: SegmentID
    ) throws -> Set<RecordPointer> {
        let listed = Set(records.map { RecordPointer($0.address) })
        var live: Set<RecordPointer> = []
        for tile in Set(records.map { Tile(inode: $0.identity.inode, tile: $0.identity.tile) }) {
            for row in try writer.slices(tile.inode, tile: Int64(tile.tile), in: segment) {
                if let record = row.record, listed.contains(record) { live.insert(record) }
            }
        }
        // Of others, rows of other tiles and files may be left.
        for record in listed.subtracting(live)
        where try !writer.sharingSlices(of: record).isEmpty {
            live.insert(record)
        }
        return live
    }

    private struct Tile: Hashable {
        let inode: InodeNumber
        let tile: UInt32
    }
}
