private import CSQLite
private import Glibc
private import Synchronization
import VarveModel

/// SQLite's way to our files: a VFS named "varve" over `Disk`.
///
/// A database is registered under a token that SQLite takes for its path. Only its base and its log can
/// be opened; rollback journals and temporary files are refused, so nothing plain reaches a disk.
enum SealedVFS {
    static let name = "varve"

    private static let databases = Mutex<(next: UInt64, byToken: [String: SealedFiles])>((0, [:]))

    /// Makes `files` known; the token is gone with ``forget(_:)``.
    static func register(_ files: SealedFiles) throws(MetadataError) -> String {
        guard installed == SQLITE_OK else {
            throw MetadataError(.failed, "SQLite did not take the VFS: \(installed)")
        }
        return databases.withLock { databases in
            databases.next += 1
            let token = "/varve/\(databases.next)"
            databases.byToken[token] = files
            return token
        }
    }

    static func forget(_ token: String) {
        databases.withLock { $0.byToken[token] = nil }
    }

    fileprivate static func files(_ token: String) -> SealedFiles? {
        databases.withLock { $0.byToken[token] }
    }

    /// The open database of an id, and its token; of several the one that was opened last.
    static func newest(of id: UniqueID) -> (token: String, files: SealedFiles)? {
        databases.withLock { databases in
            let found = databases.byToken.filter { $0.value.keys.id == id }
            return found.max { ($0.key.count, $0.key) < ($1.key.count, $1.key) }
                .map { (token: $0.key, files: $0.value) }
        }
    }

    /// Why the files of a connection failed, once.
    static func takeFailure(of connection: OpaquePointer) -> MetadataError? {
        guard let seal = seal(of: connection) else { return nil }
        defer { seal.failure = nil }
        return seal.failure
    }

    /// What a connection's two files share; `nil` before it has opened them.
    static func seal(of connection: OpaquePointer) -> ConnectionSeal? {
        var pointer: UnsafeMutablePointer<sqlite3_file>?
        // SAFETY: SQLite fills in its own file object, which lives as long as the connection.
        let result = sqlite3_file_control(
            connection,
            "main",
            SQLITE_FCNTL_FILE_POINTER,
            &pointer
        )
        guard result == SQLITE_OK, let pointer, pointer.pointee.pMethods != nil else { return nil }
        return owner(of: pointer)?.seal
    }

    /// SQLite's configuration, initialisation and our registration, once a process.
    private static let installed: Int32 = {
        // MISUSE says that somebody has begun to use SQLite already: its defaults are only slower.
        _ = varve_sqlite_configure()
        let result = sqlite3_initialize()
        guard result == SQLITE_OK, let host = sqlite3_vfs_find(nil) else { return result }
        // SAFETY: registered for the life of the process, never freed.
        let vfs = UnsafeMutablePointer<sqlite3_vfs>.allocate(capacity: 1)
        vfs.initialize(to: sqlite3_vfs())
        vfs.pointee.iVersion = 2
        vfs.pointee.szOsFile = Int32(MemoryLayout<varve_sqlite_file>.size)
        vfs.pointee.mxPathname = 128
        vfs.pointee.zName = UnsafePointer(strdup(name))
        vfs.pointee.xOpen = openFile
        vfs.pointee.xDelete = deleteFile
        vfs.pointee.xAccess = accessFile
        vfs.pointee.xFullPathname = fullPath
        vfs.pointee.xRandomness = host.pointee.xRandomness
        vfs.pointee.xSleep = host.pointee.xSleep
        vfs.pointee.xCurrentTime = host.pointee.xCurrentTime
        vfs.pointee.xCurrentTimeInt64 = host.pointee.xCurrentTimeInt64
        vfs.pointee.xGetLastError = { _, _, _ in 0 }
        return sqlite3_vfs_register(vfs, 0)
    }()
}

// MARK: Files by SQLite's pointers

// SAFETY of all below: SQLite hands back the file objects that `openFile` filled in, between xOpen and
// xClose, one thread at a time for each; `owner` is retained for exactly that time.

private typealias FilePointer = UnsafeMutablePointer<sqlite3_file>

