import Backup
import BackupVault
import FileSystemEngine
import JobScheduler
import LocalAPI
import MetadataStore
import Policies
import VarveModel

/// Does what jobs say: the scheduler knows when, this knows how.
struct JobActions: Sendable {
    let fileSystems: FileSystems
    let vaults: Vaults
    let lifecycle: LifecycleRuns
    /// Tells which runs were cut short.
    let journal: any JobRunJournal
    let clock: any VarveClock

    /// Runs one job to its end; a file system that fails does not keep the others from their turn.
    @concurrent
    func execute(_ job: Job, due: Timestamp) async -> JobOutcome {
        switch job.action {
        case .backup(let action):
            return await each(action.selection) { try await backUp($0, job, action, due) }
        case .snapshot(let action):
            return await each(action.selection) {
                JobWords(done: [try await snapshot($0, action, due)])
            }
        case .lifecycle(let action):
            return await each(action.selection) {
                JobWords(done: [try await move($0, action)])
            }
        case .restoreTest(let action):
            let tests = RestoreTests(fileSystems: fileSystems, vaults: vaults)
            return await each(action.selection, mustSelect: true) {
                try await tests.run($0, action, job: job.name, due: due)
            }
        case .scrub(let action):
            return await each(action.selection) {
                JobWords(done: [try await scrub($0, action)])
            }
        case .copy(let action):
            return await CopyJobs(fileSystems: fileSystems, vaults: vaults, clock: clock)
                .run(action, job: job.name)
        case .expire(let action):
            return await expire(action)
        }
    }

    /// Does one thing to every file system that a job selects; what it found is told also when it is stopped.
    private func each(
        _ selection: FileSystemSelection,
        mustSelect: Bool = false,
        _ body: (OpenFileSystem) async throws -> JobWords
    ) async -> JobOutcome {
        var words = JobWords()
        for entry in await fileSystems.all() {
            let record = entry.record
            guard selection.selects(id: record.id, name: record.name, tags: record.tags) else {
                continue
            }
            if Task.isCancelled { return words.stopped(at: record.name) }
            do {
                let engine = try entry.engine.get()
                let part = try await body(OpenFileSystem(record: record, engine: engine))
                words.add(part, of: record.name)
                if part.isStopped { return words.stopped(at: record.name) }
            } catch is CancellationError {
                return words.stopped(at: record.name)
            } catch {
                let error = APIError(error)
                if Task.isCancelled, !error.isDamage { return words.stopped(at: record.name) }
                words.add(error, about: record.name)
            }
        }
        if words.isEmpty {
            return JobOutcome(mustSelect ? .failed : .succeeded, "no file system is selected")
        }
        return words.outcome
    }

    /// One recovery point, and then the retention of this job's own points of this file system.
    ///
    /// Once the point stands, what goes wrong after it is told beside it.
    private func backUp(
        _ source: OpenFileSystem,
        _ job: Job,
        _ action: BackupAction,
        _ due: Timestamp
    ) async throws -> JobWords {
        let vault = try await vaults.find(action.vault)
        var words = JobWords()
        var told: [String]
        if let made = try await pointOfInterruptedRun(source, job, due, in: vault) {
            told = ["\(made.id) is there, the run that was interrupted made it"]
        } else {
            told = [try await makePoint(source, job, action, due, in: vault)]
        }
        guard let retention = action.retention else { return JobWords(done: told) }
        let name = job.name
        let report = await RetentionService.run(
            retention,
            of: vault,
            source: source.record.id.text,
            clock: clock,
            isMeant: { $0.labels["job"] == name }
        )
        told += report.told
        words.add(told.joined(separator: ", "))
        words.add(troubleOf: report)
        words.add(coldDaysOf: retention, in: vault)
        return words
    }

