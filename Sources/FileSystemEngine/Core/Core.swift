import MetadataStore
import SegmentStore
import Synchronization
import VarveModel

/// What the threads of one file system share.
final class Core: Sendable {
    let configuration: FileSystemConfiguration
    let database: FileSystemDatabase
    let segments: SegmentStore
    let pending = PendingWrites()
    let openFiles = OpenFiles()
    let fence = ReadFence()
    let accessTimes: AccessTimes
    let ahead = ReadAhead()
    /// Segments made since the last transaction: their rows come with the next.
    let newSegments: NewSegments
    let tileBytes: UInt64
    let compaction = CompactionSlot()
    let copyThreads = CopyThreads()
    let copyPace: CopyPace
    /// Moves under way, which give back what commits free: the committer need not.
    let moves = Atomic<Int>(0)
    /// Reads of file data that run.
    let dataReads = Atomic<Int>(0)
    private let failure = Mutex<FileSystemError?>(nil)
    private let crowded = Mutex((tiles: Set<TileKey>(), isUrgent: false))

    /// A tile of a file.
    struct TileKey: Hashable, Sendable {
        let inode: InodeNumber
        let tile: Int64
    }

    init(
        configuration: FileSystemConfiguration,
        database: FileSystemDatabase,
        segments: SegmentStore,
        newSegments: NewSegments,
        tileBytes: UInt64,
        hasAccessTimes: Bool
    ) {
        self.configuration = configuration
        self.database = database
        self.segments = segments
        self.newSegments = newSegments
        self.tileBytes = tileBytes
        accessTimes = AccessTimes(hasRows: hasAccessTimes)
        copyPace = CopyPace(share: configuration.limits.copyTimePercent)
    }

    var limits: FileSystemLimits { configuration.limits }

    /// Refuses writes once storage has failed under them.
    func requireWritable() throws(FileSystemError) {
        if let failure = failure.withLock({ $0 }) { throw failure }
    }

    /// Refuses what takes space while the disk's reserve is in use: that is for what gives space back.
    func requireRoom() async throws(FileSystemError) {
        guard let reserve = configuration.reserve, reserve.isInUse else { return }
        if await reserve.restoreForWriter() { return }
        throw FileSystemError(
            .noSpace,
            "the disk of file system \(configuration.id) is full",
            remedy: "Delete files or snapshots; their space comes back within some ten seconds."
        )
    }

    /// Makes the file system read-only for the rest of the process.
    ///
    /// What a failed sync may have lost must not be shown as written, so unstable writes are dropped.
    func fail(_ cause: FileSystemError) {
        let isFirst = failure.withLock { failure in
            guard failure == nil else { return false }
            failure = FileSystemError(
                .readOnly,
                "file system \(configuration.id) is read-only: \(cause.message)",
                // A disk in zones says what it waits for; it is opened anew then.
                remedy: cause.code == .readOnly && !cause.remedy.isEmpty
                    ? cause.remedy : "Mend the storage, then restart varved."
            )
            return true
        }
        guard isFirst else { return }
        pending.drop()
        configuration.log("file system \(configuration.id) becomes read-only: \(cause.message)")
    }

    /// Past this many live slices a tile is merged when quiet.
    static let slicesMax = 256
    /// Past this many, at once.
    static let slicesUrgentMax = 1_024

    func noteCrowded(_ inode: InodeNumber, tile: Int64, slices: Int) {
        crowded.withLock { crowded in
            crowded.tiles.insert(TileKey(inode: inode, tile: tile))
            if slices > Core.slicesUrgentMax { crowded.isUrgent = true }
        }
    }

    var isMergeUrgent: Bool { crowded.withLock { $0.isUrgent } }

    /// Tiles to merge, `limit` at most; they leave the list.
    func takeCrowded(limit: Int) -> [TileKey] {
        crowded.withLock { crowded in
            let taken = Array(crowded.tiles.prefix(limit))
            crowded.tiles.subtract(taken)
            crowded.isUrgent = false
            return taken
        }
    }

    /// Gives back what a commit has freed, unless a move under way does: punching holes takes time, and the committer's
    /// belongs to those who wait for it.
    func reclaimAfterCommit() {
        guard moves.load(ordering: .acquiring) == 0 else { return }
        reclaimDrained()
    }

    /// Whether the log is known to say what this process holds for true: no sync of it has failed.
    ///
    /// After a failed sync nobody knows which rows the next start finds: they may name what was sealed for a commit
    /// that was refused.
    var mayGiveBack: Bool {
        failure.withLock { $0 == nil } && database.sealed.isTrusted
    }

    /// Gives back the bytes of records that no row ever named.
    ///
    /// After a failed sync rows may, and the bytes stay: the next start knows, and sweeps.
    func discard(_ records: [RecordPointer]) {
        guard !records.isEmpty, mayGiveBack else { return }
        fence.retire(records)
        reclaimDrained()
    }

    /// Gives back what no reader can still be reading; answers the segments that went with it.
    @discardableResult
    func reclaimDrained() -> (records: [RecordPointer], segments: [SegmentID], bytes: UInt64) {
        let freed = fence.drained()
        let records = freed.records
        guard !records.isEmpty else { return ([], [], 0) }
        do {
            let reclaimed = try segments.reclaim(
                records.map(RecordAddress.init),
                emptied: freed.emptied
            )
            newSegments.noteRemoved(reclaimed.segmentsRemoved)
            return (records, reclaimed.segmentsRemoved, reclaimed.bytesPunched)
        } catch {
            // The bytes stay until the next start's sweep; nothing refers to them.
            configuration.log(
                "space of \(records.count) records is not given back: \(error.message)"
            )
            return ([], [], 0)
        }
    }
}

extension Core {
    /// On a full disk: spares and small holes go too, without a copy.
    func squeeze() {
        do {
            newSegments.noteRemoved(try segments.squeeze().segmentsRemoved)
        } catch {
            configuration.log("segments of \(configuration.id) keep their holes: \(error.message)")
        }
    }
}

/// Segment files whose rows are still to be written or removed.
final class NewSegments: Sendable {
    private let state = Mutex((made: [(SegmentID, Tier)](), removed: [SegmentID]()))

    func noteMade(_ id: SegmentID, _ tier: Tier) {
        state.withLock { $0.made.append((id, tier)) }
    }

    func noteRemoved(_ ids: [SegmentID]) {
        guard !ids.isEmpty else { return }
        state.withLock { $0.removed += ids }
    }

    func take() -> (made: [(SegmentID, Tier)], removed: [SegmentID]) {
        state.withLock { state in
            defer { state = ([], []) }
            return state
        }
    }

    /// Puts back what a transaction that was undone had taken.
    func putBack(_ taken: (made: [(SegmentID, Tier)], removed: [SegmentID])) {
        state.withLock { state in
            state.made = taken.made + state.made
            state.removed = taken.removed + state.removed
        }
    }
}

extension RecordAddress {
    init(_ pointer: RecordPointer) {
        self.init(segment: pointer.segment, offset: pointer.offset, length: pointer.length)
    }
}

extension RecordPointer {
    init(_ address: RecordAddress) {
        self.init(segment: address.segment, offset: address.offset, length: address.length)
    }
}
