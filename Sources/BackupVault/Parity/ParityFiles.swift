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

/// Whether a vault keeps parity.
enum ParityState: Sendable, Hashable {
    /// It does not, and has none.
    case none
    /// It does not any more; what it has is being removed.
    case ending
    case kept(ParityPolicy)

    /// u32: a policy's millionths, 0 where parity ends.
    init?(_ body: [UInt8]) {
        if body == [0, 0, 0, 0] {
            self = .ending
        } else if let policy = ParityPolicy(body) {
            self = .kept(policy)
        } else {
            return nil
        }
    }
}

/// How a file was healed.
enum ParityHealing: Sendable, Hashable {
    /// So many of its blocks were damaged or did not read.
    case blocks(Int)
    /// It was gone, or did not open.
    case made
    /// It went on behind its end.
    case cut
    /// It is what its parity says.
    case nothing
}

/// The parity files of one vault, and the policy that says how large they are.
struct ParityFiles: Sendable {
    let files: VaultFiles
    let keys: VaultKeys

    static let policyName = "policy"

    /// A file that has parity of its own.
    struct Subject: Hashable, Sendable {
        /// Packs, manifests, holds or records of cold storage.
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

        static func holds(_ id: RecoveryPointID) -> Subject {
            Subject(folder: .holds, name: HoldList.fileName(id))
        }

        static func cold(_ id: RecoveryPointID) -> Subject {
            Subject(folder: .cold, name: ColdEntry.fileName(id))
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
            let folders: [(VaultFiles.Folder, String)] = [
                (.packs, PackFormat.fileEnding), (.manifests, Manifest.ending),
                (.holds, HoldList.ending), (.cold, ColdEntry.ending),
            ]
            guard let (folder, _) = folders.first(where: { name.hasSuffix($1) }) else {
                return nil
            }
            self.init(folder: folder, name: name)
        }

        /// Of a manifest, of what holds it, or of its record in cold storage.
        var point: RecoveryPointID? {
            switch folder {
            case .manifests: RecoveryPointID(String(name.dropLast(Manifest.ending.count)))
            case .holds: RecoveryPointID(String(name.dropLast(HoldList.ending.count)))
            case .cold: RecoveryPointID(String(name.dropLast(ColdEntry.ending.count)))
            default: nil
            }
        }

        /// Of a pack.
        var pack: UniqueID? {
            guard folder == .packs else { return nil }
            return PackFormat.pack(ofFileName: String(name.dropLast(PackFormat.fileEnding.count)))
        }
    }

    // MARK: Policy

    /// Whether the vault keeps parity, and how much.
    ///
    /// - Throws: `.corrupt`, `.newerFormat`, `.failed`.
    func state() throws(VaultError) -> ParityState {
        let label = "parity/" + ParityFiles.policyName
        let bytes: [UInt8]
        do throws(VaultError) {
            bytes = try files.contents(.parity, ParityFiles.policyName)
        } catch {
            guard error.code == .notFound else { throw error }
            return .none
        }
        let opened = try SealedObject.open(
            bytes,
            as: .parityPolicy,
            object: keys.vault,
            name: label,
            keys: keys
        )
        guard let state = ParityState(opened.body) else {
            throw VaultError.damaged(label, "holds no share that can be")
        }
        return state
    }

    /// The policy in force; `nil` when the vault keeps no parity.
    ///
    /// - Throws: As ``state()``.
    func policy() throws(VaultError) -> ParityPolicy? {
        guard case .kept(let policy) = try state() else { return nil }
        return policy
    }

    /// Whether there is a policy, or was one whose parity is not all removed; also one that does not read.
    func isKeptOrEnding() throws(VaultError) -> Bool {
        if try files.exists(.parity, ParityFiles.policyName) { return true }
        return try !subjects().isEmpty
    }

