import Disk
import Keyring
import VarveModel

@testable import MetadataStore

/// A small sealed database on a simulated disk: a table of numbers and bytes.
struct SQLiteWorld {
    static let path = "/state/meta.sqlite"
    static let logPath = path + "-wal"
    static let key = DataKey.random()
    static let id = UniqueID.random()

    let disk: any Disk

    static func simulated() throws -> (SQLiteWorld, SimulatedDisk) {
        let disk = SimulatedDisk()
        try disk.makeDirectories("/state")
        return (SQLiteWorld(disk: disk), disk)
    }

    /// Small, so that a few transactions grow it.
    static let options = SealedDatabaseOptions(
        writerCacheBytes: 1 << 20,
        readerCacheBytes: 1 << 20,
        logBytes: 64 << 10,
        logGrowthBytes: 64 << 10
    )

    func open(
        create: Bool = true,
        key: DataKey = SQLiteWorld.key,
        id: UniqueID = SQLiteWorld.id,
        kind: Int32 = 7,
        atLeast position: WALPosition = .none
    ) throws(MetadataError) -> SealedDatabase {
        try SealedDatabase(
            disk: disk,
            path: SQLiteWorld.path,
            key: key,
            id: id,
            applicationID: kind,
            create: create,
            requireAtLeast: position,
            options: SQLiteWorld.options
        )
    }

    static let schema = "CREATE TABLE IF NOT EXISTS t(k INTEGER PRIMARY KEY, v BLOB) STRICT"

    /// Makes the table and its schema number in one transaction.
    static func prepare(_ connection: Connection) throws(MetadataError) {
        try connection.execute("BEGIN IMMEDIATE; \(schema); PRAGMA user_version = 1; COMMIT")
    }

    static func put(_ connection: Connection, _ key: Int64, _ value: [UInt8]) throws(MetadataError)
    {
        let statement = try connection.prepare("INSERT OR REPLACE INTO t(k, v) VALUES (?, ?)")
        statement.bind(1, key)
        statement.bind(2, value)
        try statement.run()
    }

    static func all(_ connection: Connection) throws(MetadataError) -> [Int64: [UInt8]] {
        let statement = try connection.prepare("SELECT k, v FROM t ORDER BY k")
        defer { statement.reset() }
        var rows: [Int64: [UInt8]] = [:]
        while try statement.step() { rows[statement.int(0)] = statement.bytes(1) }
        return rows
    }
}

extension Disk {
    /// A file's bytes, for looking at what is stored.
    func stored(_ path: String) throws(DiskError) -> [UInt8] {
        try contents(of: path, limit: 1 << 30)
    }
}
