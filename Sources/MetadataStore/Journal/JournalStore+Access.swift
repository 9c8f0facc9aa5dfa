package import VarveModel

/// Access days: what is due is a range of an index, never a crawl.
///
/// A file system is named by the text of its id.
extension JournalStore {
    /// Records that inodes were used, in one transaction; a day never goes back, a tier stays.
    package func recordAccesses(
        _ fileSystem: String,
        _ accesses: [(inode: InodeNumber, day: Int64)]
    ) throws(MetadataError) {
        guard !accesses.isEmpty else { return }
        try change { () throws(MetadataError) in
            for access in accesses {
                try connection.run(
                    """
                    INSERT INTO access_day(fs, ino, day) VALUES (?1, ?2, ?3)
                    ON CONFLICT(fs, ino) DO UPDATE SET day = excluded.day
                    WHERE excluded.day > day
                    """,
                    .text(fileSystem),
                    .int(Int64(bitPattern: access.inode.rawValue)),
                    .int(access.day)
                )
            }
        }
    }

    /// A page of the inodes of a tier last used on or before a day, by (day, inode).
    ///
    /// - Parameters:
    ///   - fileSystem: Its id.
    ///   - tier: Where their data is.
    ///   - day: The last day that counts.
    ///   - position: Where the page before ended.
    ///   - limit: Rows at most; fewer mean that it was the last page.
    /// - Returns: The rows in order.
    /// - Throws: `.corrupt`, `.failed`.
    package func accessDays(
        _ fileSystem: String,
        tier: Tier,
        throughDay day: Int64,
        after position: (day: Int64, inode: InodeNumber)? = nil,
        limit: Int
    ) throws(MetadataError) -> [AccessDay] {
        try connection.rows(
            """
            SELECT ino, day FROM access_day INDEXED BY access_day_due
            WHERE fs = ?1 AND tier = ?2 AND day <= ?3 AND (day, ino) > (?4, ?5)
            ORDER BY day, ino LIMIT ?6
            """,
            .text(fileSystem),
            .int(Int64(tier.rawValue)),
            .int(day),
            .int(position?.day ?? Int64.min),
            .int(Int64(bitPattern: position?.inode.rawValue ?? 0)),
            .int(Int64(limit))
        ) {
            AccessDay(
                inode: InodeNumber(rawValue: UInt64(bitPattern: $0.int(0))),
                day: $0.int(1),
                tier: tier
            )
        }
    }

    /// What is known of one inode.
    package func accessDay(
        _ fileSystem: String,
        _ inode: InodeNumber
    ) throws(MetadataError) -> AccessDay? {
        try connection.rows(
            "SELECT day, tier FROM access_day WHERE fs = ?1 AND ino = ?2",
            .text(fileSystem),
            .int(Int64(bitPattern: inode.rawValue))
        ) { row throws(MetadataError) in
            guard let tier = UInt8(exactly: row.int(1)).flatMap(Tier.init(rawValue:)) else {
                throw corrupt("the access day of inode \(inode.rawValue)")
            }
            return AccessDay(inode: inode, day: row.int(0), tier: tier)
        }.first
    }

    /// Says where an inode's data is; one not known yet counts as used on `day`.
    package func setTier(
        _ fileSystem: String,
        _ inode: InodeNumber,
        _ tier: Tier,
        day: Int64
    ) throws(MetadataError) {
        try change { () throws(MetadataError) in
            try connection.run(
                """
                INSERT INTO access_day(fs, ino, day, tier) VALUES (?1, ?2, ?3, ?4)
                ON CONFLICT(fs, ino) DO UPDATE SET tier = excluded.tier
                """,
                .text(fileSystem),
                .int(Int64(bitPattern: inode.rawValue)),
                .int(day),
                .int(Int64(tier.rawValue))
            )
        }
    }

    /// Forgets inodes that are gone, in one transaction.
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

    /// Forgets a deleted file system: its days and its transitions.
    package func forgetFileSystem(_ fileSystem: String) throws(MetadataError) {
        try change { () throws(MetadataError) in
            try connection.run("DELETE FROM access_day WHERE fs = ?", .text(fileSystem))
            try connection.run("DELETE FROM transition WHERE fs = ?", .text(fileSystem))
        }
    }
}
