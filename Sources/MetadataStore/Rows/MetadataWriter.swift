package import VarveModel

/// What a commit changed that others must hear of.
package struct Commit: Sendable, Hashable {
    /// Grows by one a commit, from the moment that the database was opened.
    package let number: UInt64
    /// The epoch in force at its end.
    package let epoch: Epoch
    /// Records that no row refers to any more: their bytes may be used again once the commit is durable.
    package let freed: [FreedRecord]
    /// Segments of which no record that was ever named is referred to any more.
    package let emptied: [SegmentID]
    /// Inodes that ended, in whichever way; one may live again under its number.
    package let ended: [InodeNumber]
    /// How far the counters may go once the commit is durable.
    let ceilings: [SequenceCeiling]

    package init(
        number: UInt64,
        epoch: Epoch,
        freed: [FreedRecord],
        emptied: [SegmentID] = [],
        ended: [InodeNumber] = [],
        ceilings: [SequenceCeiling] = []
    ) {
        self.number = number
        self.epoch = epoch
        self.freed = freed
        self.emptied = emptied
        self.ended = ended
        self.ceilings = ceilings
    }
}

/// A counter's ceiling, written by a commit.
package struct SequenceCeiling: Sendable, Hashable {
    let kind: SequenceKind
    let value: UInt64
}

/// A point within a transaction to which it can be taken back.
package struct Savepoint {
    fileprivate let state: WriterState
}

