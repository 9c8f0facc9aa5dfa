private import CSQLite

/// One connection to a sealed database; one thread at a time, hence not `Sendable`.
///
/// It closes with its last statement.
package final class Connection {
    private let core: ConnectionCore
    private var cached: [String: Statement] = [:]

    /// Opens and sets what all connections share.
    ///
    /// - Parameters:
    ///   - token: The name that the VFS knows the database by.
    ///   - path: For error messages.
    ///   - isWriter: Whether it may change anything.
    ///   - cacheBytes: Bound of the pages that it keeps, after which clean ones are dropped.
    /// - Throws: What the files beneath answered.
    init(token: String, path: String, isWriter: Bool, cacheBytes: Int) throws(MetadataError) {
        core = try ConnectionCore(token: token, path: path)
        for pragma in Connection.pragmas { try execute(pragma) }
        try execute("PRAGMA cache_size = -\(max(64, cacheBytes / 1024))")
        if !isWriter { try execute("PRAGMA query_only = ON") }
    }

    /// Nothing may reach a file but pages and frames, and the checkpoints are ours.
    private static let pragmas = [
        "PRAGMA temp_store = MEMORY", "PRAGMA cache_spill = OFF", "PRAGMA mmap_size = 0",
        "PRAGMA synchronous = FULL", "PRAGMA wal_autocheckpoint = 0", "PRAGMA secure_delete = OFF",
        "PRAGMA trusted_schema = OFF",
    ]

    /// Runs one or more statements that take no parameters.
    package func execute(_ sql: String) throws(MetadataError) {
        let result = sqlite3_exec(core.handle, sql, nil, nil, nil)
        guard result == SQLITE_OK else { throw core.error(result, sql: sql) }
    }

    /// A statement, reset and unbound; the same text gives the same one unless that is running.
    package func prepare(_ sql: String) throws(MetadataError) -> Statement {
        if let statement = cached[sql], !statement.isRunning {
            statement.reset()
            return statement
        }
        var handle: OpaquePointer?
        let flags = UInt32(SQLITE_PREPARE_PERSISTENT)
        let result = sqlite3_prepare_v3(core.handle, sql, -1, flags, &handle, nil)
        guard result == SQLITE_OK, let handle else { throw core.error(result, sql: sql) }
        let statement = Statement(core: core, handle: handle, sql: sql)
        if cached[sql] == nil { cached[sql] = statement }
        return statement
    }

    /// Rows that the last INSERT, UPDATE or DELETE changed.
    package func changes() -> Int {
        Int(sqlite3_changes64(core.handle))
    }

    /// The row id of the last INSERT.
    package var lastInsertedRow: Int64 { sqlite3_last_insert_rowid(core.handle) }

    /// Has transactions end with their frames written and not synced: ``SealedDatabase/syncLog()`` does that.
    func defersSync(_ defers: Bool) {
        SealedVFS.seal(of: core.handle)?.defersSync = defers
    }

    /// False outside BEGIN, and after an error that rolled the transaction back (a full disk, a failed write).
    package var isInTransaction: Bool { sqlite3_get_autocommit(core.handle) == 0 }

    /// Rows answered and virtual-machine steps run so far: what cost tests count.
    package var totalRowsStepped: UInt64 {
        cached.values.reduce(core.rowsStepped &+ core.finalizedSteps) { $0 &+ $1.vmSteps }
    }

    /// Rows answered so far, without the steps.
    package var rowsAnswered: UInt64 { core.rowsStepped }

    /// `PRAGMA user_version`: the schema's number, 0 before there is one.
    package func schemaVersion() throws(MetadataError) -> Int64 {
        let statement = try prepare("PRAGMA user_version")
        defer { statement.reset() }
        return try statement.step() ? statement.int(0) : 0
    }

    /// Refuses a schema that a newer program made.
    ///
    /// - Parameter known: The greatest version that the caller reads.
    /// - Throws: `.newerFormat`.
    package func requireSchema(atMost known: Int64) throws(MetadataError) {
        let found = try schemaVersion()
        guard found > known else { return }
        throw MetadataError(
            .newerFormat,
            "database '\(core.path)' has schema \(found), this program reads up to \(known)",
            remedy: "Run a newer varved; this one has touched nothing."
        )
    }

    /// 1 s: a reader's longest transaction brings 64 MiB of data.
    private static let readersMillisecondsMax: Int32 = 1_000

    /// Copies the log into the base as far as no reader needs it.
    ///
    /// - Parameter waitsForReaders: Whether to wait, a second at most, until no reader needs the log, so that it
    ///   begins anew with the next write.
    /// - Returns: Frames in the log, and how many of them the base now holds.
    /// - Throws: `.busy` when another connection is at it, `.failed`, `.noSpace`, `.corrupt`.
    func checkpoint(
        waitsForReaders: Bool
    ) throws(MetadataError) -> (frames: Int, copied: Int) {
        var frames: Int32 = 0
        var copied: Int32 = 0
        let mode = waitsForReaders ? SQLITE_CHECKPOINT_RESTART : SQLITE_CHECKPOINT_PASSIVE
        sqlite3_busy_timeout(core.handle, waitsForReaders ? Connection.readersMillisecondsMax : 0)
        let result = sqlite3_wal_checkpoint_v2(core.handle, "main", mode, &frames, &copied)
        guard result == SQLITE_OK else { throw core.error(result, sql: "checkpoint") }
        return (Int(frames), Int(copied))
    }
}

/// The handle that a connection and its statements share; the last of them closes it.
final class ConnectionCore {
    // SAFETY: owned by this object alone, closed in deinit.
    let handle: OpaquePointer
    let path: String
    var rowsStepped: UInt64 = 0
    /// Steps of statements that are gone.
    var finalizedSteps: UInt64 = 0

    init(token: String, path: String) throws(MetadataError) {
        var made: OpaquePointer?
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX
        let result = sqlite3_open_v2(token, &made, flags, SealedVFS.name)
        guard let made else {
            throw MetadataError(.failed, "database '\(path)': SQLite has no memory")
        }
        handle = made
        self.path = path
        sqlite3_extended_result_codes(made, 1)
        guard result == SQLITE_OK else { throw error(result, sql: nil) }
    }

    deinit {
        sqlite3_close_v2(handle)
    }

    /// The error behind a result: the files' own when they had one, since SQLite passes on a number alone.
    func error(_ result: Int32, sql: String?) -> MetadataError {
        let fromFiles = [SQLITE_IOERR, SQLITE_FULL, SQLITE_CORRUPT, SQLITE_CANTOPEN, SQLITE_NOTADB]
        if fromFiles.contains(result & 0xFF), let failure = SealedVFS.takeFailure(of: handle) {
            return failure
        }
        let text = sqlite3_errmsg(handle).map { String(cString: $0) } ?? "unknown error"
        return .of(result: result, text: text, sql: sql, database: path)
    }
}
