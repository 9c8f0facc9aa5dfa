import MetadataStore
import Backup
import BackupVault
import Disk
import FileSystemEngine
import LocalAPI
import Logging
import Policies
import ServiceLifecycle
import VarveModel

/// The engine's own housekeeping: history, removed files, half-dead segments, expired recovery points,
/// access days; and another try of what could not be opened.
struct Maintenance: Sendable {
    let fileSystems: FileSystems
    let mountTargets: MountTargets
    let vaults: Vaults
    let lifecycle: LifecycleRuns
    let jobs: Jobs
    let coldTrees: ColdTrees
    let clock: DaemonClock
    let logger: Logger

    /// Calls in a row for one file system at most, so that every one gets its turn.
    private static let callsMax = 1_000

    /// One round of everything; what fails is logged, and tried again in the next.
    func round() async {
        await fileSystems.reopen()
        await mountTargets.retry()
        for entry in await fileSystems.all() {
            guard case .success(let engine) = entry.engine else { continue }
            await attempt("collecting history", entry.record.id.text) {
                try await repeated { try await engine.collectGarbage() }
            }
            await attempt("reaping", entry.record.id.text) {
                try await repeated { try await engine.reap() }
            }
            await attempt("compaction", entry.record.id.text) {
                try await repeated { try await engine.compact() }
            }
            await attempt("checkpoint", entry.record.id.text) { try await engine.checkpoint() }
        }
        await attempt("writing the time down", "control") { try await clock.remember() }
        await attempt("flushing access days", "journal") { try await lifecycle.flush() }
        for entry in await fileSystems.all() {
            guard case .success(let engine) = entry.engine else { continue }
            let source = OpenFileSystem(record: entry.record, engine: engine)
            await attempt("forgetting access days", entry.record.id.text) {
                try await lifecycle.forgetGone(source)
            }
            for policy in await jobs.lifecyclePolicies(for: entry.record)
            where policy.promotesOnAccess {
                await attempt("bringing used files back", entry.record.id.text) {
                    try await lifecycle.promote(source, policy)
                }
            }
        }
    }

    /// Deletes recovery points whose own time has come, in every vault.
    func expireRecoveryPoints() async {
        let now = clock.now()
        await eachVault("expiring recovery points") { vault, _ in
            try await BlockingCalls.run { try !vault.expire(now: now).isEmpty }
        }
    }

    /// Moves to cold storage the recovery points whose own time for it has come, in every vault.
    func moveToColdStorage() async {
        let now = clock.now()
        await eachVault("moving recovery points to cold storage") { vault, name in
            try await move(vault, name, now)
        }
    }

    /// Does something with every vault, and gives back what it leaves dead.
    ///
    /// What fails hinders neither the prune, since it, or an earlier round, may have left something, nor the next vault.
    ///
    /// - Parameters:
    ///   - what: For the log.
    ///   - body: Answers whether anything is dead now.
    private func eachVault(
        _ what: String,
        _ body: (Vault, String) async throws -> Bool
    ) async {
        let entries: [Vaults.Entry]
        do {
            entries = try await vaults.all()
        } catch {
            logger.error("vaults cannot be listed", metadata: ["error": "\(error)"])
            return
        }
        for entry in entries {
            guard case .success(let vault) = entry.vault else { continue }
            var mayBeDead = true
            await attempt(what, entry.name) { mayBeDead = try await body(vault, entry.name) }
            guard mayBeDead, !Task.isCancelled else { continue }
            await attempt("pruning", entry.name) {
                _ = try await BlockingCalls.run { try vault.prune() }
            }
        }
    }

    /// Moves what is due for cold storage; answers whether anything moved.
    private func move(_ vault: Vault, _ name: String, _ now: Timestamp) async throws -> Bool {
        let due = try await BlockingCalls.run { try vault.pointsDueForCold(now: now) }
        let cold = try await ColdStorage.move(due, of: vault, clock: clock)
        for (point, error) in cold.refused {
            logger.error(
                "a recovery point that is due for cold storage stays warm",
                metadata: [
                    "vault": "\(name)", "point": "\(point)", "error": "\(APIError(error))",
                ]
            )
        }
        return !cold.moved.isEmpty
    }

    private func repeated(_ step: () async throws -> MaintenanceReport) async throws {
        for _ in 0..<Maintenance.callsMax {
            if Task.isCancelled { return }
            if try await !step().isMoreDue { return }
        }
    }

    private func attempt(_ what: String, _ subject: String, _ body: () async throws -> Void) async {
        do {
            try await body()
        } catch is CancellationError {
            return
        } catch {
            if Task.isCancelled { return }
            logger.error(
                "maintenance failed",
                metadata: [
                    "what": "\(what)", "subject": "\(subject)", "error": "\(APIError(error))",
                ]
            )
        }
    }
}

/// Runs maintenance as time passes.
struct MaintenanceService: Service {
    let maintenance: Maintenance
    let isSimulated: Bool

    /// 10 s: a retained second is dropped soon after its time, and an idle round costs a few lookups.
    private static let roundSeconds = 10
    /// Rounds between two looks for expired recovery points: an hour.
    private static let expiryRounds = 360
    /// Rounds between two times that free memory goes back to the kernel: a minute.
    private static let memoryRounds = 6

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var round = 0
            while !Task.isCancelled {
                do {
                    try await Task.sleep(for: .seconds(MaintenanceService.roundSeconds))
                } catch {
                    return  // Cancelled: the daemon ends.
                }
                await maintenance.round()
                round += 1
                if round % MaintenanceService.memoryRounds == 0 {
                    maintenance.coldTrees.dropIdle()
                    HostMemory.giveBack()
                }
                // A simulated clock runs them as it moves.
                if !isSimulated, round % MaintenanceService.expiryRounds == 0 {
                    await maintenance.expireRecoveryPoints()
                }
                do {
                    try await maintenance.jobs.reload()
                } catch {
                    maintenance.logger.error(
                        "jobs cannot be reloaded",
                        metadata: ["error": "\(error)"]
                    )
                }
            }
        }
    }
}
