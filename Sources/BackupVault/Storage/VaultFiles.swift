/// A vault's files by folder and name, wherever it lies.
struct VaultFiles: Sendable {
    let storage: any VaultStorage
    /// Those that change.
    let changes: ChangingFiles

    init(storage: any VaultStorage) {
        self.storage = storage
        changes = ChangingFiles(storage)
    }

    /// The folders of a vault.
    enum Folder: String, CaseIterable, Sendable {
        case packs, index, manifests, generations, leases
        /// There only when anything holds a recovery point.
        case holds
        /// There only when the vault keeps parity.
        case parity
        /// There only when a recovery point was moved to cold storage.
        case cold
        /// There only when a prune has counted.
        case counts
        /// There only where the description says so.
        case vouchers
        /// There only where changes may arrive late.
        case void
        /// There only where changes have names of their own.
        case changes

        /// What writing and pruning need: `holds` is made with the first hold, so that a full disk lets points go.
        static let needed: [Folder] = [.packs, .index, .manifests, .generations, .leases]
    }

    /// Where the vault lies, for people.
    var place: String { storage.place }

    /// A small whole file.
    func contents(_ name: String, limit: Int = 1 << 30) throws(VaultError) -> [UInt8] {
        try storage.contents(name, limit: limit)
    }

    func contents(_ folder: Folder, _ name: String) throws(VaultError) -> [UInt8] {
        try contents("\(folder)/\(name)")
    }

    /// Opens a file for reading in ranges.
    func open(_ folder: Folder, _ name: String) throws(VaultError) -> any StoredFile {
        try storage.open("\(folder)/\(name)")
    }

    /// Begins a file that comes under its name at the end.
    func begin(
        _ folder: Folder,
        _ name: String,
        as openName: String,
        isReadBack: Bool
    ) throws(VaultError) -> any NewStoredFile {
        try storage.begin("\(folder)/\(name)", as: "\(folder)/\(openName)", isReadBack: isReadBack)
    }

    /// Writes a whole file durably: the old one or the new one is there whatever happens.
    func replace(_ name: String, with bytes: [UInt8]) throws(VaultError) {
        try storage.replace(name, with: bytes)
    }

    func replace(_ folder: Folder, _ name: String, with bytes: [UInt8]) throws(VaultError) {
        try replace("\(folder)/\(name)", with: bytes)
    }

    /// The names in a folder; none when the folder is missing, as in a copy that dropped empty ones.
    func list(_ folder: Folder) throws(VaultError) -> [String] {
        try storage.list(folder.rawValue)
    }

    /// Makes the folders that are missing; the next sync of the vault's own names makes them durable.
    ///
    /// - Returns: Whether any was missing.
    @discardableResult
    func makeFolders(_ folders: [Folder] = Folder.needed) throws(VaultError) -> Bool {
        try storage.makeFolders(folders.map(\.rawValue))
    }

    /// Makes missing folders durably, before anything is written into them.
    func requireFolders(_ folders: [Folder] = Folder.needed) throws(VaultError) {
        guard try makeFolders(folders) else { return }
        try storage.sync(nil)
    }

    /// The names with an ending, without it.
    func list(_ folder: Folder, ending: String) throws(VaultError) -> [String] {
        try list(folder).filter { $0.hasSuffix(ending) }.map { String($0.dropLast(ending.count)) }
    }

    func exists(_ folder: Folder, _ name: String) throws(VaultError) -> Bool {
        try size(folder, name) != nil
    }

    /// Bytes of a file; `nil` when there is none.
    func size(_ folder: Folder, _ name: String) throws(VaultError) -> UInt64? {
        try storage.size(of: "\(folder)/\(name)")
    }

    func remove(_ folder: Folder, _ name: String) throws(VaultError) {
        try storage.remove("\(folder)/\(name)")
    }

    func sync(_ folder: Folder) throws(VaultError) {
        try storage.sync(folder.rawValue)
    }
}
