import Backup
import BackupVault
import JobScheduler
import LocalAPI
import Policies
import VarveModel

/// What a run tells of itself: what it did, and what it could not.
struct JobWords: Sendable {
    private(set) var failed: [String] = []
    private(set) var done: [String] = []
    private(set) var hasDamage = false
    /// Whether it was told to stop before its end.
    private(set) var isStopped = false

    init(done: [String] = []) {
        self.done = done
    }

    /// What failed comes first.
    var text: String { (failed + done).joined(separator: "; ") }

    var isEmpty: Bool { failed.isEmpty && done.isEmpty }

    var state: JobOutcome.State {
        if hasDamage { return .damaged }
        return failed.isEmpty ? .succeeded : done.isEmpty ? .failed : .partial
    }

    var outcome: JobOutcome { JobOutcome(state, text) }

    /// Of a run that was told to stop.
    ///
    /// - Parameter place: Where it was then; `nil` where that says nothing.
    /// - Returns: What it did before, and where it stopped.
    func stopped(at place: String? = nil) -> JobOutcome {
        let words = (place.map { ["stopped at \($0)"] } ?? []) + failed + done
        return JobOutcome(hasDamage ? .damaged : .stopped, words.joined(separator: "; "))
    }

    mutating func add(_ text: String) {
        done.append(text)
    }

    mutating func add(_ error: APIError, about what: String? = nil) {
        failed.append((what.map { "\($0): " } ?? "") + error.description)
        hasDamage = hasDamage || error.isDamage
    }

    /// Adds what a part of the run tells.
    mutating func add(_ part: JobWords, of name: String) {
        failed += part.failed.map { "\(name): \($0)" }
        done += part.done.map { "\(name): \($0)" }
        hasDamage = hasDamage || part.hasDamage
    }

    /// Adds that a retention's days for cold storage mean nothing where there is none, as in a bucket.
    mutating func add(coldDaysOf retention: RetentionPolicy, in vault: Vault) {
        guard retention.rule.moveToColdAfterDays != nil, !vault.mayHaveColdStorage else { return }
        add(
            APIError(
                .invalid,
                "'MoveToColdStorageAfterDays' does nothing here: nothing moves to cold storage in '\(vault.place)'",
                remedy:
                    "Give the job a retention without it; the store may have a colder class of its own."
            )
        )
    }

    /// Adds what a retention could not do, so that somebody knows.
    mutating func add(troubleOf report: RetentionService.Report) {
        for (source, error) in report.failures {
            if error.code == .cancelled {
                isStopped = true
            } else {
                add(APIError(error), about: source)
            }
        }
        if let first = report.cold.refused.first {
            let (reason, count) = (APIError(first.error), report.cold.refused.count)
            let text = "\(count) due for cold storage stay warm: \(reason.message)"
            add(APIError(reason.code, text, remedy: reason.remedy))
        }
        add(unread: report.unread)
    }

    /// Adds the points that do not read: what they hold is lost unless somebody mends them.
    mutating func add(unread: [RecoveryPointListing.DamagedManifest]) {
        for point in unread { add(APIError(point.error), about: "\(point.id)") }
    }
}

extension RetentionService.Report {
    /// What was done, for people; empty when nothing was.
    var told: [String] {
        var told: [String] = []
        if !deleted.isEmpty { told.append("\(deleted.count) expired") }
        if !cold.moved.isEmpty {
            told.append("\(cold.moved.count) moved to cold storage (\(cold.archiveBytes) bytes)")
        }
        return told
    }
}