/// The only writer of a file system's rows; it lives on the committer's thread.
///
/// Every change is copy on first write: a version that a retained instant shows moves to the history
/// once, then the live row is changed in place. Nothing is durable before ``commit()`` returns, and
/// whatever throws leaves the transaction to be reverted or rolled back by the caller.
package final class MetadataWriter: RowReader {
    let database: FileSystemDatabase
    /// The same as ``RowReader/statements``.
    let held: WriterStatements
    var state: WriterState
    var tiles = TileCache()
    var resolving: RangeCursor?
    private var atBegin: WriterState
    /// Keys already filed in `chg` at the epoch in force.
    private var noted: Set<ChangeKey> = []
    /// What the transaction changes of the rows that may be remembered.
    var touched = TouchedRows()

    init(_ connection: Connection, _ database: FileSystemDatabase) throws(MetadataError) {
        self.database = database
        let rows = RowReader(connection, database.superblock)
        let retained = try rows.retention()
        let segments = try rows.segments().map { ($0.id, $0.tier) }
        state = WriterState(
            clock: EpochClock(last: retained.open),
            retained: retained,
            counters: try rows.counters(),
            tiers: Dictionary(uniqueKeysWithValues: segments),
            hasSharedRecords: try rows.statements.exists(.anyReferrer),
            hasForeignRecords: database.superblock.incompatible & Superblock.sharesAcrossFiles != 0,
            past: try rows.pastBytes()
        )
        atBegin = state
        held = WriterStatements(connection)
        super.init(held, database.superblock)
    }

    /// The epoch of what the transaction writes.
    package var epoch: Epoch { state.epoch }

    package override func retention() -> RetainedInstants { state.retained }

    package override func retainedInstant(atOrBefore epoch: Epoch) -> Epoch? {
        state.retained.last(atOrBefore: epoch)
    }

    package override func openEpoch() -> Epoch { state.epoch }

    package override func counters() -> FileSystemCounters { state.counters }

    override func liveInode(_ inode: InodeNumber) throws(MetadataError) -> InodeRow? {
        try held.inode(inode).value.row
    }

    override func liveDirents(
        _ directory: InodeNumber,
        _ range: ClosedRange<UInt64>
    ) throws(MetadataError) -> [DirentRow] {
        try held.names(directory, range.lowerBound).rows.filter { range.contains($0.hash) }
    }

    override func holdsName(_ directory: InodeNumber) throws(MetadataError) -> Bool {
        try held.holdsName(directory)
    }

    package override func pastBytes() -> PastBytes { state.past }

    // MARK: Transactions

    /// Begins a transaction in `second`, or in the last one when the clock has gone back.
    @discardableResult
    package func begin(second: Int64) throws(MetadataError) -> Epoch {
        try held.begin()
        atBegin = state
        let before = state.epoch
        state.retained.open = state.clock.open(second: second)
        if state.epoch != before { noted.removeAll(keepingCapacity: true) }
        return state.epoch
    }

    /// Makes the transaction visible and durable.
    ///
    /// - Parameter durably: Whether it is durable on return; otherwise ``FileSystemDatabase/makeDurable(_:)`` is to
    ///   follow before anybody is told of it.
    /// - Returns: What others must hear of.
    /// - Throws: What the files answered; then nothing of it is there: ``rollback()``.
    package func commit(durably: Bool = true) throws(MetadataError) -> Commit {
        let (ceilings, emptied) = try flush()
        let number = try publish(durably: durably)
        let (freed, ended) = (state.freed, state.ended)
        state.freed = []
        state.ended = []
        atBegin = state
        let commit = Commit(
            number: number,
            epoch: state.epoch,
            freed: freed,
            emptied: emptied,
            ended: ended,
            ceilings: ceilings
        )
        if durably { database.settle(commit) }
        return commit
    }

    /// Commits, and lets the world see it; what it changes is remembered anew.
    private func publish(durably: Bool) throws(MetadataError) -> UInt64 {
        let shown = shownRows()
        database.commits.begin()
        database.liveRows.beginCommit(touched)
        touched.removeAll()
        do throws(MetadataError) {
            statements.connection.defersSync(!durably)
            try statements.run(.commit)
        } catch {
            database.liveRows.endCommit(isVisible: false)
            database.commits.abandon()
            throw error
        }
        let number = database.commits.publish()
        database.liveRows.endCommit(isVisible: true, shown)
        return number
    }

    /// The rows and names that the transaction has changed, as it shows them.
    private func shownRows() -> ShownRows {
        var shown = ShownRows()
        for inode in touched.inodes {
            guard let (row, isNew) = held.shown(inode) else { continue }
            shown.inodes.append((row, isNew && !touched.accessTimes.contains(inode)))
        }
        for (name, hash) in touched.names {
            // Without it, whoever asks next reads it.
            if let target = held.target(of: name.name, in: name.directory, hash) {
                shown.names.append((name, target))
            }
        }
        return shown
    }

    /// Takes the whole transaction back, also one that SQLite has already ended by itself.
    package func rollback() {
        held.rollback()
        state = atBegin
        touched.removeAll()
        noted.removeAll(keepingCapacity: true)
        forget()
    }

    /// Marks a point to which the transaction can be reverted: one an operation.
    package func mark() throws(MetadataError) -> Savepoint {
        held.mark()
        return Savepoint(state: state)
    }

    /// Keeps what was done since the mark.
    package func release(_ savepoint: Savepoint) throws(MetadataError) {
        try held.release()
    }

    /// Undoes what was done since the mark, and the mark.
    package func revert(to savepoint: Savepoint) throws(MetadataError) {
        let unnoted = try held.revert()
        state = savepoint.state
        guard let unnoted else { return }
        for key in unnoted { noted.remove(key) }
        forget()
    }

    /// Runs `body` whole or not at all.
    package func savepoint<Result>(
        _ body: () throws(MetadataError) -> Result
    ) throws(MetadataError) -> Result {
        let savepoint = try mark()
        do throws(MetadataError) {
            let result = try body()
            try release(savepoint)
            return result
        } catch {
            try revert(to: savepoint)
            throw error
        }
    }

    package func nextInode() throws(MetadataError) -> InodeNumber {
        InodeNumber(rawValue: try next(.inode))
    }

    package func nextSequence() throws(MetadataError) -> UInt64 { try next(.sequence) }

    package func nextChange() throws(MetadataError) -> UInt64 { try next(.change) }

    // MARK: Versions

    /// Whether a version born at `born` that ends now shows at a retained instant.
    func isSeen(born: Epoch) -> Bool {
        state.retained.isSeen(born: born, died: state.epoch)
    }

    /// The open epoch when a version born at `born` shows at a retained instant: it goes to the history then.
    func deathSeen(born: Epoch) -> Epoch? {
        isSeen(born: born) ? state.epoch : nil
    }

    /// Files a key in the change journal at the epoch in force, once.
    func note(_ key: ChangeKey) {
        guard noted.insert(key).inserted else { return }
        note(key, at: state.epoch)
    }

    /// Files a key at an epoch that may be past.
    func note(_ key: ChangeKey, at epoch: Epoch) {
        held.note(key, at: epoch)
    }

    /// After the epoch was closed within a transaction: keys are filed anew.
    func epochChanged() {
        state.retained.open = state.epoch
        noted.removeAll(keepingCapacity: true)
    }

    /// Forgets what was read of tiles: rows may be others now.
    private func forget() {
        tiles.removeAll()
        resolving = nil
    }

    private func next(_ kind: SequenceKind) throws(MetadataError) -> UInt64 {
        guard let value = database.sequences.takeForTransaction(kind) else {
            throw MetadataError(.failed, "the \(kind) numbers of this file system are used up")
        }
        return value
    }

    /// Writes what is kept beside the rows.
    ///
    /// - Returns: The ceilings that the commit makes durable, and the segments that it empties.
    private func flush() throws(MetadataError)
        -> (ceilings: [SequenceCeiling], emptied: [SegmentID])
    {
        for inode in state.spaceDeltas.keys.sorted() { try flushSpace(of: inode) }
        let emptied = try flushSegments()
        try flushPast()
        if state.past != atBegin.past {
            let statement = try statements.bound(.setPast, [])
            defer { statement.reset() }
            statement.bind(1, state.past.encoded())
            _ = try statement.step()
        }
        if state.epoch != atBegin.epoch {
            try statements.run(.setEpoch, state.epoch.stored)
        }
        if state.counters != atBegin.counters {
            let statement = try statements.bound(.setCounters, [])
            defer { statement.reset() }
            statement.bind(1, state.counters.encoded())
            _ = try statement.step()
        }
        var ceilings: [SequenceCeiling] = []
        for kind in SequenceKind.allCases {
            guard let ceiling = database.sequences.wantedCeiling(kind) else { continue }
            let statement = try statements.bound(.setMeta, [])
            defer { statement.reset() }
            statement.bind(1, kind.key)
            statement.bind(2, Int64(ceiling))
            _ = try statement.step()
            ceilings.append(SequenceCeiling(kind: kind, value: ceiling))
        }
        try held.settle()
        return (ceilings, emptied)
    }

    /// Counts what segments gained and lost; answers those in which nothing is named any more.
    private func flushSegments() throws(MetadataError) -> [SegmentID] {
        var emptied: [SegmentID] = []
        for (id, delta) in state.segmentDeltas {
            let isEmpty = try statements.int(
                .countSegment,
                Int64(id.rawValue),
                delta.bytes,
                delta.dead,
                delta.bornMin.stored,
                delta.bornMax.stored
            )
            if delta.dead > 0, isEmpty == 1 { emptied.append(id) }
        }
        state.segmentDeltas = [:]
        return emptied
    }
}

extension Query {
    static let begin = Query("BEGIN IMMEDIATE")
    static let commit = Query("COMMIT")
    static let rollback = Query("ROLLBACK")
    static let savepoint = Query("SAVEPOINT operation")
    static let release = Query("RELEASE operation")
    static let revert = Query("ROLLBACK TO operation")
    static let insertChange = Query("INSERT OR IGNORE INTO chg VALUES (?1, ?2, ?3, ?4)")
    static let setEpoch = Query("UPDATE meta SET v = ?1 WHERE k = 'epoch'")
    static let setCounters = Query("UPDATE meta SET v = ?1 WHERE k = 'counters'")
    static let setMeta = Query("INSERT OR REPLACE INTO meta VALUES (?1, ?2)")
    static let anyReferrer = Query("SELECT 1 FROM rref LIMIT 1")
    static let countSegment = Query(
        """
        UPDATE seg SET bytes = bytes + ?2, dead = dead + ?3, born_min = min(born_min, ?4),
        born_max = max(born_max, ?5) WHERE id = ?1 RETURNING dead >= bytes
        """
    )

    static let ofTransactions = [
        insertChange, setEpoch, setCounters, setMeta, anyReferrer, countSegment,
    ]
}
