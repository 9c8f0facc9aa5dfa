/// Gives a database of before its table of receipts.
///
/// An older program leaves it alone: what it then holds is of requests that nobody asks for again.
enum ReceiptUpgrade {
    /// Does nothing to a database that has it.
    static func run(on sealed: SealedDatabase) throws(MetadataError) {
        let connection = try sealed.connect(writer: true)
        let superblock = try Superblock(connection)
        guard superblock.compatible & Superblock.keepsReceipts == 0 else { return }
        let features = superblock.compatible | Superblock.keepsReceipts
        try connection.execute("BEGIN IMMEDIATE")
        for sql in Schema.receipts { try connection.execute(sql) }
        try connection.execute(
            "UPDATE meta SET v = \(Int64(bitPattern: features)) WHERE k = 'features.compat'"
        )
        try connection.execute("COMMIT")
    }
}
