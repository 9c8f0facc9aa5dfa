import Disk
import Keyring
import VarveModel

/// How much parity a vault keeps.
package struct ParityPolicy: Sendable, Hashable {
    /// Of parity to data, above 0 up to 1.
    package let share: Double

    /// `nil` for what is no share: not above 0, or above 1.
    package init?(share: Double) {
        guard share > 0, share <= 1 else { return nil }
        // As it is stored: in millionths, at least one.
        self.share = max(1, (share * ParityPolicy.unit).rounded()) / ParityPolicy.unit
    }

    private static let unit = 1_000_000.0

    /// u32: millionths.
    func encoded() -> [UInt8] {
        var bytes = ByteWriter(capacity: 4)
        bytes.append(UInt32((share * ParityPolicy.unit).rounded()))
        return bytes.bytes
    }

    init?(_ body: [UInt8]) {
        var reader = ByteReader(body)
        guard let millionths = reader.read(UInt32.self), reader.remaining == 0 else { return nil }
        self.init(share: Double(millionths) / ParityPolicy.unit)
    }
}

/// The parity files of one vault, and the policy that says how large they are.
struct ParityFiles: Sendable {
    let files: VaultFiles
    let keys: VaultKeys

    static let policyName = "policy"

    /// A file that has parity of its own.
    struct Subject: Hashable, Sendable {
        /// Packs or manifests.
        let folder: VaultFiles.Folder
        let name: String

        /// Within the vault.
        var path: String { "\(folder)/\(name)" }
        var parityName: String { name + ParityFile.ending }
        /// Of its parity file, within the vault.
        var parityPath: String { "\(VaultFiles.Folder.parity)/\(parityName)" }

        static func pack(_ id: UniqueID) -> Subject {
            Subject(folder: .packs, name: PackFormat.fileName(id))
        }

        static func manifest(_ id: RecoveryPointID) -> Subject {
            Subject(folder: .manifests, name: Manifest.fileName(id))
        }

        init(folder: VaultFiles.Folder, name: String) {
            self.folder = folder
            self.name = name
        }

        /// Whose parity a file name of the folder is; `nil` for any other name.
        init?(parityName: String) {
            guard parityName.hasSuffix(ParityFile.ending) else { return nil }
            self.init(name: String(parityName.dropLast(ParityFile.ending.count)))
        }

        /// By a file's name within the vault; `nil` for what has no parity.
        init?(path: String) {
            let parts = path.split(separator: "/").map(String.init)
            guard parts.count == 2 else { return nil }
            self.init(name: parts[1])
        }

        private init?(name: String) {
            if name.hasSuffix(PackFormat.fileEnding) {
                self.init(folder: .packs, name: name)
            } else if name.hasSuffix(Manifest.ending) {
                self.init(folder: .manifests, name: name)
            } else {
                return nil
            }
        }

        /// Of a manifest.
        var point: RecoveryPointID? {
            guard folder == .manifests else { return nil }
            return RecoveryPointID(String(name.dropLast(Manifest.ending.count)))
        }

        /// Of a pack.
        var pack: UniqueID? {
            guard folder == .packs else { return nil }
            return PackFormat.pack(ofFileName: String(name.dropLast(PackFormat.fileEnding.count)))
        }
    }

    // MARK: Policy

    /// The policy in force; `nil` when the vault keeps no parity.
    ///
    /// - Throws: `.corrupt`, `.newerFormat`, `.failed`.
    func policy() throws(VaultError) -> ParityPolicy? {
        let label = "parity/" + ParityFiles.policyName
        let bytes: [UInt8]
        do throws(VaultError) {
            bytes = try files.contents(.parity, ParityFiles.policyName)
        } catch {
            guard error.code == .notFound else { throw error }
            return nil
        }
        let opened = try SealedObject.open(
            bytes,
            as: .parityPolicy,
            object: keys.vault,
            name: label,
            keys: keys
        )
        guard let policy = ParityPolicy(opened.body) else {
            throw VaultError.damaged(label, "holds no share that can be")
        }
        return policy
    }

    /// Puts a policy in force, durably; `nil` ends it.
    func setPolicy(_ policy: ParityPolicy?) throws(VaultError) {
        guard let policy else {
            guard try files.exists(.parity, ParityFiles.policyName) else { return }
            try files.remove(.parity, ParityFiles.policyName)
            return try files.sync(.parity)
        }
        let bytes = SealedObject.seal(
            policy.encoded(),
            as: .parityPolicy,
            object: keys.vault,
            keys: keys
        )
        let folder = files.path(VaultFiles.Folder.parity.rawValue)
        try onDisk { () throws(DiskError) in try files.disk.makeDirectories(folder) }
        try files.replace(.parity, ParityFiles.policyName, with: bytes)
    }