private func ours(_ file: FilePointer) -> UnsafeMutablePointer<varve_sqlite_file> {
    UnsafeMutableRawPointer(file).assumingMemoryBound(to: varve_sqlite_file.self)
}

private func owner(of file: FilePointer?) -> (any SealedFile)? {
    guard let file, let opaque = ours(file).pointee.owner else { return nil }
    if file.pointee.pMethods == UnsafePointer(pagesMethods) {
        return Unmanaged<SealedPagesFile>.fromOpaque(opaque).takeUnretainedValue()
    }
    return Unmanaged<SealedLogFile>.fromOpaque(opaque).takeUnretainedValue()
}

private func pages(_ file: FilePointer?) -> SealedPagesFile? {
    guard let file, let opaque = ours(file).pointee.owner else { return nil }
    return Unmanaged<SealedPagesFile>.fromOpaque(opaque).takeUnretainedValue()
}

/// Runs a call of SQLite's; a failure is kept for the connection and told as a code.
private func perform(
    _ file: FilePointer?,
    _ failed: Int32,
    _ body: (any SealedFile) throws(MetadataError) -> Int32
) -> Int32 {
    guard let owner = owner(of: file) else { return SQLITE_MISUSE }
    do throws(MetadataError) {
        return try body(owner)
    } catch {
        owner.seal.failure = error
        return error.code == .noSpace ? SQLITE_FULL : failed
    }
}

// MARK: The VFS's calls

private func openFile(
    _: UnsafeMutablePointer<sqlite3_vfs>?,
    _ name: UnsafePointer<CChar>?,
    _ file: FilePointer?,
    _ flags: Int32,
    _ outFlags: UnsafeMutablePointer<Int32>?
) -> Int32 {
    guard let file else { return SQLITE_MISUSE }
    file.pointee.pMethods = nil
    guard let name else { return SQLITE_CANTOPEN }
    if flags & SQLITE_OPEN_MAIN_DB != 0 {
        guard let files = SealedVFS.files(String(cString: name)) else { return SQLITE_CANTOPEN }
        let made = SealedPagesFile(ConnectionSeal(files: files))
        ours(file).pointee.owner = Unmanaged.passRetained(made).toOpaque()
        file.pointee.pMethods = UnsafePointer(pagesMethods)
    } else if flags & SQLITE_OPEN_WAL != 0 {
        guard let main = pages(sqlite3_database_file_object(name)) else { return SQLITE_CANTOPEN }
        let made = SealedLogFile(main.seal)
        ours(file).pointee.owner = Unmanaged.passRetained(made).toOpaque()
        file.pointee.pMethods = UnsafePointer(logMethods)
    } else {
        return SQLITE_CANTOPEN
    }
    outFlags?.pointee = flags
    return SQLITE_OK
}

/// Nothing is ever deleted: the log stays, and there is no journal.
private func deleteFile(
    _: UnsafeMutablePointer<sqlite3_vfs>?,
    _ name: UnsafePointer<CChar>?,
    _: Int32
) -> Int32 {
    VARVE_SQLITE_IOERR_DELETE
}

private func accessFile(
    _: UnsafeMutablePointer<sqlite3_vfs>?,
    _ name: UnsafePointer<CChar>?,
    _: Int32,
    _ answer: UnsafeMutablePointer<Int32>?
) -> Int32 {
    let isLog = name.map { String(cString: $0).hasSuffix("-wal") } ?? false
    answer?.pointee = isLog ? 1 : 0
    return SQLITE_OK
}

private func fullPath(
    _: UnsafeMutablePointer<sqlite3_vfs>?,
    _ name: UnsafePointer<CChar>?,
    _ room: Int32,
    _ target: UnsafeMutablePointer<CChar>?
) -> Int32 {
    guard let name, let target, strlen(name) < Int(room) else { return SQLITE_CANTOPEN }
    strcpy(target, name)
    return SQLITE_OK
}

// MARK: The files' calls

