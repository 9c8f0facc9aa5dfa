package import VarveModel

/// What is worth a look: a range of an index, never a crawl.
///
/// Each row bears the day from which on a look at its file can lead to something. A use sets it to the earliest that
/// the rules allow; a look that leads to nothing sets it to the day on which time alone can change the answer, or to
/// never. Only a use, a change of the file or its names, a pin or a change of the rules makes it earlier again.
extension JournalStore {
    /// The day due of what is looked at before all that is idle: something about a file of a colder tier has changed.
    package static let foremostDay = JournalSchema.foremost

    /// A page of what is due on or before a day, by (due, inode).
    ///
    /// - Parameters:
    ///   - fileSystem: Its id.
    ///   - day: Today.
    ///   - onlyUsed: Files alone that were used since they left Standard, and not judged since.
    ///   - position: Where the page before ended.
    ///   - limit: Rows at most; fewer mean that it was the last page.
    /// - Returns: The rows in order.
    /// - Throws: `.corrupt`, `.failed`.
    package func due(
        _ fileSystem: String,
        through day: Int64,
        onlyUsed: Bool = false,
        after position: (due: Int64, inode: InodeNumber)? = nil,
        limit: Int
    ) throws(MetadataError) -> [AccessDay] {
        let (index, condition) =
            onlyUsed
            ? ("access_day_used", "AND used IS NOT NULL AND looked <> 2") : ("access_day_due", "")
        return try accessDays(
            """
            INDEXED BY \(index)
            WHERE fs = ?1 AND due <= ?2 AND (due, ino) > (?3, ?4) \(condition)
            ORDER BY due, ino LIMIT ?5
            """,
            .text(fileSystem),
            .int(day),
            .int(position?.due ?? Int64.min),
            .int(Int64(bitPattern: position?.inode.rawValue ?? 0)),
            .int(Int64(limit))
        )
    }

    /// Notes what came of looks, in one transaction; nothing of a file that was used meanwhile.
    ///
    /// - Parameters:
    ///   - fileSystem: Its id.
    ///   - looks: At files that stay where they are.
    ///   - generation: As it was before pins and rules were read: of what has changed since, nothing is noted.
    /// - Throws: `.noSpace`, `.failed`.
    package func noteLooks(
        _ fileSystem: String,
        _ looks: [AccessLook],
        asOf generation: Int64 = .max
    ) throws(MetadataError) {
        guard !looks.isEmpty else { return }
        try change { () throws(MetadataError) in
            for look in looks {
                try connection.run(
                    """
                    UPDATE access_day SET due = ?3, looked = 1,
                        used = CASE ?4 WHEN 1 THEN used ELSE NULL END,
                        uses = CASE ?4 WHEN 0 THEN 0 WHEN 1 THEN uses ELSE max(uses - 1, 0) END,
                        day = max(day, coalesce(?7, day))
                    WHERE fs = ?1 AND ino = ?2 AND day = ?5 AND used IS ?6 AND generation <= ?8
                    """,
                    .text(fileSystem),
                    .int(Int64(bitPattern: look.row.inode.rawValue)),
                    .int(look.again ?? JournalSchema.never),
                    .int(look.keepsUses ? look.dropsLastUse ? 2 : 1 : 0),
                    .int(look.row.day),
                    .int(look.row.used),
                    .int(look.access),
                    .int(generation)
                )
            }
        }
    }

    /// Notes that used files stay due and do not come back, in one transaction: who looks for those passes them by.
    ///
    /// - Parameters:
    ///   - fileSystem: Its id.
    ///   - rows: As they were when the look began.
    ///   - day: Today: what was to be looked at first has been.
    ///   - generation: As of ``noteLooks(_:_:asOf:)``.
    /// - Throws: `.noSpace`, `.failed`.
    package func noteWaits(
        _ fileSystem: String,
        _ rows: [AccessDay],
        day: Int64,
        asOf generation: Int64 = .max
    ) throws(MetadataError) {
        guard !rows.isEmpty else { return }
        try change { () throws(MetadataError) in
            for row in rows {
                try connection.run(
                    """
                    UPDATE access_day SET looked = 2, due = CASE due WHEN ?3 THEN ?4 ELSE due END
                    WHERE fs = ?1 AND ino = ?2 AND day = ?5 AND used IS ?6 AND generation <= ?7
                        AND (looked <> 2 OR due = ?3)
                    """,
                    .text(fileSystem),
                    .int(Int64(bitPattern: row.inode.rawValue)),
                    .int(JournalSchema.foremost),
                    .int(day),
                    .int(row.day),
                    .int(row.used),
                    .int(generation)
                )
            }
        }
    }