    // MARK: Parity files

    /// Whose parity there is.
    func subjects() throws(VaultError) -> Set<Subject> {
        Set(try files.list(.parity).compactMap { Subject(parityName: $0) })
    }

    /// Makes the parity of a file from its bytes, durably; what was there is replaced.
    func write(
        _ subject: Subject,
        _ bytes: [UInt8],
        _ policy: ParityPolicy
    ) throws(VaultError) {
        let parity = ParityFile.encode(bytes, of: subject.path, share: policy.share, keys: keys)
        try files.replace(.parity, subject.parityName, with: parity)
    }

    /// Makes the parity of a file as it stands.
    func write(_ subject: Subject, _ policy: ParityPolicy) throws(VaultError) {
        try write(subject, files.contents(subject.folder, subject.name), policy)
    }

    /// Removes parity files, durably, before what they are for goes: parity without its file says that the file was lost.
    ///
    /// - Returns: How many there were.
    @discardableResult
    func remove(_ subjects: some Sequence<Subject>) throws(VaultError) -> Int {
        var removed = 0
        for subject in subjects {
            do throws(VaultError) {
                try files.remove(.parity, subject.parityName)
                removed += 1
            } catch {
                guard error.code == .notFound else { throw error }
            }
        }
        if removed > 0 { try files.sync(.parity) }
        return removed
    }

    /// Files whose parity is there, and which are not.
    ///
    /// A file goes after its parity, and comes before it: where parity is found after the file was missed, it is lost.
    func lost(_ folder: VaultFiles.Folder) throws(VaultError) -> [Subject] {
        guard try !files.list(.parity).isEmpty else { return [] }
        let present = Set(try files.list(folder))
        let missed = try subjects().filter { $0.folder == folder && !present.contains($0.name) }
        var lost: [Subject] = []
        for subject in missed.sorted(by: { $0.name < $1.name }) {
            if try files.exists(subject.folder, subject.name) { continue }
            if try files.exists(.parity, subject.parityName) { lost.append(subject) }
        }
        return lost
    }

    /// Reads and opens the parity of a file.
    ///
    /// - Throws: `.notFound` when there is none, `.corrupt`, `.newerFormat`, `.failed`.
    func read(
        _ subject: Subject
    ) throws(VaultError) -> (table: ParityTable, parity: ArraySlice<UInt8>, isWhole: Bool) {
        try ParityFile.decode(
            files.readable(.parity, subject.parityName),
            of: subject.path,
            label: subject.parityPath,
            keys: keys
        )
    }

    /// Heals a file by its parity: writes it anew beside and renames it over.
    ///
    /// - Returns: How many blocks were damaged; `nil` when they are too many.
    /// - Throws: `.notFound` when it has no parity; `.corrupt` when that does not open; `.noSpace`, `.failed`.
    func heal(_ subject: Subject) throws(VaultError) -> Int? {
        let (table, parity, _) = try read(subject)
        var bytes: [UInt8] = []
        do throws(VaultError) {
            bytes = try files.readable(subject.folder, subject.name, limit: table.fileBytes)
        } catch {
            guard error.code == .notFound else { throw error }
        }
        guard let healed = ParityFile.heal(bytes, by: table, parity) else { return nil }
        // What a bad sector held comes back in another place: the file is written anew.
        try files.replace(subject.folder, subject.name, with: healed.bytes)
        return healed.blocks
    }
}

extension VaultFiles {
    /// A whole file, with zeros where the medium does not give its bytes.
    ///
    /// - Parameters:
    ///   - folder: Where it is.
    ///   - name: Its own.
    ///   - limit: No more of it is read.
    /// - Returns: All its bytes up to the limit.
    /// - Throws: `.notFound`, `.denied`.
    fileprivate func readable(
        _ folder: Folder,
        _ name: String,
        limit: Int = 1 << 30
    ) throws(VaultError) -> [UInt8] {
        try onDisk { () throws(DiskError) -> [UInt8] in
            let file = try disk.open(path(folder, name), .read)
            defer { file.close() }
            let size = min(limit, Int(clamping: try file.size()))
            do throws(DiskError) {
                return try file.read(count: size, at: 0)
            } catch {
                guard error.code == .failed else { throw error }
            }
            var bytes: [UInt8] = []
            bytes.reserveCapacity(size)
            while bytes.count < size {
                let count = min(ParityShape.blockBytesMax, size - bytes.count)
                // One that does not read is a damaged block, which its checksum tells.
                let block = try? file.read(count: count, at: UInt64(bytes.count))
                guard let block, block.count == count else {
                    bytes += [UInt8](repeating: 0, count: count)
                    continue
                }
                bytes += block
            }
            return bytes
        }
    }
}
