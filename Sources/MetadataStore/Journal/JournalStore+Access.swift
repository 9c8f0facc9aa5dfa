package import VarveModel

/// Access days.
///
/// A file system is named by the text of its id.
extension JournalStore {
    static let accessColumns = "ino, day, tier, due, used, uses, generation"

    /// Records that inodes were used, in one transaction; a day never goes back, a tier stays.
    ///
    /// A use in Standard moves the access day, and the day on which the file is next looked at. One in a colder tier
    /// leaves the access day (EFS counts from the last access in Standard), and makes the file worth a look at once.
    package func recordAccesses(
        _ fileSystem: String,
        _ accesses: [(inode: InodeNumber, day: Int64)]
    ) throws(MetadataError) {
        guard !accesses.isEmpty else { return }
        let days = try dueRules(fileSystem)?.days
        try change { () throws(MetadataError) in
            var coldUses: [Int64: Int64] = [:]
            for access in accesses {
                let tiers = try connection.rows(
                    JournalStore.recordAccess,
                    .text(fileSystem),
                    .int(Int64(bitPattern: access.inode.rawValue)),
                    .int(access.day),
                    .int(days.map { access.day + Int64($0) } ?? JournalSchema.never)
                ) { $0.int(0) }
                if tiers.contains(where: { $0 != 0 }) { coldUses[access.day, default: 0] += 1 }
            }
            for (day, files) in coldUses {
                try connection.run(
                    """
                    INSERT INTO cold_use(fs, day, files) VALUES (?1, ?2, ?3)
                    ON CONFLICT(fs, day) DO UPDATE SET files = files + excluded.files
                    """,
                    .text(fileSystem),
                    .int(day),
                    .int(files)
                )
                try connection.run(
                    "DELETE FROM cold_use WHERE fs = ?1 AND day < ?2",
                    .text(fileSystem),
                    .int(day - JournalSchema.coldUseDaysMax)
                )
            }
            if let day = accesses.map(\.day).max() { try reach(fileSystem, day) }
        }
    }

    /// Answers the tier of a row that it has changed.
    private static let recordAccess = """
        INSERT INTO access_day(fs, ino, day, due) VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT(fs, ino) DO UPDATE SET
            day = CASE tier WHEN 0 THEN excluded.day ELSE day END,
            due = CASE tier WHEN 0 THEN excluded.due ELSE min(due, excluded.day) END,
            used = CASE tier WHEN 0 THEN NULL ELSE excluded.day END,
            uses = CASE tier WHEN 0 THEN 0 ELSE uses + 1 END,
            looked = 0
        WHERE excluded.day > CASE tier WHEN 0 THEN day ELSE coalesce(used, excluded.day - 1) END
        RETURNING tier
        """

    /// How many files of colder tiers were used on a day; known of the last 400 days on which any was.
    package func coldFilesUsed(_ fileSystem: String, on day: Int64) throws(MetadataError) -> Int {
        try connection.rows(
            "SELECT files FROM cold_use WHERE fs = ?1 AND day = ?2",
            .text(fileSystem),
            .int(day)
        ) { Int($0.int(0)) }.first ?? 0
    }

    /// What is known of one inode.
    package func accessDay(
        _ fileSystem: String,
        _ inode: InodeNumber
    ) throws(MetadataError) -> AccessDay? {
        try accessDays(
            "WHERE fs = ?1 AND ino = ?2",
            .text(fileSystem),
            .int(Int64(bitPattern: inode.rawValue))
        ).first
    }

    /// A page of all inodes of a file system, ascending: a crawl of the journal, for people who ask.
    package func accessDays(
        _ fileSystem: String,
        after inode: InodeNumber?,
        limit: Int
    ) throws(MetadataError) -> [AccessDay] {
        try accessDays(
            "WHERE fs = ?1 AND ino > ?2 ORDER BY ino LIMIT ?3",
            .text(fileSystem),
            .int(Int64(bitPattern: inode?.rawValue ?? 0)),
            .int(Int64(limit))
        )
    }

    /// Says where an inode's data is, against what the journal thought; one not known yet counts as used on `day`.
    ///
    /// In a colder tier it is looked at with the next run. In Standard its days count from its last use, as of any file
    /// that came back.
    package func setTier(
        _ fileSystem: String,
        _ inode: InodeNumber,
        _ tier: Tier,
        day: Int64
    ) throws(MetadataError) {
        guard tier != .standard else {
            return try change { () throws(MetadataError) in
                try bringBack(fileSystem, inode, lastUse: day)
            }
        }
        try change { () throws(MetadataError) in
            try connection.run(
                """
                INSERT INTO access_day(fs, ino, day, tier, due) VALUES (?1, ?2, ?3, ?4, ?3)
                ON CONFLICT(fs, ino) DO UPDATE
                SET tier = excluded.tier, due = min(due, excluded.due), looked = 0
                """,
                .text(fileSystem),
                .int(Int64(bitPattern: inode.rawValue)),
                .int(day),
                .int(Int64(tier.rawValue))
            )
        }
    }

    /// Forgets the days of inodes that are gone, in one transaction; pins stay, for what is gone may come back.
    package func forgetAccess(
        _ fileSystem: String,
        _ inodes: [InodeNumber]
    ) throws(MetadataError) {
        guard !inodes.isEmpty else { return }
        try change { () throws(MetadataError) in
            for inode in inodes {
                try connection.run(
                    "DELETE FROM access_day WHERE fs = ?1 AND ino = ?2",
                    .text(fileSystem),
                    .int(Int64(bitPattern: inode.rawValue))
                )
            }
        }
    }

    /// Forgets a deleted file system: its days, pins and transitions.
    package func forgetFileSystem(_ fileSystem: String) throws(MetadataError) {
        let tables = [
            "access_day", "transition", "pin", "cold_use", "moved", "due_rules", "lifecycle",
        ]
        try change { () throws(MetadataError) in
            for table in tables {
                try connection.run("DELETE FROM \(table) WHERE fs = ?", .text(fileSystem))
            }
        }
    }

    func accessDays(_ rest: String, _ values: SQLValue...) throws(MetadataError) -> [AccessDay] {
        let statement = try connection.prepare(
            "SELECT \(JournalStore.accessColumns) FROM access_day \(rest)"
        )
        statement.bind(values)
        defer { statement.reset() }
        var found: [AccessDay] = []
        while try statement.step() {
            guard let tier = UInt8(exactly: statement.int(2)).flatMap(Tier.init(rawValue:)) else {
                throw corrupt("the access day of inode \(statement.int(0))")
            }
            found.append(
                AccessDay(
                    inode: InodeNumber(rawValue: UInt64(bitPattern: statement.int(0))),
                    day: statement.int(1),
                    tier: tier,
                    due: statement.int(3),
                    used: statement.isNull(4) ? nil : statement.int(4),
                    uses: Int(statement.int(5)),
                    generation: statement.int(6)
                )
            )
        }
        return found
    }
}
