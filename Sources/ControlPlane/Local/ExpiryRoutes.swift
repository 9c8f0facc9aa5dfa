import Backup
import BackupVault
import LocalAPI
import Policies
import VarveModel

/// Expires recovery points now, or says what would expire.
struct ExpiryRoutes: Sendable {
    let vaults: Vaults
    let jobs: Jobs
    let clock: any VarveClock

    func add(to table: RouteTable) {
        table.on(Route.expireBackups) { try await expire($0, $1, $2) }
    }

    private func expire(
        _ request: ExpireBackups,
        _ peer: Peer,
        _ report: @escaping RouteTable.Report
    ) async throws -> ExpiryReport {
        try peer.requireAdministrator("expiring recovery points")
        let vault = try await vaults.find(request.vault)
        let policy: RetentionPolicy? =
            if let name = request.retention { try await jobs.retention(named: name) } else { nil }
        let now = clock.now()
        report(Progress(phase: request.isPlan ? "judging" : "expiring"))
        return try await BlockingCalls.run {
            let judged = try ExpiryRoutes.judge(vault, by: policy, now: now)
            var answer = ExpiryReport(judgements: judged, isPlan: request.isPlan)
            guard !request.isPlan else { return answer }
            let gone = try ExpiryRoutes.delete(from: vault, by: policy, now: now)
            answer.judgements = judged.map { judgement in
                var judgement = judgement
                if judgement.keptBecause == nil, !gone.contains(judgement.point.id) {
                    judgement.keptBecause = "held, or deleted, since it was judged"
                }
                return judgement
            }
            if !gone.isEmpty { answer.freedBytes = try ExpiryRoutes.freed(by: vault) }
            return answer
        }
    }

    /// What becomes of each point, the oldest first.
    private static func judge(
        _ vault: Vault,
        by policy: RetentionPolicy?,
        now: Timestamp
    ) throws -> [ExpiryJudgement] {
        guard let policy else {
            return try vault.expiryVerdicts(now: now).map { verdict in
                ExpiryJudgement(verdict.point, in: vault, verdict.keptBecause)
            }
        }
        var judged: [ExpiryJudgement] = []
        for source in Set(try vault.recoveryPoints().map(\.source)).sorted() {
            judged += try RetentionService.judge(policy, of: vault, source: source, now: now)
                .map { ExpiryJudgement($0.point, in: vault, $0.keptBecause) }
        }
        return judged.sorted {
            ($0.point.created, $0.point.id) < ($1.point.created, $1.point.id)
        }
    }

    /// Deletes what expires; answers the ids.
    private static func delete(
        from vault: Vault,
        by policy: RetentionPolicy?,
        now: Timestamp
    ) throws -> Set<String> {
        guard let policy else { return Set(try vault.expire(now: now).map(\.id.description)) }
        var gone: Set<String> = []
        for source in Set(try vault.recoveryPoints().map(\.source)).sorted() {
            let outcome = try RetentionService.apply(
                policy,
                to: vault,
                source: source,
                now: now,
                prunes: false
            )
            gone.formUnion(outcome.deleted.map(\.id.description))
        }
        return gone
    }

    /// While another prune runs, the next one gives the space back.
    private static func freed(by vault: Vault) throws -> UInt64 {
        do throws(VaultError) {
            return try vault.prune().bytesFreed
        } catch {
            guard error.code == .locked else { throw error }
            return 0
        }
    }
}

extension ExpiryJudgement {
    fileprivate init(_ point: RecoveryPoint, in vault: Vault, _ why: String?) {
        self.init(
            point: RecoveryPointDescription(point, vault: vault.name),
            keptBecause: why
        )
    }
}
