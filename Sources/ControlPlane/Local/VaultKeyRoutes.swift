import BackupVault
import Keyring
import LocalAPI
import VarveModel

/// The keys of vaults: wrapping anew, recovery kits, vaults from other machines.
struct VaultKeyRoutes: Sendable {
    let vaults: Vaults
    let clock: any VarveClock

    func add(to table: RouteTable) {
        table.on(Route.rotateVaultKey) { try await rotate($0, $1) }
        table.on(Route.recoveryKit) { try await kit($0, $1) }
        table.on(Route.adoptVault) { try await adopt($0, $1, $2) }
    }

    private func rotate(_ request: VaultName, _ peer: Peer) async throws -> KeyRotation {
        try peer.requireAdministrator("wrapping a vault's key anew")
        let (from, to) = try await vaults.rotateKey(of: request.vault)
        return KeyRotation(vault: request.vault, from: from.description, to: to.description)
    }

    private func kit(_ request: VaultName, _ peer: Peer) async throws -> RecoveryKitText {
        try peer.requireAdministrator("printing a recovery kit")
        let (kit, scope) = try await vaults.recoveryKit(of: request.vault)
        return RecoveryKitText(
            vault: request.vault,
            rootKey: kit.rootKey.id.description,
            text: kit.text(made: clock.now(), scope: scope)
        )
    }

    private func adopt(
        _ request: AdoptVault,
        _ peer: Peer,
        _ report: @escaping RouteTable.Report
    ) async throws -> VaultDescription {
        try peer.requireAdministrator("adopting a vault")
        let kit = try RecoveryKit(request.kit)
        if let bucket = request.bucket {
            let vault = try await vaults.adopt(try BucketPlace(bucket), kit: kit)
            return try await vaults.describe(vault, named: vault.name, now: clock.now())
        }
        guard let directory = String(validating: request.directory.bytes, as: UTF8.self) else {
            throw APIError(.usage, "the directory's name is no UTF-8")
        }
        let vault = try await vaults.adopt(directory, kit: kit, report)
        return try await vaults.describe(vault, named: vault.name, now: clock.now())
    }
}