    /// Puts a policy in force, durably; `nil` says that parity ends.
    func setPolicy(_ policy: ParityPolicy?) throws(VaultError) {
        let bytes = SealedObject.seal(
            policy?.encoded() ?? [0, 0, 0, 0],
            as: .parityPolicy,
            object: keys.vault,
            keys: keys
        )
        try files.requireFolders([.parity])
        try files.replace(.parity, ParityFiles.policyName, with: bytes)
    }

    /// Forgets that there was a policy, durably.
    func removePolicy() throws(VaultError) {
        guard try files.exists(.parity, ParityFiles.policyName) else { return }
        try files.remove(.parity, ParityFiles.policyName)
        try files.sync(.parity)
    }

    // MARK: Parity files

    /// Whose parity there is.
    func subjects() throws(VaultError) -> Set<Subject> {
        Set(try files.list(.parity).compactMap { Subject(parityName: $0) })
    }

    /// Makes the parity of a file as it stands, durably, if every seal of what was read opens; what was there is replaced.
    ///
    /// Parity of other bytes would put these in the place of right ones one day. Of a manifest or of holds only while nobody can
    /// remove or change them.
    ///
    /// - Returns: Whether it was made: not of what is damaged, does not read, or is gone.
    /// - Throws: `.noSpace`, `.denied`, `.failed`.
    @discardableResult
    func write(_ subject: Subject, _ policy: ParityPolicy) throws(VaultError) -> Bool {
        let bytes: [UInt8]
        do throws(VaultError) {
            bytes = try files.contents(subject.folder, subject.name)
        } catch {
            guard error.code == .notFound || error.code == .failed else { throw error }
            return false
        }
        guard isAuthentic(bytes, of: subject) else { return false }
        let parity = ParityFile.encode(bytes, of: subject.path, share: policy.share, keys: keys)
        try files.replace(.parity, subject.parityName, with: parity)
        return true
    }

    /// Whether bytes are a file as it was written: every seal in them opens, and nothing is in them besides.
    func isAuthentic(_ bytes: [UInt8], of subject: Subject) -> Bool {
        if let pack = subject.pack { return PackReader.isAuthentic(bytes, pack, keys: keys) }
        guard let point = subject.point else { return false }
        let kind: SealedObject.Kind =
            switch subject.folder {
            case .holds: .holds
            case .cold: .cold
            default: .manifest
            }
        // Whatever hinders opening it, it is not what was written.
        let opened = try? SealedObject.open(
            bytes,
            as: kind,
            object: point.unique,
            name: subject.path,
            keys: keys
        )
        return opened != nil
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
            if try isLost(subject) { lost.append(subject) }
        }
        return lost
    }

    /// Whether a file is lost: its parity is there, and it is not.
    func isLost(_ subject: Subject) throws(VaultError) -> Bool {
        if try files.exists(subject.folder, subject.name) { return false }
        guard try files.exists(.parity, subject.parityName) else { return false }
        // It comes before its parity: whoever missed it just before both came finds it now.
        return try !files.exists(subject.folder, subject.name)
    }

    /// Refuses parity that does not open, or has another length than it should; its blocks are not read.
    ///
    /// - Throws: `.notFound` when there is none, `.corrupt`, `.newerFormat`, `.failed`.
    func checkTable(of subject: Subject) throws(VaultError) {
        let file = try files.open(.parity, subject.parityName)
        defer { file.close() }
        let size = Int(clamping: try file.size())
        let first = try file.read(count: min(size, ParityFile.firstBytes), at: 0)
        let count = min(size, ParityFile.tableBytes(first) ?? 0)
        let end = min(size, ParityFile.endBytes)
        let beginning = ParityFile.Beginning(
            table: try file.read(count: count, at: 0),
            trailer: try file.read(count: end, at: UInt64(size - end)),
            fileBytes: size
        )
        let label = subject.parityPath
        try ParityFile.check(beginning, of: subject.path, label: label, keys: keys)
    }

    /// Reads and opens the parity of a file.
    ///
    /// - Throws: `.notFound` when there is none, `.corrupt`, `.newerFormat`, `.failed`.
    func read(
        _ subject: Subject
    ) throws(VaultError) -> (table: ParityTable, parity: ArraySlice<UInt8>, isWhole: Bool) {
        try ParityFile.decode(
            files.readable(.parity, subject.parityName).bytes,
            of: subject.path,
            label: subject.parityPath,
            keys: keys
        )
    }

    /// Heals a file by its parity: writes it anew beside and renames it over.
    ///
    /// A manifest or holds only while nobody can remove or change them.
    ///
    /// - Returns: What was done; `nil` when too much is damaged.
    /// - Throws: `.notFound` when it has no parity; `.corrupt` when that does not open; `.noSpace`, `.failed`.
    func heal(_ subject: Subject) throws(VaultError) -> ParityHealing? {
        let (table, parity, _) = try read(subject)
        let found = try present(subject, limit: table.fileBytes)
        guard let healed = ParityFile.heal(found?.bytes ?? [], by: table, parity) else {
            return nil
        }
        let healing: ParityHealing
        switch found {
        case nil: healing = .made
        case let found? where max(healed.blocks, found.unreadBlocks) > 0:
            healing = .blocks(max(healed.blocks, found.unreadBlocks))
        case let found? where found.fileBytes != table.fileBytes: healing = .cut
        default: return .nothing
        }
        // Parity that was made of other bytes must not put them in the place of right ones.
        guard isAuthentic(healed.bytes, of: subject) else { return nil }
        // What a bad sector held comes back in another place: the file is written anew.
        try files.replace(subject.folder, subject.name, with: healed.bytes)
        return healing
    }

    /// What there is of a file; `nil` when it is gone, or does not open.
    private func present(
        _ subject: Subject,
        limit: Int
    ) throws(VaultError) -> ReadableBytes? {
        do throws(VaultError) {
            return try files.readable(subject.folder, subject.name, limit: limit)
        } catch {
            guard error.code == .notFound || error.code == .failed else { throw error }
            return nil
        }
    }
}

