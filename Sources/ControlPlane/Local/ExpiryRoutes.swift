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
        let judged = try await BlockingCalls.run {
            try ExpiryRoutes.judge(vault, by: policy, now: now)
        }
        let damaged = try await BlockingCalls.run { try vault.listing().damaged }
        var answer = ExpiryReport(
            judgements: judged.map(\.told),
            isPlan: request.isPlan,
            unreadable: damaged.map { LeftOut("\($0.id)", APIError($0.error)) }
        )
        guard !request.isPlan else { return answer }
        let gone = try await BlockingCalls.run {
            try ExpiryRoutes.delete(from: vault, by: policy, now: now)
        }
        let due = judged.filter(\.told.movesToCold).map(\.point)
        let progress = RouteTable.transfer(report, "moving to cold storage")
        let cold: ColdStorage.Outcome
        do {
            cold = try await ColdStorage.move(due, of: vault, clock: clock, progress: progress)
        } catch {
            // What was deleted is given back all the same, and also what moved before the failure; that is what is told.
            try await BlockingCalls.run { _ = try ExpiryRoutes.freed(by: vault) }
            throw error
        }
        let moved = Set(cold.moved.map(\.id.description))
        answer.judgements = judged.map(\.told).map { judgement in
            var judgement = judgement
            if judgement.keptBecause == nil, !gone.contains(judgement.point.id) {
                judgement.keptBecause = "held, or deleted, since it was judged"
            }
            judgement.movesToCold = moved.contains(judgement.point.id)
            return judgement
        }
        answer.archivedBytes = cold.archiveBytes
        answer.staysWarm = cold.stayed.map { LeftOut("\($0.point)", APIError($0.error)) }
        guard !gone.isEmpty || !moved.isEmpty else { return answer }
        answer.freedBytes = try await BlockingCalls.run { try ExpiryRoutes.freed(by: vault) }
        return answer
    }

    /// What becomes of a point, and the point.
    private struct Judged: Sendable {
        let told: ExpiryJudgement
        let point: RecoveryPoint
    }

    /// What becomes of each point, the oldest first.
    private static func judge(
        _ vault: Vault,
        by policy: RetentionPolicy?,
        now: Timestamp
    ) throws -> [Judged] {
        guard let policy else {
            let due = Set(try vault.pointsDueForCold(now: now).map(\.id))
            return try vault.expiryVerdicts(now: now).map { verdict in
                let (point, why) = (verdict.point, verdict.keptBecause)
                let moves = why != nil && due.contains(point.id)
                return Judged(
                    told: ExpiryJudgement(point, in: vault, why, movesToCold: moves),
                    point: point
                )
            }
        }
        var judged: [Judged] = []
        for source in Set(try vault.listing().points.map(\.source)).sorted() {
            judged += try RetentionService.judge(policy, of: vault, source: source, now: now)
                .map { one in
                    let (point, why, moves) = (one.point, one.keptBecause, one.movesToCold)
                    return Judged(
                        told: ExpiryJudgement(point, in: vault, why, movesToCold: moves),
                        point: point
                    )
                }
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
        for source in Set(try vault.listing().points.map(\.source)).sorted() {
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
    fileprivate init(
        _ point: RecoveryPoint,
        in vault: Vault,
        _ why: String?,
        movesToCold: Bool
    ) {
        self.init(
            point: RecoveryPointDescription(point, vault: vault.name),
            keptBecause: why,
            movesToCold: movesToCold
        )
    }
}
