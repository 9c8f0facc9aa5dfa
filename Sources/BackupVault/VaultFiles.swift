import Disk

/// The vault's directory: names beneath it, errors in this target's words.
struct VaultFiles: Sendable {
    let disk: any Disk
    let directory: String

    /// The folders of a vault.
    enum Folder: String, CaseIterable, Sendable {
        case packs, index, manifests, generations, leases
        /// There only when anything holds a recovery point.
        case holds
        /// There only when the vault keeps parity.
        case parity
        /// There only when a recovery point was moved to cold storage.
        case cold

        /// What writing and pruning need: `holds` is made with the first hold, so that a full disk lets points go.
        static let needed: [Folder] = [.packs, .index, .manifests, .generations, .leases]
    }

    func path(_ name: String) -> String { directory + "/" + name }
    func path(_ folder: Folder, _ name: String) -> String { "\(directory)/\(folder)/\(name)" }

    /// A small whole file.
    func contents(_ name: String, limit: Int = 1 << 30) throws(VaultError) -> [UInt8] {
        try onDisk { () throws(DiskError) in try disk.contents(of: path(name), limit: limit) }
    }

    func contents(_ folder: Folder, _ name: String) throws(VaultError) -> [UInt8] {
        try contents("\(folder)/\(name)")
    }

    /// Writes a whole file durably: temporary, sync, rename, sync of the directory.
    func replace(_ name: String, with bytes: [UInt8]) throws(VaultError) {
        try onDisk { () throws(DiskError) in try disk.replace(path(name), with: bytes) }
    }

    func replace(_ folder: Folder, _ name: String, with bytes: [UInt8]) throws(VaultError) {
        try replace("\(folder)/\(name)", with: bytes)
    }

    /// The names in a folder; none when the folder is missing, as in a copy that dropped empty ones.
    func list(_ folder: Folder) throws(VaultError) -> [String] {
        try onDisk { () throws(DiskError) in
            do throws(DiskError) {
                return try disk.list(path(folder.rawValue))
            } catch {
                guard error.code == .notFound else { throw error }
                return []
            }
        }
    }

    /// Makes the folders that are missing; the next sync of the vault's directory makes them durable.
    ///
    /// - Returns: Whether any was missing.
    @discardableResult
    func makeFolders(_ folders: [Folder] = Folder.needed) throws(VaultError) -> Bool {
        var isNew = false
        for folder in folders {
            let path = path(folder.rawValue)
            try onDisk { () throws(DiskError) in
                guard try disk.status(of: path) == nil else { return }
                try disk.makeDirectory(path)
                isNew = true
            }
        }
        return isNew
    }

    /// Makes missing folders durably, before anything is written into them.
    func requireFolders(_ folders: [Folder] = Folder.needed) throws(VaultError) {
        guard try makeFolders(folders) else { return }
        try onDisk { () throws(DiskError) in try disk.syncDirectory(directory) }
    }

    /// The names with an ending, without it.
    func list(_ folder: Folder, ending: String) throws(VaultError) -> [String] {
        try list(folder).filter { $0.hasSuffix(ending) }.map { String($0.dropLast(ending.count)) }
    }

    func exists(_ folder: Folder, _ name: String) throws(VaultError) -> Bool {
        try onDisk { () throws(DiskError) in try disk.status(of: path(folder, name)) } != nil
    }

    func remove(_ folder: Folder, _ name: String) throws(VaultError) {
        try onDisk { () throws(DiskError) in try disk.remove(path(folder, name)) }
    }

    func sync(_ folder: Folder) throws(VaultError) {
        try onDisk { () throws(DiskError) in try disk.syncDirectory(path(folder.rawValue)) }
    }
}
