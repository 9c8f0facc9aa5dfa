import Policies
import VarveModel

/// What becomes of a job's due instants at some moment: a decision, without clock or journal.
struct DueDecision: Hashable {
    enum Verdict: Hashable {
        case run(JobRun.Trigger)
        case skip
        /// The start window is over.
        case expire
    }

    /// How the job stands at that moment.
    struct Standing: Hashable {
        /// It is still at an earlier run.
        var isRunning = false
        /// A due instant that was seen in time, and has waited for its turn since.
        var admitted: Timestamp?
    }

    /// The latest due instant that it is about; those before it are covered by it.
    let due: Timestamp
    let verdict: Verdict
    /// For the journal.
    let message: String

    /// A run that begins this long after it should have still counts as in time.
    static let graceSeconds: Int64 = 300
    /// Of a job that runs for all that it missed, the newest 1,000 are made up for.
    static let runAllMax = 1_000

    /// The state in which the journal has it, before anything is run.
    var state: JobRun.State {
        switch verdict {
        case .run: .running
        case .skip: .skipped
        case .expire: .expired
        }
    }

    /// Decides about everything due later than `after` whose start, jitter included, is not later than `now`.
    ///
    /// The latest instant stands for all of them: one run, in time or to catch up, or one record
    /// of what was not run. Of a job that runs for all, the oldest instant comes first.
    ///
    /// - Parameters:
    ///   - job: Its schedule, windows, and what it wants done about missed runs.
    ///   - after: Everything up to here is dealt with.
    ///   - now: The time.
    ///   - standing: Whether the job runs, or waits for its turn.
    /// - Returns: `nil` when nothing is to be done.
    static func about(
        _ job: Job,
        after: Timestamp,
        now: Timestamp,
        _ standing: Standing
    ) -> DueDecision? {
        if job.missed == .runAll {
            guard let oldest = job.plannedRun(after: after), oldest.start <= now else { return nil }
            // It waits for the job's own end, but not beyond its start window.
            if standing.isRunning {
                guard let latest = oldest.latest, now > latest else { return nil }
            }
            return aboutOldest(oldest, job, after: after, now: now, standing)
        }
        return job.ready(after: after, now: now).map { aboutLatest(of: $0, job, now, standing) }
    }

    /// Decides about a due instant whose run was interrupted: it is run again unless it is too late.
    static func again(_ due: Timestamp, of job: Job, now: Timestamp) -> DueDecision {
        let isOver = job.plannedRun(at: due).latest.map { now > $0 } ?? false
        return DueDecision(
            due: due,
            verdict: isOver ? .expire : .run(.catchUp),
            message: "again: the run before was interrupted"
        )
    }

    /// Decides about a due instant that waited for its turn until the next one came.
    static func superseded(_ due: Timestamp) -> DueDecision {
        DueDecision(
            due: due,
            verdict: .skip,
            message: "it did not come to its turn before the next was due"
        )
    }

    private static func aboutLatest(
        of dues: DueInstants,
        _ job: Job,
        _ now: Timestamp,
        _ standing: Standing
    ) -> DueDecision {
        let planned = job.plannedRun(at: dues.last)
        let isInTime = isInTime(planned, now, standing)
        let missed = dues.count - (isInTime ? 1 : 0)
        let words = words(missed, isExact: dues.isCountExact)
        let isOver = planned.latest.map { now > $0 } ?? false
        func decided(_ verdict: Verdict, _ message: String) -> DueDecision {
            DueDecision(due: dues.last, verdict: verdict, message: message)
        }
        if standing.isRunning { return decided(.skip, "the run before it was still going") }
        if isInTime {
            if isOver { return decided(.expire, expiry(job)) }
            return decided(.run(.schedule), missed == 0 ? "" : "also for \(words) missed before")
        }
        if job.missed == .skip { return decided(.skip, "\(words) missed") }
        if isOver { return decided(.expire, "\(words) missed; \(windowOver(job))") }
        return decided(.run(.catchUp), "for \(words) missed")
    }

    /// Of a job that runs for all: what is too late is told in one record, the rest is run one by one.
    private static func aboutOldest(
        _ oldest: PlannedRun,
        _ job: Job,
        after: Timestamp,
        now: Timestamp,
        _ standing: Standing
    ) -> DueDecision {
        if let latest = oldest.latest, now > latest {
            let window = latest.seconds - oldest.due.seconds
            let over = job.schedule.dues(
                after: after,
                through: now.adding(seconds: -window - 1)
            )
            let (due, count) = (over?.last ?? oldest.due, over?.count ?? 1)
            let words = words(count, isExact: over?.isCountExact ?? true)
            let hasWaited = count == 1 && standing.admitted == due
            return DueDecision(
                due: due,
                verdict: .expire,
                message: hasWaited ? expiry(job) : "\(words) missed; \(windowOver(job))"
            )
        }
        if let last = lastOfTooMany(job, oldest, after: after, now: now) {
            return DueDecision(
                due: last,
                verdict: .skip,
                message: "missed before the newest \(runAllMax), which are made up for"
            )
        }
        let isInTime = isInTime(oldest, now, standing)
        return DueDecision(
            due: oldest.due,
            verdict: .run(isInTime ? .schedule : .catchUp),
            message: isInTime ? "" : "made up for"
        )
    }

    /// The last of the due instants before the newest that are made up for; `nil` when all are.
    private static func lastOfTooMany(
        _ job: Job,
        _ oldest: PlannedRun,
        after: Timestamp,
        now: Timestamp
    ) -> Timestamp? {
        // A schedule is due once a minute at most, so that a shorter stretch needs no counting.
        guard now.seconds - oldest.due.seconds >= Int64(runAllMax) * 60 else { return nil }
        let newest = job.schedule.newestDues(runAllMax + 1, after: after, through: now)
        return newest.count > runAllMax ? newest.first : nil
    }

    private static func isInTime(
        _ planned: PlannedRun,
        _ now: Timestamp,
        _ standing: Standing
    ) -> Bool {
        now.seconds - planned.start.seconds <= graceSeconds || standing.admitted == planned.due
    }

    private static func words(_ count: Int, isExact: Bool) -> String {
        if count == 1, isExact { return "1 due instant" }
        return "\(isExact ? "" : "at least ")\(count) due instants"
    }

    private static func expiry(_ job: Job) -> String {
        "it did not come to its turn within the start window of \(job.startWindowMinutes ?? 0) minutes"
    }

    private static func windowOver(_ job: Job) -> String {
        "the start window of \(job.startWindowMinutes ?? 0) minutes is over"
    }
}