private func methods(_ version: Int32) -> UnsafeMutablePointer<sqlite3_io_methods> {
    let methods = UnsafeMutablePointer<sqlite3_io_methods>.allocate(capacity: 1)
    methods.initialize(to: sqlite3_io_methods())
    methods.pointee.iVersion = version
    methods.pointee.xRead = { file, target, count, offset in
        guard let target else { return SQLITE_MISUSE }
        return perform(file, VARVE_SQLITE_IOERR_CORRUPTFS) { file throws(MetadataError) in
            try file.read(into: target, count: Int(count), at: UInt64(offset))
                ? SQLITE_OK : VARVE_SQLITE_IOERR_SHORT_READ
        }
    }
    methods.pointee.xWrite = { file, source, count, offset in
        guard let source else { return SQLITE_MISUSE }
        return perform(file, VARVE_SQLITE_IOERR_WRITE) { file throws(MetadataError) in
            try file.write(source, count: Int(count), at: UInt64(offset))
            return SQLITE_OK
        }
    }
    methods.pointee.xTruncate = { file, size in
        perform(file, VARVE_SQLITE_IOERR_TRUNCATE) { file throws(MetadataError) in
            try file.truncate(to: UInt64(size))
            return SQLITE_OK
        }
    }
    methods.pointee.xSync = { file, _ in
        perform(file, VARVE_SQLITE_IOERR_FSYNC) { file throws(MetadataError) in
            try file.sync()
            return SQLITE_OK
        }
    }
    methods.pointee.xFileSize = { file, size in
        perform(file, VARVE_SQLITE_IOERR_FSTAT) { file throws(MetadataError) in
            size?.pointee = Int64(try file.size())
            return SQLITE_OK
        }
    }
    // Readers share; nobody may have it alone, so closing neither checkpoints nor deletes the log.
    methods.pointee.xLock = { _, level in level <= SQLITE_LOCK_SHARED ? SQLITE_OK : SQLITE_BUSY }
    methods.pointee.xUnlock = { _, _ in SQLITE_OK }
    methods.pointee.xCheckReservedLock = { _, answer in
        answer?.pointee = 0
        return SQLITE_OK
    }
    methods.pointee.xFileControl = { _, _, _ in SQLITE_NOTFOUND }
    methods.pointee.xSectorSize = { _ in Int32(SealedLayout.pageBytes) }
    // Justified in docs/formats/sealed-sqlite.md: a torn write leaves sectors old or new.
    methods.pointee.xDeviceCharacteristics = { _ in SQLITE_IOCAP_POWERSAFE_OVERWRITE }
    return methods
}

// SAFETY: filled once, never changed, never freed.
private nonisolated(unsafe) let pagesMethods: UnsafeMutablePointer<sqlite3_io_methods> = {
    let made = methods(2)
    made.pointee.xClose = { file in
        guard let file, let opaque = ours(file).pointee.owner else { return SQLITE_OK }
        ours(file).pointee.owner = nil
        Unmanaged<SealedPagesFile>.fromOpaque(opaque).release()
        return SQLITE_OK
    }
    made.pointee.xShmMap = { file, region, bytes, extends, target in
        guard let pages = pages(file) else { return SQLITE_MISUSE }
        let index = pages.files.index
        let found = index.region(Int(region), bytes: Int(bytes), extends: extends != 0)
        target?.pointee = UnsafeMutableRawPointer(bitPattern: found)
        return SQLITE_OK
    }
    made.pointee.xShmLock = { file, first, count, flags in
        guard let pages = pages(file) else { return SQLITE_MISUSE }
        do throws(MetadataError) {
            return try pages.lock(first, count, flags)
        } catch {
            pages.seal.failure = error
            return VARVE_SQLITE_IOERR_SHMLOCK
        }
    }
    made.pointee.xShmBarrier = { _ in varve_sqlite_fence() }
    made.pointee.xShmUnmap = { file, _ in
        guard let pages = pages(file) else { return SQLITE_MISUSE }
        pages.files.index.release(&pages.locks)
        return SQLITE_OK
    }
    return made
}()

// SAFETY: filled once, never changed, never freed.
private nonisolated(unsafe) let logMethods: UnsafeMutablePointer<sqlite3_io_methods> = {
    let made = methods(1)
    made.pointee.xClose = { file in
        guard let file, let opaque = ours(file).pointee.owner else { return SQLITE_OK }
        ours(file).pointee.owner = nil
        Unmanaged<SealedLogFile>.fromOpaque(opaque).release()
        return SQLITE_OK
    }
    return made
}()
