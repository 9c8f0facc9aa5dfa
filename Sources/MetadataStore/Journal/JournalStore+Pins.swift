package import VarveModel

/// Files and directories that an operator wants in Standard.
extension JournalStore {
    /// Pins an inode; one that is pinned already stays as it is.
    ///
    /// - Throws: `.constraint` when there are 10,000 already.
    package func addPin(_ fileSystem: String, _ pin: PinRow) throws(MetadataError) {
        try change { () throws(MetadataError) in
            let count = try connection.rows(
                "SELECT count(*) FROM pin WHERE fs = ?1",
                .text(fileSystem)
            ) { $0.int(0) }.first
            guard count ?? 0 < JournalSchema.pinsMax else {
                throw MetadataError(
                    .constraint,
                    "the file system has \(JournalSchema.pinsMax) pins",
                    remedy: "Pin a directory above them, or write 'pin' into the policy."
                )
            }
            try connection.run(
                "INSERT OR IGNORE INTO pin(fs, ino, since, placed_by) VALUES (?1, ?2, ?3, ?4)",
                .text(fileSystem),
                .int(Int64(bitPattern: pin.inode.rawValue)),
                .int(pin.since.seconds),
                .text(pin.placedBy)
            )
        }
    }

    /// Takes a pin away.
    ///
    /// - Returns: Whether there was one.
    package func removePin(
        _ fileSystem: String,
        _ inode: InodeNumber
    ) throws(MetadataError) -> Bool {
        try change { () throws(MetadataError) in
            try connection.run(
                "DELETE FROM pin WHERE fs = ?1 AND ino = ?2",
                .text(fileSystem),
                .int(Int64(bitPattern: inode.rawValue))
            )
            return connection.changes() == 1
        }
    }

    /// All of them, ascending.
    package func pins(_ fileSystem: String) throws(MetadataError) -> [PinRow] {
        try connection.rows(
            "SELECT ino, since, placed_by FROM pin WHERE fs = ?1 ORDER BY ino",
            .text(fileSystem)
        ) {
            PinRow(
                inode: InodeNumber(rawValue: UInt64(bitPattern: $0.int(0))),
                since: Timestamp(seconds: $0.int(1)),
                placedBy: $0.text(2)
            )
        }
    }
}
