private import Synchronization

/// One SQL statement that the rows are read or written by; prepared once a connection.
///
/// All of them are listed, so that a test can ask SQLite how it runs each and find none that scans
/// a table.
final class Query: Sendable {
    let sql: String
    /// The statement's slot in a connection's cache.
    let index: Int
    /// Whether it changes rows.
    let isChange: Bool
    /// Whether it names a table of which a writer may hold rows back (``HeldRows``).
    let meetsHeldRows: Bool
    /// Whether it changes what a writer knows of such a table.
    let changesHeldRows: Bool

    private static let issued = Atomic<Int>(0)

    init(_ sql: String) {
        self.sql = sql
        index = Query.issued.add(1, ordering: .relaxed).oldValue
        let words = sql.split { !$0.isLetter && $0 != "_" }
        isChange = ["INSERT", "UPDATE", "DELETE"].contains(words.first ?? "")
        meetsHeldRows = words.contains { HeldRows.tables.contains(String($0)) }
        changesHeldRows = isChange && words.contains { HeldRows.knownTables.contains(String($0)) }
    }

    static var count: Int { issued.load(ordering: .relaxed) }
}

/// A connection's prepared statements, found by number: no hashing of SQL text on the hot path.
class Statements {
    let connection: Connection
    private var prepared: [Statement?] = []

    init(_ connection: Connection) {
        self.connection = connection
    }

    /// Hears of each statement before it runs.
    func willRun(_ query: Query) throws(MetadataError) {}

    /// A statement, reset and bound to `values` from its first parameter on.
    func bound(_ query: Query, _ values: [Int64]) throws(MetadataError) -> Statement {
        try willRun(query)
        let statement = try prepare(query)
        var index: Int32 = 1
        for value in values {
            statement.bind(index, value)
            index += 1
        }
        return statement
    }

    /// Runs a statement that answers no rows.
    func run(_ query: Query, _ values: Int64...) throws(MetadataError) {
        let statement = try bound(query, values)
        defer { statement.reset() }
        _ = try statement.step()
    }

    /// Runs a statement that answers no rows, and says how many it changed.
    func change(_ query: Query, _ values: Int64...) throws(MetadataError) -> Int {
        let statement = try bound(query, values)
        defer { statement.reset() }
        _ = try statement.step()
        return connection.changes()
    }

    /// The first row, if there is one.
    func first<Row>(
        _ query: Query,
        _ values: Int64...,
        row: (Statement) throws(MetadataError) -> Row
    ) throws(MetadataError) -> Row? {
        let statement = try bound(query, values)
        defer { statement.reset() }
        guard try statement.step() else { return nil }
        return try row(statement)
    }

    /// Every row.
    func all<Row>(
        _ query: Query,
        _ values: Int64...,
        row: (Statement) throws(MetadataError) -> Row
    ) throws(MetadataError) -> [Row] {
        let statement = try bound(query, values)
        defer { statement.reset() }
        var rows: [Row] = []
        while try statement.step() { rows.append(try row(statement)) }
        return rows
    }

    /// Whether there is a row.
    func exists(_ query: Query, _ values: Int64...) throws(MetadataError) -> Bool {
        let statement = try bound(query, values)
        defer { statement.reset() }
        return try statement.step()
    }

    /// The first column of the first row.
    func int(_ query: Query, _ values: Int64...) throws(MetadataError) -> Int64? {
        let statement = try bound(query, values)
        defer { statement.reset() }
        guard try statement.step() else { return nil }
        return statement.int(0)
    }

    /// The statement itself, unbound.
    func prepare(_ query: Query) throws(MetadataError) -> Statement {
        if query.index < prepared.count, let statement = prepared[query.index] { return statement }
        let statement = try connection.prepare(query.sql)
        while prepared.count <= query.index { prepared.append(nil) }
        prepared[query.index] = statement
        return statement
    }
}
