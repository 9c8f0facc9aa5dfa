package import Disk

/// A vault in a directory of its own.
///
/// A sign of life is a file under an advisory lock, which dies with its process: no clock decides who lives.
package struct DirectoryStorage: VaultStorage {
    let disk: any Disk
    package let place: String

    /// The vault of a directory.
    ///
    /// - Parameters:
    ///   - disk: Where it lies.
    ///   - directory: An absolute path.
    package init(_ disk: any Disk, _ directory: String) {
        self.disk = disk
        place = directory
    }

    package var arrivesLate: Bool { false }

    package var diskBeneath: (any Disk)? { disk }

    /// A directory answers at once or not at all.
    package func reach() throws(VaultError) {}

    private func path(_ name: String) -> String { place + "/" + name }

    // MARK: Files

    package func open(_ name: String) throws(VaultError) -> any StoredFile {
        let path = path(name)
        return StoredDiskFile(
            try onDisk { () throws(DiskError) in try disk.open(path, .read) }
        )
    }

    package func contents(_ name: String, limit: Int) throws(VaultError) -> [UInt8] {
        try onDisk { () throws(DiskError) in try disk.contents(of: path(name), limit: limit) }
    }

    package func size(of name: String) throws(VaultError) -> UInt64? {
        try onDisk { () throws(DiskError) in try disk.status(of: path(name)) }?.size
    }

    /// Temporary, sync, rename, sync of the directory.
    package func replace(_ name: String, with bytes: [UInt8]) throws(VaultError) {
        try onDisk { () throws(DiskError) in try disk.replace(path(name), with: bytes) }
    }

    package func begin(
        _ name: String,
        as openName: String,
        isReadBack: Bool
    ) throws(VaultError) -> any NewStoredFile {
        try NewDiskFile(disk: disk, openPath: path(openName), path: path(name))
    }

    package func remove(_ name: String) throws(VaultError) {
        try onDisk { () throws(DiskError) in try disk.remove(path(name)) }
    }

    // MARK: Names

    package func list(_ folder: String?) throws(VaultError) -> [String] {
        let path = folder.map(path) ?? place
        return try onDisk { () throws(DiskError) in
            do throws(DiskError) {
                return try disk.list(path)
            } catch {
                guard error.code == .notFound else { throw error }
                return []
            }
        }
    }

    package func sizes(in folder: String) throws(VaultError) -> [String: UInt64]? { nil }

    package func makePlace() throws(VaultError) {
        try onDisk { () throws(DiskError) in try disk.makeDirectories(place) }
    }

    package func makeFolders(_ folders: [String]) throws(VaultError) -> Bool {
        var isNew = false
        for folder in folders {
            let path = path(folder)
            try onDisk { () throws(DiskError) in
                guard try disk.status(of: path) == nil else { return }
                try disk.makeDirectory(path)
                isNew = true
            }
        }
        return isNew
    }

    package func sync(_ folder: String?) throws(VaultError) {
        let path = folder.map(path) ?? place
        try onDisk { () throws(DiskError) in try disk.syncDirectory(path) }
    }

    // MARK: Signs of life

    package func beginSign(_ name: String) throws(VaultError) -> (any SignOfLife)? {
        guard let lock = try lock(name) else { return nil }
        return LockedSign(storage: self, name: name, lock: lock)
    }

    package func living(
        _ names: [String],
        bury: (String) throws(VaultError) -> Void
    ) throws(VaultError) -> [String] {
        var living: [String] = []
        for name in names {
            guard let lock = try lock(name) else {
                living.append(name)
                continue
            }
            // Its owner is gone. Another process may remove the same name.
            try? remove(name)
            lock.release()
        }
        return living
    }

    package func exclude(_ name: String) throws(VaultError) -> (any Exclusion)? {
        try lock(name).map(HeldLock.init)
    }

    /// `nil` when another holder has it.
    private func lock(_ name: String) throws(VaultError) -> (any DiskLock)? {
        do throws(DiskError) {
            return try disk.lock(path(name))
        } catch {
            guard error.code == .busy else { throw VaultError(error) }
            return nil
        }
    }

    /// A plain directory keeps nothing from root.
    package func keeper() throws(VaultError) -> (any FileKeeper)? { nil }

    // MARK: What others left

    /// What was begun stands under a name of its own, which a list shows.
    package func unfinished() throws(VaultError) -> [UnfinishedFile] { [] }
    package func discard(_ unfinished: UnfinishedFile) throws(VaultError) {}

    /// Nothing arrives late, so nobody waits.
    package func hasStood(_ name: String, seconds: Int64) -> Bool { true }
}

/// A locked file whose lock dies with its process.
private struct LockedSign: SignOfLife {
    let storage: DirectoryStorage
    let name: String
    let lock: any DiskLock

    /// While this process lives, it holds the lock.
    func check(isSure: Bool) throws(VaultError) {}

    /// The name goes first, so nobody finds a name without a lock.
    func end() {
        // A name that stays is found unlocked, and dropped, by the next prune.
        try? storage.remove(name)
        lock.release()
    }

    func leave() { lock.release() }
}

private struct HeldLock: Exclusion {
    let lock: any DiskLock

    /// While this process lives, it holds the lock.
    func check() throws(VaultError) {}

    func release() { lock.release() }
}

/// A file of a disk, with errors in this target's words.
private final class StoredDiskFile: StoredFile {
    private let file: any DiskFile

    init(_ file: any DiskFile) {
        self.file = file
    }

    func size() throws(VaultError) -> UInt64 {
        try onDisk { () throws(DiskError) in try file.size() }
    }

    func read(
        into buffer: UnsafeMutableRawBufferPointer,
        at offset: UInt64
    ) throws(VaultError) -> Int {
        try onDisk { () throws(DiskError) in try file.read(into: buffer, at: offset) }
    }

    func close() { file.close() }
}

/// A file under another name until it is whole.
private final class NewDiskFile: NewStoredFile {
    private let disk: any Disk
    private let openPath: String
    private let path: String
    private let file: any DiskFile
    private var size: UInt64 = 0

    init(disk: any Disk, openPath: String, path: String) throws(VaultError) {
        self.disk = disk
        self.openPath = openPath
        self.path = path
        file = try onDisk { () throws(DiskError) in try disk.open(openPath, .createNew) }
    }

    func append(_ bytes: UnsafeRawBufferPointer) throws(VaultError) {
        let range = size..<size + UInt64(bytes.count)
        try onDisk { () throws(DiskError) in try file.write(bytes, at: range.lowerBound) }
        // The sync at the end then has little left to wait for.
        file.beginWriting(range)
        size = range.upperBound
    }

    func read(count: Int, at offset: UInt64) throws(VaultError) -> [UInt8] {
        try onDisk { () throws(DiskError) in try file.read(count: count, at: offset) }
    }

    func finish(_ end: [UInt8]) throws(VaultError) {
        try onDisk { () throws(DiskError) in
            try file.write(end, at: size)
            try file.sync()
            file.close()
            try disk.rename(openPath, to: path)
        }
    }

    func discard() {
        file.close()
        // A leftover is dropped by the next prune, which knows its writer to be gone.
        try? disk.remove(openPath)
    }
}
