package import Disk
package import Keyring
import Synchronization
package import VarveModel

/// A store of recovery points: content-addressed chunks in sealed packs, and manifests over them.
///
/// It has never heard of a file system. Its directory and the root key alone restore on another
/// machine. Every call blocks and may come from any thread; several writers and one prune may work at
/// once, also from several processes of one host.
package final class Vault: Sendable {
    package let id: UniqueID
    package let name: String
    package let created: Timestamp
    package let chunker: Chunker

    let files: VaultFiles
    let keys: VaultKeys
    let settings: VaultSettings
    let compression: ChunkCompression
    let generations: GenerationFiles
    let manifests: ManifestFiles
    let holdFiles: HoldFiles
    let parityFiles: ParityFiles
    /// Description, wrapped key and sealed secret as they were when the vault was opened or made.
    ///
    /// Without them nothing opens, so a verify compares them, and a repair puts them back.
    let entrance: [VaultEntrance]

    /// What is known of packs and chunks; built again from the directory whenever it may be stale.
    struct Knowledge: Sendable {
        var index = ChunkIndex(condemned: [])
        var generation = Generation.first
        /// Index files taken in already.
        var indexFiles: Set<String> = []
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

    private init(
        files: VaultFiles,
        keys: VaultKeys,
        description: VaultDescription,
        entrance: [VaultEntrance],
        settings: VaultSettings
    ) {
        id = keys.vault
        name = description.name
        created = description.created
        chunker = Chunker(sizes: description.chunks, gear: keys.gear)
        self.files = files
        self.keys = keys
        self.settings = settings
        self.entrance = entrance
        compression = ChunkCompression(level: settings.compressionLevel)
        generations = GenerationFiles(files: files, keys: keys)
        manifests = ManifestFiles(files: files, keys: keys)
        parityFiles = ParityFiles(files: files, keys: keys)
        holdFiles = HoldFiles(files: files, keys: keys, parity: parityFiles)
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
    /// - Returns: The vault, open.
    /// - Throws: `.exists`, `.noSpace`, `.denied`, `.failed`.
    package static func create(
        disk: any Disk,
        directory: String,
        name: String,
        root: RootKey,
        clock: any VarveClock,
        settings: VaultSettings = .standard
    ) throws(VaultError) -> Vault {
        precondition(settings.chunks.isValid, "chunk sizes must be in order")
        let files = VaultFiles(disk: disk, directory: directory)
        try files.requireVacant()
        let id = UniqueID.random()
        let data = DataKey.random()
        let secret = SecureRandom.bytes(SecretBytes.count)
        let keys = VaultKeys(
            data: data,
            secret: DataKey(secret: SecretBytes(secret)),
            vault: id
        )
        let description = VaultDescription(
            id: id,
            name: name,
            created: clock.now(),
            chunks: settings.chunks
        )
        let sealedSecret = SealedObject.seal(secret, as: .secret, object: id, keys: keys)
        try onDisk { () throws(DiskError) in try disk.makeDirectories(directory) }
        try files.makeFolders()
        let entrance = [
            VaultEntrance(.key, data.wrapped(by: root, for: id)),
            VaultEntrance(.secret, sealedSecret),
            VaultEntrance(.description, try description.encoded(keys: keys)),
        ]
        for file in entrance { try files.replace(file.name, with: file.bytes) }
        return Vault(
            files: files,
            keys: keys,
            description: description,
            entrance: entrance,
            settings: settings
        )
    }

    /// Opens the vault in `directory`; the directory and the root key suffice.
    ///
    /// - Parameters:
    ///   - disk: Where it lies.
    ///   - directory: An absolute path.
    ///   - root: The key that wrapped the vault's own.
    ///   - settings: Sizes and level of what will be written; chunk sizes are the vault's own.
    /// - Returns: The vault, with its index in memory.
    /// - Throws: `.notFound` where no vault was ever made whole, `.wrongKey`, `.newerFormat`, `.corrupt`, `.denied`,
    ///   `.failed`.
    package static func open(
        disk: any Disk,
        directory: String,
        root: RootKey,
        settings: VaultSettings = .standard
    ) throws(VaultError) -> Vault {
        let files = VaultFiles(disk: disk, directory: directory)
        let bytes: [UInt8]
        do throws(VaultError) {
            bytes = try files.contents(VaultDescription.fileName, limit: 1 << 20)
        } catch {
            guard error.code == .notFound else { throw error }
            throw try files.undescribed()
        }
        let description = try VaultDescription(bytes)
        guard let id = description.id else {
            throw VaultError.damaged(VaultDescription.fileName, "names no vault")
        }
        let (data, wrapped) = try dataKey(files: files, root: root, vault: id)
        let (keys, secret) = try openKeys(files: files, data: data, vault: id)
        try description.checkSeal(keys: keys)
        let vault = Vault(
            files: files,
            keys: keys,
            description: description,
            entrance: [
                VaultEntrance(.key, wrapped), VaultEntrance(.secret, secret),
                VaultEntrance(.description, bytes),
            ],
            settings: settings
        )
        try vault.refresh()
        return vault
    }

    private static func dataKey(
        files: VaultFiles,
        root: RootKey,
        vault: UniqueID
    ) throws(VaultError) -> (key: DataKey, wrapped: [UInt8]) {
        let wrapped: [UInt8]
        do throws(VaultError) {
            wrapped = try files.contents(VaultDescription.keyFileName, limit: 1 << 16)
        } catch {
            guard error.code == .notFound else { throw error }
            throw VaultError(
                .corrupt,
                "the vault's wrapped key '\(files.path(VaultDescription.keyFileName))' is missing",
                remedy: "Restore the file from a copy; without it nothing opens."
            )
        }
        do throws(KeyringError) {
            return (try DataKey(wrapped: wrapped, by: root, for: vault), wrapped)
        } catch {
            let code: VaultError.Code =
                switch error.code {
                case .wrongKey, .notAuthentic: .wrongKey
                case .malformed: .corrupt
                case .unsupported: .newerFormat
                }
            throw VaultError(code, "the vault's key: \(error.message)", remedy: error.remedy)
        }
    }

    /// Opens the secret, which needs the vault key alone.
    private static func openKeys(
        files: VaultFiles,
        data: DataKey,
        vault: UniqueID
    ) throws(VaultError) -> (keys: VaultKeys, sealed: [UInt8]) {
        let name = VaultDescription.secretFileName
        let bytes: [UInt8]
        do throws(VaultError) {
            bytes = try files.contents(name, limit: 1 << 16)
        } catch {
            guard error.code == .notFound else { throw error }
            throw VaultError.damaged(name, "is missing")
        }
        // Sealing needs only the vault key; what the secret derives is not yet known here.
        let bare = VaultKeys(data: data, secret: data, vault: vault)
        let opened = try SealedObject.open(
            bytes,
            as: .secret,
            object: vault,
            name: name,
            keys: bare
        )
        guard opened.body.count == SecretBytes.count else {
            throw VaultError.damaged(name, "has another length than a secret")
        }
        let secret = DataKey(secret: SecretBytes(opened.body))
        return (VaultKeys(data: data, secret: secret, vault: vault), bytes)
    }

    /// Begins to write a recovery point.
    ///
    /// - Returns: A writer with a lease of its own.
    /// - Throws: `.noSpace`, `.denied`, `.failed`, `.newerFormat`.
    package func beginWrite() throws(VaultError) -> VaultWriter {
        try files.requireFolders()
        let taken = try Lease.take(files: files, generations: generations)
        do throws(VaultError) {
            try refresh()
        } catch {
            taken.lease.end()
            throw error
        }
        return VaultWriter(self, lease: taken.lease, parity: parityForWriting)
    }
}

/// One of the three files that a vault cannot be opened without, byte for byte.
struct VaultEntrance: Sendable, Hashable {
    let subject: VaultFinding.Subject
    let bytes: [UInt8]

    init(_ subject: VaultFinding.Subject, _ bytes: [UInt8]) {
        self.subject = subject
        self.bytes = bytes
    }

    var name: String {
        switch subject {
        case .key: VaultDescription.keyFileName
        case .secret: VaultDescription.secretFileName
        default: VaultDescription.fileName
        }
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
