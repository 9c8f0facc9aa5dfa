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
    let holdFiles: HoldFiles
    let parityFiles: ParityFiles
    let lockFiles: LockFiles
    let coldFiles: ColdFiles
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
        parityFiles = ParityFiles(files: files, keys: keys)
        holdFiles = HoldFiles(files: files, keys: keys, parity: parityFiles)
        lockFiles = LockFiles(files: files, keys: keys)
        coldFiles = ColdFiles(files: files, keys: keys)
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
        let claim = try files.lockMaking()
        defer { claim?.release() }
        try files.requireVacant()
        let id = UniqueID.random()
        let data = DataKey.random()
        let secret = SecureRandom.bytes(SecretBytes.count)
        let keys = VaultKeys(
            data: data,
            secret: DataKey(secret: SecretBytes(secret)),
            vault: id
        )
        let wrapped = data.wrapped(by: root, for: id)
        let description = VaultDescription(
            id: id,
            name: name,
            created: clock.now(),
            chunks: settings.chunks,
            wrapping: .init(rootKey: root.id, file: wrapped)
        ).sealed(keys: keys)
        let sealedSecret = SealedObject.seal(secret, as: .secret, object: id, keys: keys)
        try storage.makePlace()
        try files.makeFolders()
        let standing = VaultStanding(
            description: description,
            rootKey: root.id,
            key: wrapped,
            secret: sealedSecret,
            text: try description.encoded(keys: keys)
        )
        for file in standing.entrance { try files.replace(file.name, with: file.bytes) }
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

    /// Opens the vault in `directory`; the directory and the root key suffice.
    ///
    /// - Parameters:
    ///   - disk: Where it lies.
    ///   - directory: An absolute path.
    ///   - root: The key that wrapped the vault's own.
    ///   - settings: Sizes and level of what will be written; chunk sizes are the vault's own.
    ///   - pace: By what a lock tells how much time has passed.
    /// - Returns: The vault, with its index in memory.
    /// - Throws: `.notFound` where no vault was ever made whole, `.wrongKey`, `.newerFormat`, `.corrupt`, `.denied`,
    ///   `.failed`.
    package static func open(
        disk: any Disk,
        directory: String,
        root: RootKey,
        settings: VaultSettings = .standard,
        pace: LockPace = .machine
    ) throws(VaultError) -> Vault {
        try open(disk: disk, directory: directory, roots: [root], settings: settings, pace: pace)
    }

    /// Opens the vault in `directory` with whichever of several root keys wraps its own.
    ///
    /// - Throws: As for one; `.wrongKey` names the key that is needed, where the vault says it.
    package static func open(
        disk: any Disk,
        directory: String,
        roots: [RootKey],
        settings: VaultSettings = .standard,
        pace: LockPace = .machine
    ) throws(VaultError) -> Vault {
        try open(
            in: DirectoryStorage(disk, directory),
            roots: roots,
            settings: settings,
            pace: pace
        )
    }

    /// Opens a vault wherever it lies with whichever of several root keys wraps its own.
    ///
    /// - Throws: As in a directory.
    package static func open(
        in storage: any VaultStorage,
        roots: [RootKey],
        settings: VaultSettings = .standard,
        pace: LockPace = .machine
    ) throws(VaultError) -> Vault {
        let files = VaultFiles(storage: storage)
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
        let wrapped = try wrappedKey(files)
        let (data, rootKey) = try dataKey(wrapped, roots: roots, described: description, id)
        let (keys, secret) = try openKeys(files: files, data: data, vault: id)
        try description.checkSeal(keys: keys)
        let standing = VaultStanding(
            description: description,
            rootKey: rootKey,
            key: wrapped,
            secret: secret,
            text: bytes
        )
        let vault = Vault(
            files: files,
            keys: keys,
            standing: standing,
            settings: settings,
            pace: pace
        )
        try vault.refresh()
        return vault
    }

    private static func wrappedKey(_ files: VaultFiles) throws(VaultError) -> [UInt8] {
        do throws(VaultError) {
            return try files.contents(VaultDescription.keyFileName, limit: 1 << 16)
        } catch {
            guard error.code == .notFound else { throw error }
            throw VaultError(
                .corrupt,
                "the vault's wrapped key '\(files.place)/\(VaultDescription.keyFileName)' is missing",
                remedy: "Restore the file from a copy; without it nothing opens."
            )
        }
    }

    private static func dataKey(
        _ wrapped: [UInt8],
        roots: [RootKey],
        described: VaultDescription,
        _ vault: UniqueID
    ) throws(VaultError) -> (key: DataKey, rootKey: RootKeyID) {
        var reason = KeyringError(.wrongKey, "no root key was given")
        for root in roots {
            do throws(KeyringError) {
                return (try DataKey(wrapped: wrapped, by: root, for: vault), root.id)
            } catch {
                reason = error
                if error.code != .wrongKey { break }
            }
        }
        let code: VaultError.Code =
            switch reason.code {
            case .wrongKey, .notAuthentic: .wrongKey
            case .malformed: .corrupt
            case .unsupported: .newerFormat
            }
        var text = "the vault's key: \(reason.message)"
        if code == .wrongKey {
            text += " (\(roots.map(\.id.description).joined(separator: ", ")))"
            if let known = described.wrapping(of: wrapped) {
                text += "; it was wrapped by root key \(known.rootKey)"
            }
        }
        throw VaultError(code, text, remedy: reason.remedy)
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
