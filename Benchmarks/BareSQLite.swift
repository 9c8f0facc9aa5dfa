import CSQLite

/// The floor of metadata: stock SQLite through its C API, unencrypted.
final class BareSQLite {
    struct Failure: Error { let message: String }

    private var handle: OpaquePointer?

    init(_ path: String) throws {
        guard
            sqlite3_open_v2(
                path,
                &handle,
                SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                nil
            ) == SQLITE_OK
        else { throw Failure(message: "open \(path)") }
    }

    func run(_ sql: String) throws {
        guard sqlite3_exec(handle, sql, nil, nil, nil) == SQLITE_OK else {
            throw Failure(message: String(cString: sqlite3_errmsg(handle)))
        }
    }

    func prepare(_ sql: String) throws -> BareStatement {
        var statement: OpaquePointer?
        guard sqlite3_prepare_v2(handle, sql, -1, &statement, nil) == SQLITE_OK, let statement
        else {
            throw Failure(message: String(cString: sqlite3_errmsg(handle)))
        }
        return BareStatement(statement)
    }

    /// Keeps the WAL, so that its removal is the caller's.
    func close() {
        sqlite3_close_v2(handle)
        handle = nil
    }
}

/// A prepared statement of two integers.
final class BareStatement {
    private let handle: OpaquePointer
    private let parameters: Int32

    init(_ handle: OpaquePointer) {
        self.handle = handle
        parameters = sqlite3_bind_parameter_count(handle)
    }

    deinit {
        sqlite3_finalize(handle)
    }

    func run(_ first: Int64, _ second: Int64) throws {
        sqlite3_bind_int64(handle, 1, first)
        if parameters > 1 { sqlite3_bind_int64(handle, 2, second) }
        guard sqlite3_step(handle) == SQLITE_DONE else {
            throw BareSQLite.Failure(message: "step")
        }
        sqlite3_reset(handle)
    }
}
