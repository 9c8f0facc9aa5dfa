package import VarveModel

/// Files that the journal learns of from others than their readers and writers.
extension JournalStore {
    /// Those of some inodes that it has no row of, in the order given.
    package func unknown(
        _ fileSystem: String,
        _ inodes: [InodeNumber]
    ) throws(MetadataError) -> [InodeNumber] {
        var unknown: [InodeNumber] = []
        for inode in inodes {
            let found = try connection.rows(
                "SELECT 1 FROM access_day WHERE fs = ?1 AND ino = ?2",
                .text(fileSystem),
                .int(Int64(bitPattern: inode.rawValue))
            ) { $0.int(0) }
            if found.isEmpty { unknown.append(inode) }
        }
        return unknown
    }

    /// Takes files in that nobody was heard to use, as if they had been used on a day, in one transaction.
    ///
    /// One in a colder tier is looked at with the next run. What is known already stays as it is.
    package func takeIn(
        _ fileSystem: String,
        _ files: [(inode: InodeNumber, tier: Tier)],
        day: Int64
    ) throws(MetadataError) {
        guard !files.isEmpty else { return }
        let days = try dueRules(fileSystem)?.days
        let idle = days.map { day + Int64($0) } ?? JournalSchema.never
        try change { () throws(MetadataError) in
            for file in files {
                try connection.run(
                    """
                    INSERT OR IGNORE INTO access_day(fs, ino, day, tier, due)
                    VALUES (?1, ?2, ?3, ?4, ?5)
                    """,
                    .text(fileSystem),
                    .int(Int64(bitPattern: file.inode.rawValue)),
                    .int(day),
                    .int(Int64(file.tier.rawValue)),
                    .int(file.tier == .standard ? idle : day)
                )
            }
        }
    }

    /// Has files looked at on a day at the latest, whatever came of the last look, in one transaction.
    package func lookAgain(
        _ fileSystem: String,
        at inodes: [InodeNumber],
        by day: Int64
    ) throws(MetadataError) {
        guard !inodes.isEmpty else { return }
        try change { () throws(MetadataError) in
            for inode in inodes {
                try connection.run(
                    """
                    UPDATE access_day SET due = min(due, ?3), looked = 0
                    WHERE fs = ?1 AND ino = ?2
                    """,
                    .text(fileSystem),
                    .int(Int64(bitPattern: inode.rawValue)),
                    .int(day)
                )
            }
        }
    }
}
