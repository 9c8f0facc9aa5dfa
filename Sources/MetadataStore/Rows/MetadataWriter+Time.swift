package import VarveModel

extension MetadataWriter {
    /// Takes a snapshot of everything written so far: one row, whatever the file system holds.
    ///
    /// The open epoch closes as the snapshot's; what follows in the same transaction is born in the next.
    ///
    /// - Parameters:
    ///   - name: `nil` for a bare hold.
    ///   - created: The time shown to people.
    ///   - expires: When it may be deleted by itself.
    ///   - lockedUntil: Until when nobody may delete it.
    /// - Returns: The new row.
    /// - Throws: `.exists` when the name is taken.
    package func createSnapshot(
        name: String?,
        created: Timestamp,
        expires: Timestamp? = nil,
        lockedUntil: Timestamp? = nil
    ) throws(MetadataError) -> SnapshotRow {
        if let name, try snapshot(name: name) != nil {
            throw MetadataError(
                .exists,
                "there is a snapshot named '\(name)'",
                remedy: "Choose another name, or delete that one first."
            )
        }
        let row = try insertPin(
            state.epoch,
            name: name,
            created: created,
            expires: expires,
            lockedUntil: lockedUntil
        )
        let closed = state.clock.close()
        state.retained.pin(closed)
        epochChanged()
        return row
    }

    /// Unpins a named snapshot; what only it showed is left to ``collectGarbage(limit:)``.
    package func deleteSnapshot(name: String) throws(MetadataError) {
        guard let row = try snapshot(name: name) else {
            throw MetadataError(
                .notFound,
                "there is no snapshot named '\(name)'",
                remedy: "List the snapshots to see their names."
            )
        }
        try statements.run(.deletePin, row.id)
        try unpin(row.epoch)
    }

    /// Keeps a retained instant for a reader, until ``releaseHold(_:)``.
    package func hold(
        at epoch: Epoch,
        created: Timestamp
    ) throws(MetadataError) -> SnapshotRow {
        guard state.retained.contains(epoch) else { throw MetadataWriter.notRetained(epoch) }
        let row = try insertPin(
            epoch,
            name: nil,
            created: created,
            expires: nil,
            lockedUntil: nil
        )
        state.retained.pin(epoch)
        return row
    }

    package func releaseHold(_ id: Int64) throws(MetadataError) {
        let row = try statements.first(.snapshotByID, id) { SnapshotRow($0) }
        guard let row, row.name == nil else {
            throw MetadataError(.notFound, "there is no hold \(id)")
        }
        try statements.run(.deletePin, id)
        try unpin(row.epoch)
    }

    /// Lets go of every hold: after a start, no reader of before is left.
    package func releaseAllHolds() throws(MetadataError) {
        for row in try snapshots() where row.name == nil { try releaseHold(row.id) }
    }

    /// Remembers how far a consumer of changes has come: changes after `epoch` stay listed.
    package func setBookmark(
        name: String,
        at epoch: Epoch,
        expires: Timestamp? = nil
    ) throws(MetadataError) {
        let known = try bookmarks().contains { $0.epoch == epoch && !$0.isBroken }
        guard known || state.retained.contains(epoch) else {
            throw MetadataWriter.notRetained(epoch)
        }
        let statement = try statements.bound(.setBookmark, [])
        defer { statement.reset() }
        statement.bind(1, name)
        statement.bind(2, epoch.stored)
        if let expires { statement.bind(3, expires.seconds) }
        _ = try statement.step()
    }

    package func removeBookmark(name: String) throws(MetadataError) {
        let statement = try statements.bound(.deleteBookmark, [])
        defer { statement.reset() }
        statement.bind(1, name)
        _ = try statement.step()
    }

    /// Marks bookmarks broken whose consumers have stayed away too long: their next run is a full one.
    package func breakBookmarks(expiredBy now: Timestamp) throws(MetadataError) {
        try statements.run(.breakBookmarks, now.seconds)
    }

    /// Thins the grid of instants to what the ladder keeps at `second`.
    ///
    /// - Returns: Whether instants were dropped: then ``collectGarbage(limit:)`` has work.
    package func advanceRetention(
        second: Int64,
        ladder: RetentionLadder
    ) throws(MetadataError) -> Bool {
        var grid = state.retained.grid
        guard let changed = grid.coarsen(to: ladder, now: second) else { return false }
        try put(grid, changed)
        return true
    }

