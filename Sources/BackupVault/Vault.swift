package import Disk
package import Keyring
import Synchronization
package import VarveModel

/// A store of recovery points: content-addressed chunks in sealed packs, and manifests over them.
///
/// It has never heard of a file system. Where it lies and the root key alone restore on another
/// machine. Every call blocks and may come from any thread; several writers and one prune may work at
/// once, also from several processes of one host.
package final class Vault: Sendable {
    package let id: UniqueID
    package let name: String
    package let created: Timestamp
    package let chunker: Chunker

    /// Where it lies, for people: a directory's path, or `s3://bucket/prefix`.
    package var place: String { files.place }

    /// Asks whether the place answers, without the patience that work has.
    ///
    /// - Throws: `.denied`, `.unavailable`.
    package func reach() throws(VaultError) {
        try files.storage.reach()
    }

    /// Whether recovery points may move to cold storage: archives go to a vault on a disk alone.
    package var mayHaveColdStorage: Bool { files.storage.diskBeneath != nil }

    let files: VaultFiles
    let keys: VaultKeys
    let settings: VaultSettings
    let compression: ChunkCompression
    let generations: GenerationFiles
    let manifests: ManifestFiles
    let vouchers: VoucherFiles
    let holdFiles: HoldFiles
    let parityFiles: ParityFiles
    let lockFiles: LockFiles
    let coldFiles: ColdFiles
    let countsFiles: CountsFiles
    /// By what its lock tells how much time has passed.
    let pace: LockPace
    /// What the vault is opened by, as it was last seen whole.
    let standing: Mutex<VaultStanding>
    /// The lock as it was last seen: an older one is not taken for it.
    let lockSeen = Mutex<LockRecord?>(nil)

    /// What is known of packs and chunks; built again from the directory whenever it may be stale.
    struct Knowledge: Sendable {
        var index = ChunkIndex(condemned: [])
        var generation = Generation.first
        /// Index files taken in already.
        var indexFiles: Set<String> = []
        /// What those that read list.
        var indexLists: [String: IndexList] = [:]
        /// Packs that no readable index file lists.
        var unlisted: Set<UniqueID> = []
        var damagedIndexFiles: [String: VaultError] = [:]
        var damagedPacks: [UniqueID: VaultError] = [:]
    }

    let knowledge = Mutex(Knowledge())
    /// One thread at a time reads the directory for what is new.
    let refreshing = Mutex(())
    /// One thread at a time changes holds or deletes points.
    let holding = Mutex(())
    let readers = Mutex(RecentCache<UniqueID, PackReader>(bytesMax: 256))
    /// 32 MiB of encoded nodes: the working set of an incremental backup.
    let nodes = Mutex(RecentCache<ChunkID, MapNode>(bytesMax: 32 << 20))
    /// 16 MiB: consecutive ranges of one chunk open it once, also where several files are read at a time.
    let plainChunks = Mutex(RecentCache<ChunkID, [UInt8]>(bytesMax: 16 << 20))

    init(
        files: VaultFiles,
        keys: VaultKeys,
        standing: VaultStanding,
        settings: VaultSettings,
        pace: LockPace
    ) {
        self.pace = pace
        id = keys.vault
        name = standing.description.name
        created = standing.description.created
        chunker = Chunker(sizes: standing.description.chunks, gear: keys.gear)
        self.files = files
        self.keys = keys
        self.settings = settings
        self.standing = Mutex(standing)
        compression = ChunkCompression(level: settings.compressionLevel)
        generations = GenerationFiles(files: files, keys: keys)
        manifests = ManifestFiles(files: files, keys: keys)
        vouchers = VoucherFiles(files: files, keys: keys)
        parityFiles = ParityFiles(files: files, keys: keys)
        holdFiles = HoldFiles(files: files, keys: keys, parity: parityFiles)
        lockFiles = LockFiles(files: files, keys: keys)
        coldFiles = ColdFiles(files: files, keys: keys)
        countsFiles = CountsFiles(files: files, keys: keys)
    }

    /// Makes a vault in `directory`; `vault.json` comes last and makes it one.
    ///
    /// The directory is missing, empty, or what an interrupted making left: anything else there is not touched.
    ///
    /// - Parameters:
    ///   - disk: Where it lies.
    ///   - directory: An absolute path; made when missing, with what is missing above it.
    ///   - name: For people.
    ///   - root: Wraps the vault's own key.
    ///   - clock: Says when it was created.
    ///   - settings: Sizes and level.
    ///   - pace: By what a lock tells how much time has passed.
    /// - Returns: The vault, open.
    /// - Throws: `.exists`, `.noSpace`, `.denied`, `.failed`.
    package static func create(
        disk: any Disk,
        directory: String,
        name: String,
        root: RootKey,
        clock: any VarveClock,
        settings: VaultSettings = .standard,
        pace: LockPace = .machine
    ) throws(VaultError) -> Vault {
        try create(
            in: DirectoryStorage(disk, directory),
            name: name,
            root: root,
            clock: clock,
            settings: settings,
            pace: pace
        )
    }

    /// Makes a vault wherever one can lie; `vault.json` comes last and makes it one.
    ///
    /// The place is missing, empty, or what an interrupted making left: anything else there is not touched.
    ///
    /// - Throws: As in a directory.
    package static func create(
        in storage: any VaultStorage,
        name: String,
        root: RootKey,
        clock: any VarveClock,
        settings: VaultSettings = .standard,
        pace: LockPace = .machine
    ) throws(VaultError) -> Vault {
        precondition(settings.chunks.isValid, "chunk sizes must be in order")
        let files = VaultFiles(storage: storage)
        return try HeldClaims.holding(try files.lockMaking()) { () throws(VaultError) -> Vault in
            try make(files, name: name, root: root, created: clock.now(), settings, pace)
        }
    }

    private static func make(
        _ files: VaultFiles,
        name: String,
        root: RootKey,
        created: Timestamp,
        _ settings: VaultSettings,
        _ pace: LockPace
    ) throws(VaultError) -> Vault {
        try files.requireVacant()
        let id = UniqueID.random()
        let data = DataKey.random()
        let secret = SecureRandom.bytes(SecretBytes.count)
        let keys = VaultKeys(
            data: data,
            secret: DataKey(secret: SecretBytes(secret)),
            vault: id
        )
        files.changes.unlock(keys)
        let wrapped = data.wrapped(by: root, for: id)
        let description = VaultDescription(
            id: id,
            name: name,
            created: created,
            chunks: settings.chunks,
            wrapping: .init(rootKey: root.id, file: wrapped),
            namesChanges: files.changes.isNamed
        ).sealed(keys: keys)
        let sealedSecret = SealedObject.seal(secret, as: .secret, object: id, keys: keys)
        try files.storage.makePlace()
        try files.makeFolders(VaultFiles.Folder.needed + [.vouchers])
        let standing = VaultStanding(
            description: description,
            rootKey: root.id,
            key: wrapped,
            secret: sealedSecret,
            text: try description.encoded(keys: keys)
        )
        for file in standing.entrance { try files.changes.replace(file.name, with: file.bytes) }
        if files.changes.isNamed, let text = standing.bytes(of: .description) {
            // It tells who does not know of changes that there is a vault.
            try files.replace(VaultDescription.fileName, with: text)
        }
        let vault = Vault(
            files: files,
            keys: keys,
            standing: standing,
            settings: settings,
            pace: pace
        )
        try vault.requireOwnEntrance()
        return vault
    }

    /// Begins to write a recovery point.
    ///
    /// - Returns: A writer with a lease of its own.
    /// - Throws: `.noSpace`, `.denied`, `.failed`, `.newerFormat`.
    package func beginWrite() throws(VaultError) -> VaultWriter {
        try requireWritable()
        try files.requireFolders()
        let taken = try Lease.take(files: files, generations: generations)
        do throws(VaultError) {
            try requireOwnEntrance()
            try refresh()
        } catch {
            taken.lease.end()
            throw error
        }
        return VaultWriter(
            self,
            lease: taken.lease,
            generation: taken.generation,
            parity: parityForWriting
        )
    }
}

/// Sizes and level that a vault is written with.
package struct VaultSettings: Hashable, Sendable {
    /// A pack is ended when it has reached so many bytes.
    package var packBytes: Int
    /// zstd level of chunks: 1 to 19.
    package var compressionLevel: Int32
    /// Of a new vault; an old one keeps its own.
    package var chunks: ChunkSizes
    /// Chunks that an index file lists at the most, but for those of its last pack.
    var indexChunksMax = IndexFile.chunksMax

    package init(
        packBytes: Int = 32 << 20,
        compressionLevel: Int32 = 3,
        chunks: ChunkSizes = .standard
    ) {
        self.packBytes = packBytes
        self.compressionLevel = compressionLevel
        self.chunks = chunks
    }

    /// Packs of 32 MiB, zstd level 3, chunks of 256, 512 and 1,024 KiB.
    package static let standard = VaultSettings()
}
