import VarveModel

/// Accounts of what only the past shows: one change of a slice row, one change of a number.
extension MetadataWriter {
    /// Changes a row by `body`, and counts what that makes of its record's place in the past.
    ///
    /// - Parameters:
    ///   - row: As it stands.
    ///   - body: Ends the row's life or deletes it; answers its life afterwards.
    /// - Throws: What SQLite answered.
    func accountingPast(
        of row: SliceRow,
        _ body: () throws(MetadataError) -> PastLife?
    ) throws(MetadataError) {
        guard let record = row.record else {
            _ = try body()
            return
        }
        let tiles = state.hasSharedRecords ? try tilesReferring(to: record) : []
        guard !tiles.isEmpty else {
            let before = PastLife([row])
            return recount(record, from: before, to: try body())
        }
        let before = try pastLife(of: record, in: tiles)
        _ = try body()
        recount(record, from: before, to: try pastLife(of: record, in: tiles))
    }

    /// Moves a record's bytes from one place in the past to another; `nil` is none.
    func recount(_ record: RecordPointer, from old: PastLife?, to new: PastLife?) {
        guard old != new else { return }
        if let old { countPast(-Int64(record.length), old) }
        if let new { countPast(Int64(record.length), new) }
    }

    func countPast(_ bytes: Int64, _ life: PastLife) {
        countPast(bytes, PastCell(life, state.retained))
    }

    private func countPast(_ bytes: Int64, _ cell: PastCell) {
        state.pastDeltas[cell, default: 0] += bytes
        state.past.count(bytes, isPinned: cell.isPinned)
    }

    /// The life of a shared record as its rows tell it; all of them are of these tiles.
    func pastLife(
        of record: RecordPointer,
        in tiles: [RecordHome]
    ) throws(MetadataError) -> PastLife? {
        let (segment, offset) = (Int64(record.segment.rawValue), Int64(record.offset))
        // One that lives is met soon: then the tiles' past need not be walked.
        for tile in tiles {
            let isAlive = try statements.exists(
                .liveReferrer,
                tile.inode.stored,
                tile.tile,
                Epoch.never.stored,
                segment,
                offset
            )
            if isAlive { return nil }
        }
        var rows: [SliceRow] = []
        for tile in tiles {
            rows += try statements.all(
                .slicesNaming,
                tile.inode.stored,
                tile.tile,
                segment,
                offset
            ) { SliceRow($0) }
        }
        return PastLife(rows)
    }

    /// Joins the accounts on both sides of a pin that is about to go.
    func joinPast(at pin: Epoch) throws(MetadataError) {
        guard !pin.isEndOfSecond else { return }
        try flushPast()
        let before = state.retained.lastPin(before: pin)
        let found =
            try statements.all(.pastByDeath, pin.stored) { PastRow($0) }
            + statements.all(.pastByBirth, pin.stored, pin.stored) { PastRow($0) }
        for row in found {
            countPast(-row.bytes, row.cell)
            countPast(row.bytes, row.cell.without(pin, before: before))
        }
    }

    /// Writes the changes of the accounts to their table; cells that come to nothing leave it.
    func flushPast() throws(MetadataError) {
        for (cell, bytes) in state.pastDeltas where bytes != 0 {
            let left = try statements.int(
                .countPast,
                cell.death.stored,
                cell.birth.stored,
                bytes
            )
            if left == 0 {
                try statements.run(.deletePast, cell.death.stored, cell.birth.stored)
            }
        }
        state.pastDeltas = [:]
    }
}

/// A row of the `past` table.
private struct PastRow {
    let cell: PastCell
    let bytes: Int64

    init(_ statement: Statement) {
        cell = PastCell(
            death: Epoch(stored: statement.int(0)),
            birth: Epoch(stored: statement.int(1))
        )
        bytes = statement.int(2)
    }
}

extension Query {
    static let metaPast = Query("SELECT v FROM meta WHERE k = 'past'")
    static let setPast = Query("UPDATE meta SET v = ?1 WHERE k = 'past'")
    static let countPast = Query(
        """
        INSERT INTO past VALUES (?1, ?2, ?3)
        ON CONFLICT(d, b) DO UPDATE SET bytes = bytes + ?3 RETURNING bytes
        """
    )
    static let deletePast = Query("DELETE FROM past WHERE d = ?1 AND b = ?2")
    static let pastByDeath = Query("SELECT d, b, bytes FROM past WHERE d = ?1")
    static let pastByBirth = Query(
        "SELECT d, b, bytes FROM past INDEXED BY past_born WHERE b = ?1 AND d > ?2"
    )
    static let liveReferrer = Query(
        """
        SELECT 1 FROM slice WHERE ino = ?1 AND tile = ?2 AND died = ?3 AND seg = ?4 AND soff = ?5
        LIMIT 1
        """
    )

    static let ofPast = [
        metaPast, setPast, countPast, deletePast, pastByDeath, pastByBirth, liveReferrer,
    ]
}
