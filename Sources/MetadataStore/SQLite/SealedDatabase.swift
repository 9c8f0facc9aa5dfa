package import Disk
package import Keyring
import Synchronization
package import VarveModel

/// How a sealed database spends memory and disk.
package struct SealedDatabaseOptions: Sendable {
    /// Pages that the writing connection keeps.
    package var writerCacheBytes: Int
    /// Pages that each reading connection keeps.
    package var readerCacheBytes: Int
    /// The log's size when made.
    package var logBytes: UInt64
    /// The log grows by as much as it has, at most by this.
    package var logGrowthBytes: UInt64

    package init(
        writerCacheBytes: Int = 64 << 20,
        readerCacheBytes: Int = 32 << 20,
        logBytes: UInt64 = 1 << 20,
        logGrowthBytes: UInt64 = 8 << 20
    ) {
        self.writerCacheBytes = writerCacheBytes
        self.readerCacheBytes = readerCacheBytes
        self.logBytes = logBytes
        self.logGrowthBytes = logGrowthBytes
    }

    package static let standard = SealedDatabaseOptions()
    /// For databases that are small and not hot.
    package static let small = SealedDatabaseOptions(
        writerCacheBytes: 4 << 20,
        readerCacheBytes: 1 << 20,
        logBytes: 256 << 10,
        logGrowthBytes: 1 << 20
    )
}

/// What a checkpoint did.
package struct CheckpointResult: Sendable, Hashable {
    /// Frames in the log.
    package let frames: Int
    /// Of them, frames that the base now holds.
    package let copied: Int
}

/// One encrypted SQLite database, base and log, on a `Disk`; open in this process alone.
package final class SealedDatabase: Sendable {
    package let path: String
    package let id: UniqueID
    private let options: SealedDatabaseOptions
    let files: SealedFiles
    private let token: String
    /// Checkpoints, and keeps SQLite's index alive; one thread at a time.
    let keeper: Mutex<Connection?>
    /// Seals the note of how far the log is durable, for who syncs without a connection.
    private let noteSealer: Mutex<PageSealer>

    /// Opens a database, recovering what its log holds; makes it first when asked to and missing.
    ///
    /// - Parameters:
    ///   - disk: Where it lives; all bytes go through it.
    ///   - path: The base; the log stands beside it, named `-wal`.
    ///   - key: The data key that it is, or becomes, sealed under.
    ///   - id: The database's own id; part of every seal.
    ///   - applicationID: What kind of database it is.
    ///   - create: Whether to make it when there is none.
    ///   - position: What its history must reach at least, as another file remembers it.
    ///   - options: Memory and disk to spend.
    ///   - report: Takes one line about bytes that did not verify in one zone.
    /// - Throws: `.notFound`, `.corrupt`, `.wrongKey`, `.mismatch`, `.newerFormat`, `.noSpace`, `.failed`.
    package init(
        disk: any Disk,
        path: String,
        key: DataKey,
        id: UniqueID,
        applicationID: Int32,
        create: Bool,
        requireAtLeast position: WALPosition = .none,
        options: SealedDatabaseOptions = .standard,
        report: @escaping @Sendable (String) -> Void = { _ in }
    ) throws(MetadataError) {
        self.path = path
        self.id = id
        self.options = options
        let keys = PageKeys(dataKey: key, id: id)
        let identity = DatabaseHeader(
            id: id,
            applicationID: UInt32(bitPattern: applicationID),
            key: key
        )
        if create, try SealedDatabase.exists(disk, path) == false {
            try SealedCreation(disk: disk, path: path, options: options).make(identity, keys)
        }
        files = try SealedOpening(disk: disk, path: path, options: options, report: report)
            .open(identity, key: key, keys: keys)
        noteSealer = Mutex(PageSealer(keys))
        token = try SealedVFS.register(files)
        do throws(MetadataError) {
            let connection = try Connection(
                token: token,
                path: path,
                isWriter: false,
                cacheBytes: 1 << 20
            )
            try LogAudit(files).recover(on: connection, atLeast: position)
            keeper = Mutex(connection)
        } catch {
            SealedVFS.forget(token)
            throw error
        }
    }

    deinit {
        SealedVFS.forget(token)
    }

    /// Whether something stands where the database would be.
    package static func exists(_ disk: any Disk, _ path: String) throws(MetadataError) -> Bool {
        do throws(DiskError) {
            return try disk.status(of: path) != nil
        } catch {
            throw MetadataError(error, database: path)
        }
    }

    /// A connection of its own; one thread at a time, and one writer at a time.
    package func connect(writer: Bool) throws(MetadataError) -> Connection {
        try Connection(
            token: token,
            path: path,
            isWriter: writer,
            cacheBytes: writer ? options.writerCacheBytes : options.readerCacheBytes
        )
    }

    /// Copies the log into the base as far as no reader needs it; the log then begins anew by itself.
    ///
    /// Writers and readers go on meanwhile.
    ///
    /// - Parameter waitsForReaders: Whether to wait, a second at most, until no reader needs the log: the next
    ///   write then begins it anew, and it need not grow. Only the writer's thread may ask for it, between transactions.
    /// - Returns: What was copied.
    /// - Throws: `.busy` when somebody else is at it or a reader outlasts the wait, `.noSpace`, `.failed`, `.corrupt`.
    @discardableResult
    package func checkpoint(
        waitsForReaders: Bool = false
    ) throws(MetadataError) -> CheckpointResult {
        try keeper.withLock { keeper throws(MetadataError) in
            guard let keeper else {
                throw MetadataError(.failed, "database '\(path)' is closed")
            }
            let (frames, copied) = try keeper.checkpoint(waitsForReaders: waitsForReaders)
            return CheckpointResult(frames: frames, copied: copied)
        }
    }

    /// Makes every commit durable that was made before the call.
    ///
    /// Any thread may call it; connections go on meanwhile.
    package func syncLog() throws(MetadataError) {
        try noteSealer.withLock { sealer throws(MetadataError) in
            try files.syncLog(with: sealer)
        }
    }

    /// Frames in the log: when to checkpoint.
    package var walFrames: Int { Int(files.index.committedFrames) }

    /// Bytes that the log's frames fill.
    package var walSize: UInt64 { SealedLayout.offset(ofFrame: UInt64(walFrames)) }

    /// How far the log is durable: what a commit marker elsewhere may carry.
    package var walDurable: WALPosition { files.durable }

    /// False after a failed sync: nothing is written until the database is opened again.
    package var isTrusted: Bool { files.isTrusted }

    /// What it has cost so far.
    package var statistics: SealedStatistics {
        SealedStatistics(
            logSyncs: files.counters.logSyncs.load(ordering: .relaxed),
            baseSyncs: files.counters.baseSyncs.load(ordering: .relaxed),
            bytesWritten: files.counters.bytesWritten.load(ordering: .relaxed),
            pagesRead: files.counters.pagesRead.load(ordering: .relaxed),
            framesSealed: files.counters.framesSealed.load(ordering: .relaxed)
        )
    }

    /// Lets go: what connections are left keep working, and the files close with the last.
    package func close() {
        keeper.withLock { $0 = nil }
        SealedVFS.forget(token)
    }
}

/// Counters of one open database.
package struct SealedStatistics: Sendable, Hashable {
    package let logSyncs: UInt64
    package let baseSyncs: UInt64
    package let bytesWritten: UInt64
    /// Pages and frames read from the files and opened.
    package let pagesRead: UInt64
    /// Pages sealed for the log; a checkpoint moves them as they are.
    package let framesSealed: UInt64
}
