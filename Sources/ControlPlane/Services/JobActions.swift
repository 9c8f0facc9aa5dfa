import MetadataStore
import Backup
import BackupVault
import FileSystemEngine
import JobScheduler
import LocalAPI
import Policies
import VarveModel

/// Does what jobs say: the scheduler knows when, this knows how.
struct JobActions: Sendable {
    let fileSystems: FileSystems
    let vaults: Vaults
    let lifecycle: LifecycleRuns
    let clock: any VarveClock

    /// Runs one job to its end; a file system that fails does not keep the others from their turn.
    @concurrent
    func execute(_ job: Job, due: Timestamp) async -> JobOutcome {
        switch job.action {
        case .backup(let action):
            return await each(action.selection) { try await backUp($0, job, action) }
        case .snapshot(let action):
            return await each(action.selection) { try await snapshot($0, action, due) }
        case .lifecycle(let action):
            return await each(action.selection) { try await move($0, action) }
        case .restoreTest(let action):
            let tests = RestoreTests(fileSystems: fileSystems, vaults: vaults)
            return await each(action.selection, mustSelect: true) {
                try await tests.run($0, action, job: job.name, due: due)
            }
        case .copy(let action):
            return await CopyJobs(fileSystems: fileSystems, vaults: vaults, clock: clock)
                .run(action, job: job.name)
        case .expire(let action):
            do {
                return JobOutcome(.succeeded, try await expire(action))
            } catch {
                let error = APIError(error)
                return JobOutcome(error.isDamage ? .damaged : .failed, error.description)
            }
        }
    }

    /// Does one thing to every file system that a job selects; what it found is told also when it is stopped.
    private func each(
        _ selection: FileSystemSelection,
        mustSelect: Bool = false,
        _ body: (OpenFileSystem) async throws -> String
    ) async -> JobOutcome {
        var done: [String] = []
        var failed: [String] = []
        var hasDamage = false
        func stopped(at name: String) -> JobOutcome {
            let words = ["stopped at \(name)"] + failed + done
            return JobOutcome(hasDamage ? .damaged : .stopped, words.joined(separator: "; "))
        }
        for entry in await fileSystems.all() {
            let record = entry.record
            guard selection.selects(id: record.id, name: record.name, tags: record.tags) else {
                continue
            }
            if Task.isCancelled { return stopped(at: record.name) }
            do {
                let engine = try entry.engine.get()
                let message = try await body(OpenFileSystem(record: record, engine: engine))
                done.append("\(record.name): \(message)")
            } catch is CancellationError {
                return stopped(at: record.name)
            } catch {
                let error = APIError(error)
                hasDamage = hasDamage || error.isDamage
                if Task.isCancelled, !error.isDamage { return stopped(at: record.name) }
                failed.append("\(record.name): \(error.description)")
            }
        }
        if done.isEmpty, failed.isEmpty {
            return JobOutcome(mustSelect ? .failed : .succeeded, "no file system is selected")
        }
        let message = (failed + done).joined(separator: "; ")
        if hasDamage { return JobOutcome(.damaged, message) }
        return JobOutcome(failed.isEmpty ? .succeeded : done.isEmpty ? .failed : .partial, message)
    }

    /// One recovery point, and then the retention of this job's own points of this file system.
    private func backUp(
        _ source: OpenFileSystem,
        _ job: Job,
        _ action: BackupAction
    ) async throws -> String {
        let vault = try await vaults.find(action.vault)
        let now = clock.now()
        let result = try await BackupService(clock: clock).backUp(
            source.engine,
            source: source.record.id.text,
            to: vault,
            expires: action.retention.flatMap { $0.rule.certainExpiry(created: now) },
            coldAfterDays: action.retention?.rule.moveToColdAfterDays,
            labels: ["name": source.record.name, "job": job.name]
        )
        var message = "\(result.point.id) \(result.isFull ? "full" : "incremental"), "
        message +=
            "\(result.statistics.bytesRead) bytes read, \(result.statistics.bytesStored) stored"
        guard let retention = action.retention else { return message }
        let (id, name) = (source.record.id.text, job.name)
        let outcome = try await RetentionService.run(
            retention,
            of: vault,
            source: id,
            clock: clock,
            isMeant: { $0.labels["job"] == name }
        )
        if !outcome.deleted.isEmpty { message += ", \(outcome.deleted.count) expired" }
        return try Self.told(message, outcome.cold)
    }

    private func snapshot(
        _ source: OpenFileSystem,
        _ action: SnapshotAction,
        _ due: Timestamp
    ) async throws -> String {
        let name = action.naming.name(at: due)
        do throws(FileSystemError) {
            _ = try await source.engine.createSnapshot(name)
        } catch {
            guard error.code == .exists else { throw error }
            // An interrupted run took it already.
            return "\(name) is there"
        }
        guard let keep = action.keepLast else { return name }
        let own = try await source.engine.snapshots()
            .filter { action.naming.names($0.name) }.sorted { $0.epoch < $1.epoch }
        let old = own.dropLast(keep)
        for snapshot in old { try await source.engine.deleteSnapshot(snapshot.name) }
        return old.isEmpty ? name : "\(name), \(old.count) old deleted"
    }

    private func move(_ source: OpenFileSystem, _ action: LifecycleAction) async throws -> String {
        let report = try await lifecycle.run(source, action.policy) { _ in }
        // It breaks off without an error.
        try Task.checkCancellation()
        return
            "\(report.files) files, \(report.bytes) bytes moved, stored \(report.storedBefore) before "
            + "and \(report.storedAfter) after"
    }

    /// The retention of all points of a vault, whichever job made them, source by source.
    private func expire(_ action: ExpireAction) async throws -> String {
        let vault = try await vaults.find(action.vault)
        let sources = try await BlockingCalls.run {
            Set(try vault.recoveryPoints().map(\.source)).sorted()
        }
        var deleted = 0
        var kept = 0
        var cold = ColdStorage.Outcome()
        for source in sources {
            let outcome = try await RetentionService.run(
                action.retention,
                of: vault,
                source: source,
                clock: clock
            )
            deleted += outcome.deleted.count
            kept += outcome.kept.count
            cold.add(outcome.cold)
        }
        return try Self.told("\(deleted) expired, \(kept) kept", cold)
    }

    /// What was done, with what moved to cold storage.
    ///
    /// - Throws: When something that is due stays warm: somebody should know.
    private static func told(
        _ message: String,
        _ cold: ColdStorage.Outcome
    ) throws(APIError) -> String {
        var message = message
        if !cold.moved.isEmpty {
            message += ", \(cold.moved.count) moved to cold storage (\(cold.archiveBytes) bytes)"
        }
        guard let first = cold.refused.first else { return message }
        let reason = APIError(first.error)
        throw APIError(
            reason.code,
            "\(message); \(cold.refused.count) due for cold storage stay warm: \(reason.message)",
            remedy: reason.remedy
        )
    }
}