    /// Has files looked at again, in one transaction: something about them has changed.
    ///
    /// What a look has put off is due again, in a colder tier before all that is idle, since it may come back. The
    /// others stay due when they were; a look that began before says nothing of them.
    ///
    /// - Parameters:
    ///   - fileSystem: Its id.
    ///   - inodes: What has changed.
    ///   - day: Today.
    ///   - mayComeBack: Whether files of colder tiers are due again that no look has put off: a pin came, or went.
    /// - Throws: `.noSpace`, `.failed`.
    package func recheck(
        _ fileSystem: String,
        _ inodes: [InodeNumber],
        day: Int64,
        mayComeBack: Bool = false
    ) throws(MetadataError) {
        guard !inodes.isEmpty else { return }
        try change { () throws(MetadataError) in
            let generation = try nextGeneration(fileSystem)
            for inode in inodes {
                try connection.run(
                    """
                    UPDATE access_day SET looked = 0, generation = ?4,
                        due = CASE WHEN tier <> 0 AND (looked <> 0 OR ?6 = 1) THEN ?5
                            WHEN looked <> 0 THEN min(due, ?3) ELSE due END
                    WHERE fs = ?1 AND ino = ?2
                    """,
                    .text(fileSystem),
                    .int(Int64(bitPattern: inode.rawValue)),
                    .int(day),
                    .int(generation),
                    .int(JournalSchema.foremost),
                    .int(mayComeBack ? 1 : 0)
                )
            }
        }
    }

    // MARK: Rules

    /// The rules that the days due come from; `nil` while none were told.
    package func dueRules(_ fileSystem: String) throws(MetadataError) -> DueRules? {
        try connection.rows(
            "SELECT days, fingerprint, promotes FROM due_rules WHERE fs = ?1",
            .text(fileSystem)
        ) {
            DueRules(
                days: $0.isNull(0) ? nil : Int($0.int(0)),
                fingerprint: $0.text(1),
                promotes: $0.int(2) != 0
            )
        }.first
    }

    /// Says by which rules files become due from now on.
    package func setDueRules(_ fileSystem: String, _ rules: DueRules) throws(MetadataError) {
        try change { () throws(MetadataError) in
            try connection.run(
                """
                INSERT OR REPLACE INTO due_rules(fs, days, fingerprint, promotes)
                VALUES (?1, ?2, ?3, ?4)
                """,
                .text(fileSystem),
                .int(rules.days.map { Int64($0) }),
                .text(rules.fingerprint),
                .int(rules.promotes ? 1 : 0)
            )
        }
    }

    /// Works out anew when files become due, a page of them in one transaction; days to come become today.
    ///
    /// Files of colder tiers are looked at before all that is idle, since they may come back.
    ///
    /// - Parameters:
    ///   - fileSystem: Its id.
    ///   - inode: Where the page before ended.
    ///   - day: Today.
    ///   - forgetsUses: Whether uses of cold files so far lead to nothing by the rules to come.
    ///   - limit: Rows at most.
    /// - Returns: Where the page ended; `nil` when it was the last one.
    /// - Throws: `.noSpace`, `.failed`.
    package func renewDue(
        _ fileSystem: String,
        after inode: InodeNumber?,
        day: Int64,
        forgetsUses: Bool = false,
        limit: Int
    ) throws(MetadataError) -> InodeNumber? {
        let days = try dueRules(fileSystem)?.days
        let start = Int64(bitPattern: inode?.rawValue ?? 0)
        let last = try connection.rows(
            "SELECT ino FROM access_day WHERE fs = ?1 AND ino > ?2 ORDER BY ino LIMIT 1 OFFSET ?3",
            .text(fileSystem),
            .int(start),
            .int(Int64(max(1, limit) - 1))
        ) { $0.int(0) }.first
        try change { () throws(MetadataError) in
            let generation = try nextGeneration(fileSystem)
            try connection.run(
                """
                UPDATE access_day SET looked = 0, generation = ?8, day = min(day, ?6),
                    due = CASE tier WHEN 0 THEN coalesce(min(day, ?6) + ?4, ?5) ELSE ?9 END,
                    used = CASE ?7 WHEN 0 THEN min(used, ?6) ELSE NULL END,
                    uses = CASE ?7 WHEN 0 THEN uses ELSE 0 END
                WHERE fs = ?1 AND ino > ?2 AND ino <= ?3
                """,
                .text(fileSystem),
                .int(start),
                .int(last ?? Int64.max),
                .int(days.map { Int64($0) }),
                .int(JournalSchema.never),
                .int(day),
                .int(forgetsUses ? 1 : 0),
                .int(generation),
                .int(JournalSchema.foremost)
            )
        }
        return last.map { InodeNumber(rawValue: UInt64(bitPattern: $0)) }
    }
}
