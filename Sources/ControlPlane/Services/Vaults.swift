package import BackupVault
import Disk
import LocalAPI
import VarveModel

/// The vaults of a state directory: each is a folder beneath `vaults/` that stands alone, or a bucket that a file there
/// names.
///
/// Folders and files are the truth: one that is copied in from another machine is there at the next look.
package actor Vaults {
    let state: StateDirectory
    private let clock: any VarveClock
    private var open: [String: Vault] = [:]
    /// Names of vaults that are being copied in, or made.
    private var arriving: Set<String> = []
    private let pace: LockPace
    nonisolated var places: VaultPlaces { VaultPlaces(disk: state.disk, paths: state.paths) }

    init(state: StateDirectory, clock: any VarveClock) {
        self.state = state
        self.clock = clock
        pace = state.format.simulatedStart == nil ? .machine : .simulated
    }

    /// A vault, or why it does not open.
    struct Entry: Sendable {
        let name: String
        let vault: Result<Vault, APIError>

        /// Whether the folder never was a vault: its making was cut short, and nothing is lost with it.
        var isUnfinished: Bool {
            guard case .failure(let reason) = vault else { return false }
            return reason.code == .notFound
        }
    }

    /// Every vault by name; one that is open and does not answer just now is told like one that does not open, so that nobody
    /// who asks all of them waits for it.
    func all() async throws -> [Entry] {
        let places = places
        let names = try await BlockingCalls.run { try places.names() }
        var entries: [Entry] = []
        for name in names {
            do {
                entries.append(Entry(name: name, vault: .success(try await reached(name))))
            } catch {
                entries.append(Entry(name: name, vault: .failure(APIError(error))))
            }
        }
        return entries
    }

    private func reached(_ name: String) async throws -> Vault {
        let vault = try await find(name)
        do {
            try await BlockingCalls.run { try vault.reach() }
        } catch {
            throw Vaults.named(error, "vault '\(name)' does not answer")
        }
        return vault
    }

    /// The vault of a name.
    ///
    /// - Throws: `.notFound`, or why it does not open.
    package func find(_ name: String) async throws -> Vault {
        if let vault = open[name] { return vault }
        let (places, ring, pace) = (places, state.ring, pace)
        let storage = try await BlockingCalls.run { try places.storage(of: name) }
        let vault: Vault
        do {
            vault = try await BlockingCalls.run {
                try Vault.open(in: storage, roots: try ring.keys(), pace: pace)
            }
        } catch {
            throw Vaults.named(error, "vault '\(name)' does not open")
        }
        // Another caller may have opened it meanwhile: one object serves all.
        if let first = open[name] {
            return first
        }
        open[name] = vault
        return vault
    }

    /// Makes a vault.
    ///
    /// - Parameters:
    ///   - name: Its name.
    ///   - bucket: Where it lies; `nil` for a folder here.
    /// - Returns: The vault, open.
    /// - Throws: `.exists`, or `.usage` for a name that AWS Backup would refuse too; what a bucket refuses.
    func create(_ name: String, in bucket: BucketPlace? = nil) async throws -> Vault {
        guard Vaults.isName(name) else {
            throw APIError(
                .usage,
                "'\(name)' cannot name a vault",
                remedy: "Use 2 to 50 letters, digits, '-' and '_'."
            )
        }
        let (places, root, clock, pace) = (places, state.rootKey, clock, pace)
        try arrive(name)
        defer { arriving.remove(name) }
        let vault = try await BlockingCalls.run {
            let make = { (storage: any VaultStorage) throws(VaultError) -> Vault in
                try Vault.create(in: storage, name: name, root: root, clock: clock, pace: pace)
            }
            if let bucket { return try places.create(name, in: bucket, make) }
            try places.requireNoBucket(name)
            return try make(DirectoryStorage(places.disk, places.paths.vault(name)))
        }
        open[name] = vault
        return vault
    }

    /// Claims a name for one vault that is made or copied in; the caller gives it back.
    private func arrive(_ name: String) throws(APIError) {
        guard arriving.insert(name).inserted else {
            throw APIError(
                .busy,
                "a vault '\(name)' is being made or copied in already",
                remedy: "Wait for its end."
            )
        }
    }

    /// Takes a vault of another machine in: its directory is copied, unless it lies among this daemon's vaults.
    ///
    /// - Parameters:
    ///   - directory: An absolute path of the daemon's machine; what is there stays as it is.
    ///   - kit: Opens it.
    ///   - report: Is told how much was copied.
    /// - Returns: The vault, open.
    /// - Throws: `.wrongKey` with the names of the keys, `.exists`, `.busy`, and what opening and copying throw.
    func adopt(
        _ directory: String,
        kit: RecoveryKit,
        _ report: @escaping @Sendable (Progress) -> Void
    ) async throws -> Vault {
        let adoption = VaultAdoption(disk: state.disk, paths: state.paths, ring: state.ring)
        let name = try await BlockingCalls.run { try adoption.name(of: directory, kit: kit) }
        // Held until the work has ended, also when whoever asked has gone.
        try arrive(name)
        defer { arriving.remove(name) }
        try await BlockingCalls.run {
            try adoption.adopt(directory, as: name, kit: kit, report)
        }
        return try await find(name)
    }

    /// Takes a vault in that lies in a bucket, and stays there; other machines may go on using it.
    ///
    /// - Parameters:
    ///   - place: Where it lies.
    ///   - kit: Opens it.
    /// - Returns: The vault, open.
    /// - Throws: As of a directory; what the bucket refuses.
    func adopt(_ place: BucketPlace, kit: RecoveryKit) async throws -> Vault {
        let adoption = VaultAdoption(disk: state.disk, paths: state.paths, ring: state.ring)
        let name = try await BlockingCalls.run { try adoption.name(of: place, kit: kit) }
        try arrive(name)
        defer { arriving.remove(name) }
        let places = places
        try await BlockingCalls.run {
            try adoption.ring.keep(kit.rootKey, scope: .unknown)
            try places.keep(name, place)
        }
        return try await find(name)
    }

    func close() {
        open = [:]
    }

    /// A vault's error with the vault's name before it: its own words name files within the vault.
    static func named(_ error: any Error, _ what: String) -> APIError {
        let reason = APIError(error)
        // The root key has opened the state directory, so a vault of another key came from elsewhere, or is damaged.
        let remedy =
            reason.code == .wrongKey
            ? "If it came from another machine, it needs that one's root key: adopt it by its recovery kit "
                + "('varve vault adopt DIR --recovery-kit FILE'). Otherwise put its file 'key' back from a copy."
            : reason.remedy
        return APIError(reason.code, "\(what): \(reason.message)", remedy: remedy)
    }

    /// As AWS Backup CreateBackupVault: 2 to 50 letters, digits, hyphens and underscores.
    static func isName(_ name: String) -> Bool {
        (2...50).contains(name.utf8.count)
            && name.allSatisfy {
                $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_")
            }
    }
}
