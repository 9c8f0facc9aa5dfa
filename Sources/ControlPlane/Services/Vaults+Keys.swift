import BackupVault
import Disk
import Keyring
import LocalAPI
import VarveModel

/// The root keys of vaults: wrapping anew, recovery kits, and vaults from other machines.
extension Vaults {
    /// Wraps a vault's key by a root key of its own, made now.
    ///
    /// The new key is kept durably before the vault needs it, and the old one stays: a crash leaves a vault that one of
    /// them opens.
    ///
    /// - Returns: The old and the new root key's names.
    func rotateKey(of name: String) async throws -> (from: RootKeyID, to: RootKeyID) {
        let vault = try await find(name)
        let ring = state.ring
        return try await BlockingCalls.run {
            let (from, key) = (vault.rootKey, RootKey.random())
            try ring.keep(key, scope: .vault)
            try vault.wrap(by: key)
            return (from, key.id)
        }
    }

    /// What to keep on paper for a vault.
    ///
    /// - Returns: The kit, and what else its key opens.
    func recoveryKit(of name: String) async throws -> (kit: RecoveryKit, scope: RootKeyScope) {
        let vault = try await find(name)
        let ring = state.ring
        let key = try await BlockingCalls.run { try ring.key(vault.rootKey) }
        guard let key else { throw Vaults.keyIsGone(vault, ring) }
        var kit = RecoveryKit(vault: name, id: vault.id, rootKey: key)
        let places = places
        kit.bucket = try await BlockingCalls.run { try places.bucket(of: name) }
        return (kit, try await BlockingCalls.run { try ring.scope(of: key.id) })
    }

    /// What is wrong with the key of an open vault: it is not kept here any more, so that the vault will not open again.
    func keyFinding(of vault: Vault) async throws -> CheckReport.Found? {
        let ring = state.ring
        guard try await BlockingCalls.run({ try ring.key(vault.rootKey) }) == nil else {
            return nil
        }
        return Checks.broken("vault \(vault.name)", nil, Vaults.keyIsGone(vault, ring))
    }

    private static func keyIsGone(_ vault: Vault, _ ring: RootKeyRing) -> APIError {
        APIError(
            .notFound,
            "the root key \(vault.rootKey) of vault '\(vault.name)' is not among this daemon's keys",
            remedy:
                "Before the daemon ends run 'varve vault rotate-key \(vault.name)', or put the key's file back into "
                + "'\(ring.directory)': without it the vault does not open again."
        )
    }
}

/// The work of taking a vault in.
struct VaultAdoption: Sendable {
    let disk: any Disk
    let paths: StatePaths
    let ring: RootKeyRing

    /// The name that a vault has here; opens it, so that the kit is known to be its own.
    func name(of directory: String, kit: RecoveryKit) throws -> String {
        let vault = try opened(directory, kit)
        return try checked(isInPlace(directory) ? DiskPath.name(of: directory) : vault.name)
    }

    /// The same of one in a bucket, which is asked with little patience first.
    func name(of place: BucketPlace, kit: RecoveryKit) throws -> String {
        let storage: any VaultStorage = place.storage()
        do throws(VaultError) {
            try storage.reach()
        } catch {
            throw APIError(error)
        }
        return try checked(try opened(storage, kit).name)
    }

    private func checked(_ name: String) throws(APIError) -> String {
        guard Vaults.isName(name) else {
            throw APIError(
                .invalid,
                "the vault there is named '\(name)', which names no vault here"
            )
        }
        return name
    }

    private func isInPlace(_ directory: String) -> Bool {
        DiskPath.parent(of: directory) == paths.vaults
    }