    private func makePoint(
        _ source: OpenFileSystem,
        _ job: Job,
        _ action: BackupAction,
        _ due: Timestamp,
        in vault: Vault
    ) async throws -> String {
        let now = clock.now()
        let rule = action.retention?.rule
        let result = try await BackupService(clock: clock).backUp(
            source.engine,
            source: source.record.id.text,
            to: vault,
            expires: rule?.certainExpiry(created: now),
            coldAfterDays: vault.mayHaveColdStorage ? rule?.moveToColdAfterDays : nil,
            labels: [
                "name": source.record.name, "job": job.name, Self.dueLabel: TimeText(due).text,
            ]
        )
        let kind = result.fullBecause.map { "full (\($0))" } ?? "incremental"
        let (read, stored) = (result.statistics.bytesRead, result.statistics.bytesStored)
        return "\(result.point.id) \(kind), \(read) bytes read, \(stored) stored"
    }

    /// The label of a point that tells for which due instant of its job it was made.
    static let dueLabel = "due"

    /// The point that a run made of which the end is not on record: what is due once is in the vault once.
    private func pointOfInterruptedRun(
        _ source: OpenFileSystem,
        _ job: Job,
        _ due: Timestamp,
        in vault: Vault
    ) async throws -> RecoveryPoint? {
        guard try await journal.interruptedRuns(of: job.name, due: due) > 0 else { return nil }
        let (id, name, instant) = (source.record.id.text, job.name, TimeText(due).text)
        return try await BlockingCalls.run {
            try vault.listing().points.last {
                $0.source == id && $0.labels["job"] == name
                    && $0.labels[Self.dueLabel] == instant
            }
        }
    }

    private func snapshot(
        _ source: OpenFileSystem,
        _ action: SnapshotAction,
        _ due: Timestamp
    ) async throws -> String {
        let name = action.naming.name(at: due)
        var told = name
        do throws(FileSystemError) {
            _ = try await source.engine.createSnapshot(name)
        } catch {
            guard error.code == .exists else { throw error }
            // An interrupted run took it already, and may have gone before the old ones went.
            told = "\(name) is there"
        }
        guard let keep = action.keepLast else { return told }
        let own = try await source.engine.snapshots()
            .filter { action.naming.names($0.name) }.sorted { $0.epoch < $1.epoch }
        let old = own.dropLast(keep)
        for snapshot in old { try await source.engine.deleteSnapshot(snapshot.name) }
        return old.isEmpty ? told : "\(told), \(old.count) old deleted"
    }

    private func move(_ source: OpenFileSystem, _ action: LifecycleAction) async throws -> String {
        let report = try await lifecycle.run(source, action.policy) { _ in }
        // It breaks off without an error.
        try Task.checkCancellation()
        return
            "\(report.files) files, \(report.bytes) bytes moved, stored \(report.storedBefore) before "
            + "and \(report.storedAfter) after"
    }

    /// - Throws: `.corrupt` when something is lost: somebody should know.
    private func scrub(_ source: OpenFileSystem, _ action: ScrubAction) async throws -> String {
        let options = ScrubOptions(bytesPerSecond: action.bytesPerSecond)
        let found = try await source.engine.scrub(options: options)
        let message =
            "\(found.bytesRead) bytes read, \(found.healedCount) places healed (\(found.healedBytes) bytes)"
        if let first = found.lost.first {
            throw APIError(
                .corrupt,
                "\(message), \(found.lostCount) lost, the first: \(first.message)",
                remedy: first.remedy
            )
        }
        // It breaks off without an error.
        try Task.checkCancellation()
        guard found.isComplete else {
            throw APIError(.failed, "\(message), and it did not come to its end")
        }
        return message
    }

    /// The retention of all points of a vault, whichever job made them, source by source.
    private func expire(_ action: ExpireAction) async -> JobOutcome {
        var words = JobWords()
        do {
            let vault = try await vaults.find(action.vault)
            let report = await RetentionService.run(action.retention, of: vault, clock: clock)
            let told = ["\(report.deleted.count) expired", "\(report.kept.count) kept"]
            words.add(
                (told + report.told.dropFirst(report.deleted.isEmpty ? 0 : 1)).joined(
                    separator: ", "
                )
            )
            words.add(troubleOf: report)
            words.add(coldDaysOf: action.retention, in: vault)
        } catch {
            words.add(APIError(error))
        }
        return words.isStopped ? words.stopped() : words.outcome
    }
}