/// What a medium gives of a file.
private struct ReadableBytes {
    /// With zeros where it gives none.
    var bytes: [UInt8]
    /// As long as it says that the file is.
    let fileBytes: Int
    var unreadBlocks = 0
}

extension VaultFiles {
    /// A whole file, with zeros where the medium does not give its bytes.
    ///
    /// - Parameters:
    ///   - folder: Where it is.
    ///   - name: Its own.
    ///   - limit: No more of it is read.
    /// - Returns: All its bytes up to the limit.
    /// - Throws: `.notFound`, `.denied`; `.failed` when it does not open.
    fileprivate func readable(
        _ folder: Folder,
        _ name: String,
        limit: Int = 1 << 30
    ) throws(VaultError) -> ReadableBytes {
        let file = try open(folder, name)
        defer { file.close() }
        let fileBytes = Int(clamping: try file.size())
        let size = min(limit, fileBytes)
        do throws(VaultError) {
            return ReadableBytes(
                bytes: try file.read(count: size, at: 0),
                fileBytes: fileBytes
            )
        } catch {
            guard error.code == .failed else { throw error }
        }
        return VaultFiles.readable(file, size, fileBytes)
    }

    private static func readable(
        _ file: any StoredFile,
        _ size: Int,
        _ fileBytes: Int
    ) -> ReadableBytes {
        var found = ReadableBytes(bytes: [], fileBytes: fileBytes)
        found.bytes.reserveCapacity(size)
        while found.bytes.count < size {
            let count = min(ParityShape.blockBytesMax, size - found.bytes.count)
            // One that does not read is a damaged block, which its checksum tells.
            let block = try? file.read(count: count, at: UInt64(found.bytes.count))
            if let block, block.count == count {
                found.bytes += block
            } else {
                found.bytes += [UInt8](repeating: 0, count: count)
                found.unreadBlocks += 1
            }
        }
        return found
    }
}
