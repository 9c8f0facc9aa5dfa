package import BackupVault
import Disk
import LocalAPI
import VarveModel

/// The vaults of a state directory: each is a folder beneath `vaults/` that stands alone.
///
/// The folders are the truth: one that is copied in from another machine is there at the next look.
package actor Vaults {
    private let state: StateDirectory
    private let clock: any VarveClock
    private var open: [String: Vault] = [:]

    init(state: StateDirectory, clock: any VarveClock) {
        self.state = state
        self.clock = clock
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

    /// Every vault by name.
    func all() async throws -> [Entry] {
        let disk = state.disk
        let folder = state.paths.vaults
        let names = try await BlockingCalls.run { try disk.list(folder) }
        var entries: [Entry] = []
        for name in names where Vaults.isName(name) {
            do {
                entries.append(Entry(name: name, vault: .success(try await find(name))))
            } catch {
                entries.append(Entry(name: name, vault: .failure(APIError(error))))
            }
        }
        return entries
    }

    /// The vault of a name.
    ///
    /// - Throws: `.notFound`, or why it does not open.
    package func find(_ name: String) async throws -> Vault {
        if let vault = open[name] { return vault }
        let (disk, directory, root) = (state.disk, state.paths.vault(name), state.rootKey)
        guard Vaults.isName(name),
            try await BlockingCalls.run({ try disk.status(of: directory) }) != nil
        else {
            throw APIError(
                .notFound,
                "there is no vault '\(name)'",
                remedy:
                    "Make it with 'varve vault create \(name)'; 'varve vault list' shows those there are."
            )
        }
        let vault: Vault
        do {
            vault = try await BlockingCalls.run {
                try Vault.open(disk: disk, directory: directory, root: root)
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
    /// - Throws: `.exists`, or `.usage` for a name that AWS Backup would refuse too.
    func create(_ name: String) async throws -> Vault {
        guard Vaults.isName(name) else {
            throw APIError(
                .usage,
                "'\(name)' cannot name a vault",
                remedy: "Use 2 to 50 letters, digits, '-' and '_'."
            )
        }
        let (disk, directory, root, clock) = (
            state.disk, state.paths.vault(name), state.rootKey, clock
        )
        let vault = try await BlockingCalls.run {
            try Vault.create(disk: disk, directory: directory, name: name, root: root, clock: clock)
        }
        open[name] = vault
        return vault
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
            ? "If it came from another machine, it needs that one's root key: see docs/operating.md. "
                + "Otherwise put its file 'key' back from a copy." : reason.remedy
        return APIError(reason.code, "\(what): \(reason.message)", remedy: remedy)
    }

    /// As AWS Backup CreateBackupVault: 2 to 50 letters, digits, hyphens and underscores.
    private static func isName(_ name: String) -> Bool {
        (2...50).contains(name.utf8.count)
            && name.allSatisfy {
                $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_")
            }
    }
}
