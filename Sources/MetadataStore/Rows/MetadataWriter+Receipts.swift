package import VarveModel

/// Receipts: what a front-end keeps of a change in the change's own transaction, so that after a crash there is either both or neither.
///
/// They belong to the present alone: no instant shows them, and no change of them is filed.
extension MetadataWriter {
    /// Keeps bytes under a key, in place of what was there; the row is written with the transaction's others, once.
    package func putReceipt(_ key: ReceiptKey, _ value: [UInt8]) {
        held.keep(HeldReceipt(kept: state.epoch.second, value: value), under: key)
    }

    /// Forgets receipts that were kept before a second, in the order of their keys.
    ///
    /// - Parameters:
    ///   - second: Unix seconds.
    ///   - key: Where the walk goes on; `nil` begins it.
    ///   - limit: Receipts looked at.
    /// - Returns: The last one looked at; `nil` at the end.
    /// - Throws: What SQLite answered.
    package func dropReceipts(
        keptBefore second: Int64,
        after key: ReceiptKey?,
        limit: Int
    ) throws(MetadataError) -> ReceiptKey? {
        let start = key?.columns ?? (.min, .min, -1)
        let values = [start.high, start.low, start.number, Int64(limit)]
        let statement = try statements.bound(.receipts, values)
        defer { statement.reset() }
        var seen: [(key: ReceiptKey, second: Int64)] = []
        while try statement.step() { seen.append((ReceiptKey(statement), statement.int(3))) }
        for receipt in seen where receipt.second < second {
            let (high, low, number) = receipt.key.columns
            try statements.run(.deleteReceipt, high, low, number)
        }
        return seen.count < limit ? nil : seen.last?.key
    }
}

extension RowReader {
    /// What was kept under a key.
    package func receipt(_ key: ReceiptKey) throws(MetadataError) -> [UInt8]? {
        let (high, low, number) = key.columns
        return try statements.first(.receipt, high, low, number) { $0.bytes(0) }
    }
}

extension ReceiptKey {
    /// As the table has it, and in its order: `high` and `low` are bit patterns.
    var columns: (high: Int64, low: Int64, number: Int64) {
        (Int64(bitPattern: high), Int64(bitPattern: low), Int64(number))
    }

    fileprivate init(_ statement: Statement) {
        self.init(
            high: UInt64(bitPattern: statement.int(0)),
            low: UInt64(bitPattern: statement.int(1)),
            number: UInt32(truncatingIfNeeded: statement.int(2))
        )
    }
}

extension Query {
    static let receipt = Query(
        "SELECT value FROM receipt WHERE high = ?1 AND low = ?2 AND number = ?3"
    )
    static let putReceipt = Query("INSERT OR REPLACE INTO receipt VALUES (?1, ?2, ?3, ?4, ?5)")
    static let receipts = Query(
        """
        SELECT high, low, number, kept FROM receipt WHERE (high, low, number) > (?1, ?2, ?3)
        ORDER BY high, low, number LIMIT ?4
        """
    )
    static let deleteReceipt = Query(
        "DELETE FROM receipt WHERE high = ?1 AND low = ?2 AND number = ?3"
    )

    static let ofReceipts = [receipt, putReceipt, receipts, deleteReceipt]
}
