import Policies
import VarveModel

/// What becomes of a job's due instants at some moment: a decision, without clock or journal.
struct DueDecision: Hashable {
    enum Verdict: Hashable {
        case run(JobRun.Trigger)
        case skip
    }

    /// The latest due instant; those before it are covered by it.
    let due: Timestamp
    let verdict: Verdict
    /// For the journal.
    let message: String

    /// A run that begins this long after it was due still counts as in time.
    static let graceSeconds: Int64 = 300

    /// Decides about everything due later than `after` and not later than `now`.
    ///
    /// The latest instant stands for all of them: one run, in time or to catch up, or one record
    /// of what was skipped. `nil` when nothing is due.
    ///
    /// - Parameters:
    ///   - job: Its schedule, start window, and what it wants done about missed runs.
    ///   - after: Everything up to here is dealt with.
    ///   - now: The time.
    ///   - isRunning: The job is still at an earlier run.
    init?(_ job: Job, after: Timestamp, now: Timestamp, isRunning: Bool) {
        guard let dues = job.schedule.dues(after: after, through: now) else { return nil }
        due = dues.last
        let late = now.seconds - due.seconds
        let isInTime = late <= Self.graceSeconds
        let missed = dues.count - (isInTime ? 1 : 0)
        let count = dues.isCountExact ? "\(missed)" : "at least \(missed)"
        let words = missed == 1 && dues.isCountExact ? "1 due instant" : "\(count) due instants"
        if isRunning {
            verdict = .skip
            message = "the run before it was still going"
        } else if isInTime {
            verdict = .run(.schedule)
            message = missed == 0 ? "" : "also for \(words) missed before"
        } else if job.missed == .skip {
            verdict = .skip
            message = "\(words) missed"
        } else if let window = job.startWindowMinutes, late > Int64(window) * 60 {
            verdict = .skip
            message = "\(words) missed; the start window of \(window) minutes is over"
        } else {
            verdict = .run(.catchUp)
            message = "for \(words) missed"
        }
    }
}
