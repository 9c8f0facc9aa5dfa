package import VarveModel

/// The end of a move: its record, the file's row and the bytes moved change together.
extension JournalStore {
    /// Records that a move was done, in one transaction.
    ///
    /// A use that came while it was under way is kept: in a colder tier as one since the file left Standard.
    ///
    /// - Throws: `.notFound`, `.constraint` when the transition had ended, `.noSpace`, `.failed`.
    package func commitTransition(
        _ fileSystem: String,
        _ move: CommittedTransition
    ) throws(MetadataError) {
        try commitTransitions(fileSystem, [move])
    }

    /// Records that several moves were done, in one transaction; each as ``commitTransition(_:_:)`` does.
    package func commitTransitions(
        _ fileSystem: String,
        _ moves: [CommittedTransition]
    ) throws(MetadataError) {
        guard !moves.isEmpty else { return }
        try change { () throws(MetadataError) in
            for move in moves { try commit(fileSystem, move) }
        }
    }

    private func commit(
        _ fileSystem: String,
        _ move: CommittedTransition
    ) throws(MetadataError) {
        try advance(
            move.id,
            .committed,
            move.at,
            move.storedBefore,
            move.storedAfter,
            nil
        )
        if move.to == .standard {
            try bringBack(fileSystem, move.row.inode, lastUse: move.row.lastUse)
        } else {
            try leave(fileSystem, move)
        }
        try count(fileSystem, move)
    }

    /// Says that a file is in Standard; inside a transaction.
    ///
    /// Its days count from its last use again, in whichever tier that was; of one not known yet from `lastUse`.
    func bringBack(
        _ fileSystem: String,
        _ inode: InodeNumber,
        lastUse: Int64
    ) throws(MetadataError) {
        let days = try dueRules(fileSystem)?.days
        try connection.run(
            """
            INSERT INTO access_day(fs, ino, day, tier, due) VALUES (?1, ?2, ?3, 0, coalesce(?3 + ?4, ?5))
            ON CONFLICT(fs, ino) DO UPDATE SET tier = 0, day = max(day, coalesce(used, day)),
                due = coalesce(max(day, coalesce(used, day)) + ?4, ?5),
                used = NULL, uses = 0, looked = 0
            """,
            .text(fileSystem),
            .int(Int64(bitPattern: inode.rawValue)),
            .int(lastUse),
            .int(days.map { Int64($0) }),
            .int(JournalSchema.never)
        )
    }

    /// It is looked at once more on the day after, and then when its next age comes; at once when a pin came meanwhile.
    private func leave(_ fileSystem: String, _ move: CommittedTransition) throws(MetadataError) {
        try connection.run(
            """
            INSERT INTO access_day(fs, ino, day, tier, due) VALUES (?1, ?2, ?3, ?4, ?5)
            ON CONFLICT(fs, ino) DO UPDATE SET tier = excluded.tier, looked = 0,
                day = max(day, coalesce(?9, day)),
                due = CASE WHEN generation > ?10 THEN ?11
                    WHEN \(JournalStore.isUsedMeanwhile) THEN ?5 - 1 ELSE ?5 END,
                uses = CASE WHEN ?8 = 1 THEN uses WHEN \(JournalStore.isUsedMeanwhile) THEN 1 ELSE 0 END,
                used = CASE WHEN ?8 = 1 THEN used WHEN \(JournalStore.isUsedMeanwhile)
                    THEN coalesce(used, day) ELSE NULL END
            """,
            .text(fileSystem),
            .int(Int64(bitPattern: move.row.inode.rawValue)),
            .int(move.row.day),
            .int(Int64(move.to.rawValue)),
            .int(move.at.day + 1),
            .int(move.row.day),
            .int(move.row.used),
            .int(move.keepsUses ? 1 : 0),
            .int(move.access),
            .int(move.row.generation),
            .int(JournalSchema.foremost)
        )
    }

    private static let isUsedMeanwhile = "(day > ?6 OR used > coalesce(?7, used - 1))"

    private func count(_ fileSystem: String, _ move: CommittedTransition) throws(MetadataError) {
        let hour = move.at.hour
        try connection.run(
            """
            INSERT INTO moved(fs, promoted, hour, bytes) VALUES (?1, ?2, ?3, ?4)
            ON CONFLICT(fs, promoted, hour) DO UPDATE SET bytes = bytes + excluded.bytes
            """,
            .text(fileSystem),
            .int(move.to == .standard ? 1 : 0),
            .int(hour),
            .int(Int64(clamping: move.bytes))
        )
        try connection.run(
            "DELETE FROM moved WHERE fs = ?1 AND promoted IN (0, 1) AND hour < ?2",
            .text(fileSystem),
            .int(hour - JournalSchema.movedHoursMax)
        )
    }

    /// Bytes moved back to Standard, or away from it, in the last hours, the present one among them.
    ///
    /// Hours to come, from a clock that ran ahead, count for nothing.
    package func movedBytes(
        _ fileSystem: String,
        promoted: Bool,
        hours: Int64,
        at now: Timestamp
    ) throws(MetadataError) -> UInt64 {
        let sums = try connection.rows(
            """
            SELECT coalesce(sum(bytes), 0) FROM moved
            WHERE fs = ?1 AND promoted = ?2 AND hour > ?3 AND hour <= ?4
            """,
            .text(fileSystem),
            .int(promoted ? 1 : 0),
            .int(now.hour - hours),
            .int(now.hour)
        ) { UInt64(clamping: $0.int(0)) }
        return sums.first ?? 0
    }
}

extension Timestamp {
    /// Whole hours since 1970, UTC.
    var hour: Int64 {
        let (hours, rest) = seconds.quotientAndRemainder(dividingBy: 3_600)
        return rest < 0 ? hours - 1 : hours
    }
}
