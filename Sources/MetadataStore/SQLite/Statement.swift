private import CSQLite

/// One prepared statement of one connection; one thread at a time.
///
/// Parameters count from 1, columns from 0.
package final class Statement {
    private let core: ConnectionCore
    // SAFETY: owned by this object alone, finalized in deinit; `core` keeps its connection open.
    private let handle: OpaquePointer
    let sql: String

    init(core: ConnectionCore, handle: OpaquePointer, sql: String) {
        self.core = core
        self.handle = handle
        self.sql = sql
    }

    deinit {
        core.finalizedSteps &+= vmSteps
        sqlite3_finalize(handle)
    }

    /// Virtual-machine steps run so far, modulo 2^32.
    var vmSteps: UInt64 {
        UInt64(UInt32(bitPattern: sqlite3_stmt_status(handle, SQLITE_STMTSTATUS_VM_STEP, 0)))
    }

    /// Whether it stands on a row: reset it before it is bound again.
    var isRunning: Bool { sqlite3_stmt_busy(handle) != 0 }

    // MARK: Parameters

    package func bind(_ index: Int32, _ value: Int64) {
        check(sqlite3_bind_int64(handle, index, value))
    }

    /// Binds as a bit pattern: values are below 2^63, so that SQLite's order is theirs.
    package func bind(_ index: Int32, _ value: UInt64) {
        check(sqlite3_bind_int64(handle, index, Int64(bitPattern: value)))
    }

    package func bind(_ index: Int32, _ value: [UInt8]) {
        // SAFETY: SQLite copies the bytes before the call returns.
        value.withUnsafeBytes {
            check(varve_sqlite_bind_blob(handle, index, $0.baseAddress, UInt64($0.count)))
        }
    }

    package func bind(_ index: Int32, _ value: String) {
        var value = value
        // SAFETY: SQLite copies the bytes before the call returns.
        value.withUTF8 { utf8 in
            utf8.withMemoryRebound(to: CChar.self) {
                check(varve_sqlite_bind_text(handle, index, $0.baseAddress, UInt64($0.count)))
            }
        }
    }

    package func bindNull(_ index: Int32) {
        check(sqlite3_bind_null(handle, index))
    }

    private func check(_ result: Int32) {
        precondition(
            result == SQLITE_OK,
            "a parameter of '\(sql)' was not bound: SQLite \(result)"
        )
    }

    // MARK: Running

    /// Runs to the next row.
    ///
    /// - Returns: `true` on a row, `false` when done.
    /// - Throws: What SQLite or the files beneath answered; the statement is reset then.
    package func step() throws(MetadataError) -> Bool {
        let result = sqlite3_step(handle)
        if result == SQLITE_ROW {
            core.rowsStepped &+= 1
            return true
        }
        if result == SQLITE_DONE { return false }
        let error = core.error(result, sql: sql)
        sqlite3_reset(handle)
        throw error
    }

    /// Makes it ready to run again, all parameters NULL.
    package func reset() {
        // The result repeats the last step's, which has been thrown already.
        sqlite3_reset(handle)
        sqlite3_clear_bindings(handle)
    }

    /// Makes it ready to run again with the same parameters: for those who bind every one of them anew.
    func rewind() {
        // As above.
        sqlite3_reset(handle)
    }

    /// Runs to the end, passing over any rows, and resets.
    package func run() throws(MetadataError) {
        defer { reset() }
        while try step() {}
    }

    // MARK: The row

    package func int(_ column: Int32) -> Int64 {
        sqlite3_column_int64(handle, column)
    }

    package func isNull(_ column: Int32) -> Bool {
        sqlite3_column_type(handle, column) == SQLITE_NULL
    }

    package func bytes(_ column: Int32) -> [UInt8] {
        withBytes(column) { Array($0) }
    }

    package func text(_ column: Int32) -> String {
        withBytes(column) { String(decoding: $0, as: UTF8.self) }
    }

    /// Lends a blob's or text's bytes; NULL is empty.
    package func withBytes<Result>(_ column: Int32, _ body: (UnsafeRawBufferPointer) -> Result)
        -> Result
    {
        // SAFETY: valid until the next step or reset, which `body` cannot reach without the statement.
        let start = sqlite3_column_blob(handle, column)
        let count = Int(sqlite3_column_bytes(handle, column))
        return body(UnsafeRawBufferPointer(start: start, count: count))
    }
}
