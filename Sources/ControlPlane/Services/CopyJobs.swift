import Backup
import BackupVault
import JobScheduler
import LocalAPI
import MetadataStore
import Policies
import VarveModel

/// Copies recovery points from vault to vault, as jobs say, and applies the retention of the copies.
struct CopyJobs: Sendable {
    let fileSystems: FileSystems
    let vaults: Vaults
    let clock: any VarveClock

    /// Runs one job to its end; a point that is refused does not keep the others from their turn.
    func run(_ action: CopyAction, job: String) async -> JobOutcome {
        do {
            let source = try await vaults.find(action.source)
            let target = try await vaults.find(action.target)
            let copies = try PointCopies(from: source, to: target, clock: clock)
            let selection = try await selection(action, job, source, target)
            let retention = action.retention
            let coldAfterDays =
                target.mayHaveColdStorage ? retention?.rule.moveToColdAfterDays : nil
            let options = PointCopies.Options(
                expires: { point in retention?.rule.certainExpiry(created: point.created) },
                coldAfterDays: coldAfterDays,
                labels: ["job": job]
            )
            let report = try await copies.copy(selection, options)
            var words = CopyJobs.words(of: report, in: source)
            if report.isStopped { return words.stopped() }
            if let retention {
                let applied = await RetentionService.run(retention, of: target, clock: clock) {
                    $0.labels["job"] == job
                }
                for text in applied.told { words.add(text) }
                words.add(troubleOf: applied)
                words.add(coldDaysOf: retention, in: target)
            }
            return words.isStopped ? words.stopped() : words.outcome
        } catch {
            let error = APIError(error)
            if Task.isCancelled, !error.isDamage { return JobOutcome(.stopped, error.description) }
            return JobOutcome(error.isDamage ? .damaged : .failed, error.description)
        }
    }

    private func selection(
        _ action: CopyAction,
        _ job: String,
        _ source: Vault,
        _ target: Vault
    ) async throws -> PointSelection {
        var records: [String: FileSystemRecord] = [:]
        for entry in await fileSystems.all() { records[entry.record.id.text] = entry.record }
        let known = records
        let selection = action.selection
        // Of what is in cold storage only an archive is left: it was to be copied before.
        let isWanted: @Sendable (RecoveryPoint) -> Bool = { point in
            guard !point.isCold else { return false }
            if let record = known[point.source] {
                return selection.selects(id: record.id, name: record.name, tags: record.tags)
            }
            // A file system that is gone has the name that it had, and no tags.
            guard let id = FileSystemID(point.source) else { return false }
            return selection.selects(id: id, name: point.labels["name"], tags: [:])
        }
        guard action.points == .all else { return .newest(isWanted) }
        let now = clock.now()
        return try await BlockingCalls.run {
            try PointSelection.all(
                worthCopyingFrom: source,
                to: target,
                under: action.retention,
                now: now,
                isWanted: isWanted,
                isOwn: { $0.labels["job"] == job }
            )
        }
    }

    // MARK: Words

    private static func words(of report: PointCopies.Report, in vault: Vault) -> JobWords {
        var words = JobWords()
        words.add(unread: report.unread)
        for (_, outcomes) in Dictionary(grouping: report.outcomes, by: \.point.source)
            .sorted(by: { $0.key < $1.key })
        {
            add(outcomes, to: &words)
        }
        if words.isEmpty {
            words.add(
                APIError(
                    .notFound,
                    "vault '\(vault.name)' has no recovery point of what the job selects"
                )
            )
        }
        return words
    }

    /// What became of one source's points.
    private static func add(_ outcomes: [PointCopies.Outcome], to words: inout JobWords) {
        var (copied, there) = (0, 0)
        var (read, stored): (UInt64, UInt64) = (0, 0)
        var name = ""
        for outcome in outcomes {
            name = outcome.point.labels["name"] ?? outcome.point.source
            switch outcome.what {
            case .copied(_, let cost, _):
                copied += 1
                read += cost.bytesRead
                stored += cost.bytesStored
            case .there: there += 1
            case .planned: break
            case .refused(let error):
                words.add(APIError(error), about: "\(name) \(outcome.point.id)")
            }
        }
        guard copied + there > 0 else { return }
        words.add(
            "\(name): \(copied) copied, \(there) there already, \(read) bytes read, \(stored) stored"
        )
    }
}
