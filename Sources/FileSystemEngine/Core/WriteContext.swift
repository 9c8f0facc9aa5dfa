import MetadataStore
import SegmentStore
import VarveModel

/// What the committer's thread works with: the writer, and the batch's own state.
final class WriteContext {
    let writer: MetadataWriter
    let core: Core
    /// The time of the batch: one instant for all that it changes.
    private(set) var now = Timestamp.epoch
    private(set) var epoch = Epoch.zero
    private var hasSlices = false
    private var hasCopies = false
    /// Whether the log is to be shortened after this batch.
    var isCheckpointDue = false
    private var takenSegments: (made: [(SegmentID, Tier)], removed: [SegmentID]) = ([], [])
    /// Sealed by this batch on its own behalf; free again when it is undone.
    private var ownRecords: [RecordPointer] = []
    /// Records of unstable writes to inodes that are gone; free once the batch stands.
    private var droppedRecords: [RecordPointer] = []

    init(writer: MetadataWriter, core: Core) {
        self.writer = writer
        self.core = core
    }

    func begin() throws {
        now = core.configuration.clock.now()
        epoch = try writer.begin(second: max(0, now.seconds))
        // A clock that stands behind what was lived already (a restart) stamps nothing earlier.
        now = max(now, Timestamp(seconds: epoch.second))
        hasSlices = false
        hasCopies = false
    }

    /// Makes records durable, then rows visible, and durable too if asked to, in this order (I1).
    ///
    /// - Returns: What is to follow once the rows are durable.
    func commit(durably: Bool) throws -> VisibleBatch {
        try putSegments()
        if hasSlices { try core.syncSegments() }
        if hasCopies { try core.syncCopies() }
        let commit = try writer.commit(durably: durably)
        core.pending.settle()
        core.accessTimes.settle()
        for inode in commit.ended { core.accessTimes.forget(inode) }
        core.openFiles.endDying()
        let freed = commit.freed.map(\.record) + droppedRecords
        takenSegments = ([], [])
        ownRecords = []
        droppedRecords = []
        return VisibleBatch(commit: commit, freed: freed)
    }

    /// Takes back what the batch had changed in memory; its rows are rolled back already.
    ///
    /// - Parameter givesBack: Whether no row can name what the batch has sealed: not after a failed sync.
    func undo(givesBack: Bool) {
        core.pending.restore()
        core.accessTimes.restore()
        core.openFiles.endDying()
        core.newSegments.putBack(takenSegments)
        if givesBack { core.fence.retire(ownRecords) }
        takenSegments = ([], [])
        ownRecords = []
        droppedRecords = []
    }

    /// After each batch, durable or not: the log is kept short.
    ///
    /// On a full disk it is copied into its base at once, so that it need not grow.
    func tidy() {
        let isFull = core.configuration.reserve?.isInUse == true
        let isLong = core.database.sealed.walSize > (isFull ? 0 : WriteContext.logBytesMax)
        if isCheckpointDue || isLong { checkpoint() }
        isCheckpointDue = false
    }

    /// 16 MiB: a checkpoint then copies at most 4,096 pages, some 20 ms.
    private static let logBytesMax: UInt64 = 16 << 20

    func checkpoint() {
        do {
            // On a full disk the log must begin anew rather than grow.
            let isFull = core.configuration.reserve?.isInUse == true
            try core.database.sealed.checkpoint(waitsForReaders: isFull)
        } catch {
            // Pages of the log that are new to the base need room there.
            if error.code == .noSpace, core.releaseReserve() { return checkpoint() }
            // The log grows on; the next batch tries again, and a commit that finds no room says so.
            core.configuration.log("checkpoint of \(core.configuration.id): \(error.message)")
        }
    }

