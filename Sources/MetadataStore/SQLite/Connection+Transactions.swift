import VarveModel

/// Whole transactions and small answers, for stores that are not hot.
extension Connection {
    /// Runs `body` in one transaction: all of it is durable on return, or nothing of it happened.
    func transaction<Value>(
        _ body: () throws(MetadataError) -> Value
    ) throws(MetadataError) -> Value {
        try execute("BEGIN IMMEDIATE")
        do throws(MetadataError) {
            let value = try body()
            try execute("COMMIT")
            return value
        } catch {
            // SQLite may have rolled back by itself; otherwise a failing ROLLBACK leaves nothing either,
            // and the first error is the one to tell.
            if isInTransaction { try? execute("ROLLBACK") }
            throw error
        }
    }

    /// Runs a statement that answers no rows.
    func run(_ sql: String, _ values: SQLValue...) throws(MetadataError) {
        let statement = try prepare(sql)
        statement.bind(values)
        try statement.run()
    }

    /// Every row.
    func rows<Row>(
        _ sql: String,
        _ values: SQLValue...,
        row: (Statement) throws(MetadataError) -> Row
    ) throws(MetadataError) -> [Row] {
        let statement = try prepare(sql)
        statement.bind(values)
        defer { statement.reset() }
        var rows: [Row] = []
        while try statement.step() { rows.append(try row(statement)) }
        return rows
    }

    /// Brings an empty or older database to the newest schema, in one transaction; refuses a newer one.
    ///
    /// - Parameter steps: The `n`th, counted from 1, makes schema `n` of `n - 1`; the first begins with nothing.
    /// - Throws: `.newerFormat`; what SQLite and the disk refuse.
    func establish(steps: [String]) throws(MetadataError) {
        let newest = Int64(steps.count)
        try requireSchema(atMost: newest)
        let found = try schemaVersion()
        guard found < newest else { return }
        try transaction { () throws(MetadataError) in
            for step in steps.dropFirst(Int(found)) { try execute(step) }
            try execute("PRAGMA user_version = \(newest)")
        }
    }
}

/// A value to bind.
enum SQLValue {
    case int(Int64)
    case text(String)
    case bytes([UInt8])
    case null

    static func int(_ value: Int64?) -> SQLValue { value.map { .int($0) } ?? .null }

    /// Whole seconds.
    static func seconds(_ time: Timestamp?) -> SQLValue { int(time?.seconds) }
}

extension Statement {
    func bind(_ values: [SQLValue]) {
        var index: Int32 = 1
        for value in values {
            switch value {
            case .int(let number): bind(index, number)
            case .text(let text): bind(index, text)
            case .bytes(let bytes): bind(index, bytes)
            case .null: bindNull(index)
            }
            index += 1
        }
    }

    /// Whole seconds, or `nil`.
    func time(_ column: Int32) -> Timestamp? {
        isNull(column) ? nil : Timestamp(seconds: int(column))
    }
}