    /// Keeps the key, and copies the vault unless it is here; nobody else adopts or makes one of this name meanwhile.
    func adopt(
        _ directory: String,
        as name: String,
        kit: RecoveryKit,
        _ report: (Progress) -> Void
    ) throws {
        guard !isInPlace(directory) else { return try ring.keep(kit.rootKey, scope: .unknown) }
        let target = paths.vault(name)
        try VaultPlaces(disk: disk, paths: paths).requireNoBucket(name)
        guard try disk.status(of: target) == nil else {
            throw APIError(
                .exists,
                "there is a vault '\(name)' already",
                remedy: "If it is the one to adopt, name its directory: '\(target)'."
            )
        }
        try ring.keep(kit.rootKey, scope: .unknown)
        let vault = try opened(directory, kit)
        // Nobody prunes it meanwhile, unless it cannot be written to at all.
        let reading = vault.beginReading()
        defer { reading?.end() }
        // No vault's name has a dot: until it is whole nobody takes it for one.
        let temporary = paths.vault(".adopting-" + name)
        do {
            try disk.removeTree(temporary)
            try copy(directory, to: temporary, of: name, report)
            try disk.rename(temporary, to: target)
            try disk.syncDirectory(paths.vaults)
        } catch {
            // Harmless: the error that matters is thrown. What stays is a copy that nobody takes for a vault, by its name, and the
            // next try begins by removing it, by a call that may fail.
            try? disk.removeTree(temporary)
            throw error
        }
    }

    /// The vault that lies there, which the kit must be of.
    private func opened(_ directory: String, _ kit: RecoveryKit) throws -> Vault {
        try opened(DirectoryStorage(disk, directory), kit)
    }

    private func opened(_ storage: any VaultStorage, _ kit: RecoveryKit) throws -> Vault {
        let (vault, place) = (try open(storage, kit), storage.place)
        guard let id = kit.id, id != vault.id else { return vault }
        throw APIError(
            .wrongKey,
            "'\(place)' is the vault \(Hex.encode(vault.id.bytes)), and the kit is of \(Hex.encode(id.bytes))",
            remedy: "Name the place of the kit's vault, or take the vault's kit."
        )
    }

    private func open(_ storage: any VaultStorage, _ kit: RecoveryKit) throws -> Vault {
        do throws(VaultError) {
            return try Vault.open(in: storage, roots: [kit.rootKey])
        } catch {
            throw APIError(
                APIError(error).code,
                "'\(storage.place)' does not open with this kit: \(error.message)",
                remedy: error.code == .wrongKey
                    ? "Take the kit that names the key." : error.remedy
            )
        }
    }

    private static let pieceBytes = 1 << 20

    /// Copies files and folders, durably; leases are of those who work on the original.
    private func copy(
        _ source: String,
        to target: String,
        of vault: String,
        _ report: (Progress) -> Void
    ) throws {
        try disk.makeDirectory(target)
        var bytes: UInt64 = 0
        for name in try disk.list(source) {
            let from = "\(source)/\(name)"
            guard try disk.status(of: from)?.kind == .directory else {
                bytes += try copyFile(from, to: "\(target)/\(name)")
                continue
            }
            try disk.makeDirectory("\(target)/\(name)")
            for file in try disk.list(from) where name != "leases" {
                bytes += try copyFile("\(from)/\(file)", to: "\(target)/\(name)/\(file)")
                report(Progress(phase: "copying \(vault)", bytes: bytes))
            }
            try disk.syncDirectory("\(target)/\(name)")
        }
        try disk.syncDirectory(target)
    }

    private func copyFile(_ source: String, to target: String) throws -> UInt64 {
        guard try disk.status(of: source)?.kind == .file else {
            throw APIError(
                .invalid,
                "'\(source)' is neither a file nor a folder: no vault has such a thing"
            )
        }
        let from = try disk.open(source, .read)
        defer { from.close() }
        let into = try disk.open(target, .createNew)
        defer { into.close() }
        let size = try from.size()
        var offset: UInt64 = 0
        while offset < size {
            let piece = try from.read(count: VaultAdoption.pieceBytes, at: offset)
            guard !piece.isEmpty else {
                throw APIError(
                    .failed,
                    "'\(source)' ended while it was copied",
                    remedy: "Repeat it."
                )
            }
            try into.write(piece, at: offset)
            offset += UInt64(piece.count)
        }
        try into.sync()
        return offset
    }
}