    /// Thins the grid further while the past holds more bytes than it may (``HistoryBudget``).
    ///
    /// One call thins one stretch, from the old end: seconds first, then minutes, then hours. What
    /// snapshots show is not counted and not touched. Nothing happens while the collector has work
    /// from before, or while somebody holds an instant of the grid: what would come back is not known then.
    ///
    /// - Returns: Whether instants were dropped: then ``collectGarbage(limit:)`` has work.
    package func thinHistory(
        second: Int64,
        ladder: RetentionLadder,
        budget: HistoryBudget
    ) throws(MetadataError) -> Bool {
        let stored = state.counters.stored.reduce(0, +)
        let past = state.past.history + state.past.pinned
        let live = stored - min(stored, past)
        guard let limit = budget.bytes(live: live), state.past.history > limit,
            !state.retained.pins.contains(where: \.isEndOfSecond),
            try !statements.exists(.nextGarbage)
        else { return false }
        var grid = state.retained.grid
        guard let changed = grid.thin(ladder, now: second) else { return false }
        try put(grid, changed)
        return true
    }

    /// Puts a coarser grid in force; the collector looks at the seconds in which it has changed.
    private func put(
        _ grid: RetentionGrid,
        _ changed: ClosedRange<Int64>
    ) throws(MetadataError) {
        let oldest = state.retained.oldest
        let statement = try statements.bound(.setGrid, [])
        defer { statement.reset() }
        statement.bind(1, grid.encoded())
        _ = try statement.step()
        state.retained.grid = grid
        let first = Epoch(second: changed.lowerBound)
        let low = max(oldest ?? first, first)
        let high = state.retained.first(after: .end(ofSecond: changed.upperBound))
        let before = Epoch(rawValue: low.rawValue - min(low.rawValue, 1))
        try queueGarbage(after: before, through: high ?? state.epoch)
    }

    /// Has the collector look at what died after `low`, up to and with `high`.
    func queueGarbage(after low: Epoch, through high: Epoch) throws(MetadataError) {
        guard low < high else { return }
        try statements.run(.insertGarbage, low.stored, high.stored, Int64.max)
    }

    private func unpin(_ epoch: Epoch) throws(MetadataError) {
        guard try !statements.exists(.pinAt, epoch.stored) else { return }
        try joinPast(at: epoch)
        state.retained.unpin(epoch)
        guard !state.retained.contains(epoch) else { return }
        try queueGarbage(
            after: epoch,
            through: state.retained.first(after: epoch) ?? state.epoch
        )
    }

    private func insertPin(
        _ epoch: Epoch,
        name: String?,
        created: Timestamp,
        expires: Timestamp?,
        lockedUntil: Timestamp?
    ) throws(MetadataError) -> SnapshotRow {
        let statement = try statements.bound(.insertPin, [epoch.stored])
        defer { statement.reset() }
        if let name { statement.bind(2, name) }
        statement.bind(3, created.seconds)
        statement.bind(4, Int64(created.nanoseconds))
        if let expires { statement.bind(5, expires.seconds) }
        if let lockedUntil { statement.bind(6, lockedUntil.seconds) }
        statement.bind(7, Int64(name == nil ? 1 : 0))
        guard try statement.step() else {
            throw MetadataError(.failed, "SQLite answered no number for a new snapshot")
        }
        return SnapshotRow(
            id: statement.int(0),
            epoch: epoch,
            name: name,
            created: created,
            expires: expires,
            lockedUntil: lockedUntil,
            holds: name == nil ? 1 : 0
        )
    }

    static func notRetained(_ epoch: Epoch) -> MetadataError {
        MetadataError(
            .notFound,
            "epoch \(epoch.rawValue) is not a retained instant",
            remedy: "Ask for the retained instant at or before the time that you mean."
        )
    }
}

extension Query {
    static let insertPin = Query(
        """
        INSERT INTO snap(epoch, name, created, created_n, expires, lock_until, holds)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) RETURNING id
        """
    )
    static let deletePin = Query("DELETE FROM snap WHERE id = ?1")
    static let pinAt = Query("SELECT 1 FROM snap WHERE epoch = ?1 LIMIT 1")
    static let setBookmark = Query("INSERT OR REPLACE INTO bookmark VALUES (?1, ?2, ?3, 0)")
    static let deleteBookmark = Query("DELETE FROM bookmark WHERE name = ?1")
    static let breakBookmarks = Query(
        "UPDATE bookmark SET broken = 1 WHERE expires IS NOT NULL AND expires <= ?1"
    )
    static let setGrid = Query("UPDATE meta SET v = ?1 WHERE k = 'grid'")
    static let insertGarbage = Query(
        """
        INSERT INTO gc(low, high, epoch, kind, k1, k2) VALUES (?1, ?2, ?1, ?3, 0, 0)
        """
    )

    static let ofTimeWrites = [
        insertPin, deletePin, pinAt, setBookmark, deleteBookmark, breakBookmarks, setGrid,
        insertGarbage,
    ]
}
