import Backup
import BackupVault
import LocalAPI
import MetadataStore
import VarveModel

/// What is done to a vault as a whole: checking and healing it, its parity, its index.
struct VaultRoutes: Sendable {
    let vaults: Vaults
    let fileSystems: FileSystems

    func add(to table: RouteTable) {
        table.on(Route.verifyVault) { try await verify($0, $1, $2) }
        table.on(Route.setParity) { try await setParity($0, $1, $2) }
        table.on(Route.rebuildIndex) { try await rebuildIndex($0, $1, $2) }
    }

    private func verify(
        _ request: VerifyVault,
        _ peer: Peer,
        _ report: @escaping RouteTable.Report
    ) async throws -> VaultReport {
        try peer.requireAdministrator("verifying a vault")
        let scope = try VaultRoutes.scope(of: request)
        let vault = try await vaults.find(request.vault)
        report(Progress(phase: "verifying \(request.vault)"))
        guard request.repairs else { return try await VaultChecks.verify(vault, scope, report) }
        let givers = try await givers(to: vault, request)
        return try await VaultChecks.repair(vault, scope, from: givers, report)
    }

    /// Who may still have what a vault has lost.
    private func givers(
        to vault: Vault,
        _ request: VerifyVault
    ) async throws -> [LostContent.Giver] {
        var givers: [LostContent.Giver] = []
        if request.isFromLive {
            for entry in await fileSystems.all() {
                guard case .success(let engine) = entry.engine else { continue }
                givers.append(.fileSystem(engine, source: entry.record.id.text))
            }
        }
        for name in request.from {
            let other = try await vaults.find(name)
            guard other.id != vault.id else {
                throw APIError(
                    .usage,
                    "vault '\(name)' is the one that is repaired",
                    remedy: "Name another vault that has points of the same file systems."
                )
            }
            givers.append(.vault(other))
        }
        return givers
    }

    private func setParity(
        _ request: SetParity,
        _ peer: Peer,
        _ report: @escaping RouteTable.Report
    ) async throws -> ParityReport {
        try peer.requireAdministrator("changing a vault's parity")
        let policy = try VaultRoutes.policy(of: request.share)
        let vault = try await vaults.find(request.vault)
        let made = try await BlockingCalls.run {
            try vault.setParity(policy) { done, total in
                report(
                    Progress(
                        phase: "making parity of \(request.vault)",
                        done: UInt64(done),
                        total: UInt64(total)
                    )
                )
            }
        }
        return ParityReport(files: UInt64(made))
    }

    static func policy(of share: Double?) throws(APIError) -> ParityPolicy? {
        guard let share else { return nil }
        guard let policy = ParityPolicy(share: share) else {
            throw APIError(
                .usage,
                "parity of \(share) of the data cannot be kept",
                remedy: "Ask for more than 0% and at most 100%."
            )
        }
        return policy
    }

    private static func scope(of request: VerifyVault) throws(APIError) -> VerifyScope {
        guard let fraction = request.sample else {
            return request.readsData ? .everything : .structure
        }
        guard fraction > 0, fraction <= 1 else {
            throw APIError(
                .usage,
                "a sample of \(fraction) of the packs cannot be taken",
                remedy: "Ask for more than 0% and at most 100%."
            )
        }
        return .sample(
            fraction: fraction,
            seed: request.seed ?? .random(in: 0...UInt64(UInt32.max))
        )
    }

    private func rebuildIndex(
        _ request: VaultName,
        _ peer: Peer,
        _ report: @escaping RouteTable.Report
    ) async throws -> IndexReport {
        try peer.requireAdministrator("making a vault's index")
        let vault = try await vaults.find(request.vault)
        report(Progress(phase: "reading the packs of \(request.vault)"))
        let packs = try await BlockingCalls.run { try vault.rebuildIndex() }
        return IndexReport(packs: UInt64(packs))
    }
}