    /// Gives segments made meanwhile their rows: before any slice names them.
    func putSegments() throws {
        let taken = core.newSegments.take()
        takenSegments.made += taken.made
        takenSegments.removed += taken.removed
        for (id, tier) in taken.made { try writer.putSegment(SegmentRow(id: id, tier: tier)) }
        for id in taken.removed { try writer.removeSegment(id) }
    }
}

/// What operations ask for.
extension WriteContext {
    /// A live inode's row.
    ///
    /// - Throws: `.stale` when there is none.
    func row(_ inode: InodeNumber) throws -> InodeRow {
        guard let row = try writer.inode(inode, at: .live) else {
            throw FileSystemError.gone(inode)
        }
        return row
    }

    /// A live directory's row.
    ///
    /// - Throws: `.stale`, `.notDirectory`.
    func directory(_ inode: InodeNumber) throws -> InodeRow {
        let row = try row(inode)
        guard row.kind == .directory else {
            throw FileSystemError.notDirectory(inode)
        }
        return row
    }

    /// Stamps a change of metadata.
    func touch(_ row: inout InodeRow) throws {
        row.changed = now
        row.change = try writer.nextChange()
    }

    /// Stamps a change of content.
    func touchContent(_ row: inout InodeRow) throws {
        row.modified = now
        try touch(&row)
    }

    /// Has the commit sync copies though no slice enters: a segment of them that was ended gets its table.
    func syncsCopies() {
        hasCopies = true
    }

    /// Notes that slices entered, so that their bytes are synced first.
    func noteSlice(_ outcome: SliceOutcome, _ inode: InodeNumber, tile: Int64) {
        hasSlices = true
        noteCrowded(outcome, inode, tile: tile)
    }

    /// Has a tile merged that many slices crowd.
    func noteCrowded(_ outcome: SliceOutcome, _ inode: InodeNumber, tile: Int64) {
        guard outcome.liveSlices > Core.slicesMax else { return }
        core.noteCrowded(inode, tile: tile, slices: outcome.liveSlices)
    }

    /// Seals bytes on the batch's own behalf.
    func append(_ draft: RecordDraft, _ bytes: [UInt8]) throws -> RecordPointer {
        let record = RecordPointer(try core.segments.append(draft, bytes))
        ownRecords.append(record)
        try putSegments()
        return record
    }

    /// A point to which one operation can be taken back: rows, and what the batch keeps in memory.
    struct Mark {
        fileprivate let rows: Savepoint
        fileprivate let sealed: Int
        fileprivate let made: Int
        fileprivate let removed: Int
        fileprivate let dying: Int
    }

    func mark() throws -> Mark {
        Mark(
            rows: try writer.mark(),
            sealed: ownRecords.count,
            made: takenSegments.made.count,
            removed: takenSegments.removed.count,
            dying: core.openFiles.dyingCount
        )
    }

    func release(_ mark: Mark) throws {
        try writer.release(mark.rows)
    }

    /// Undoes an operation that was refused: segments whose rows went with it are new once more.
    func revert(to mark: Mark) throws {
        try writer.revert(to: mark.rows)
        core.fence.retire(Array(ownRecords[mark.sealed...]))
        ownRecords.removeSubrange(mark.sealed...)
        core.newSegments.putBack(
            (
                made: Array(takenSegments.made[mark.made...]),
                removed: Array(takenSegments.removed[mark.removed...])
            )
        )
        takenSegments.made.removeSubrange(mark.made...)
        takenSegments.removed.removeSubrange(mark.removed...)
        core.openFiles.endDying(after: mark.dying)
    }

    /// Frees records whose inode is gone, once the batch stands.
    func drop(_ records: [RecordPointer]) {
        droppedRecords += records
    }

    /// Ends an inode that lost its last name, or keeps it for those who have it open.
    func endInode(_ row: InodeRow) throws {
        if core.openFiles.beginDying(row.inode) {
            try writer.removeInode(row.inode)
        } else {
            try writer.updateInode(row)
            try writer.markOrphan(row.inode, client: 0)
        }
    }
}
