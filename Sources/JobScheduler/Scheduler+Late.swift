import Logging
package import Policies
package import VarveModel

/// A due instant whose run should have begun long ago, and waits.
package struct LateRun: Sendable, Hashable {
    package let due: Timestamp
    /// What it waits for, for people.
    package let why: String

    package init(due: Timestamp, why: String) {
        self.due = due
        self.why = why
    }
}

/// Due instants that wait: somebody hears of them before anything is on record.
extension Scheduler {
    /// 3,600 s: AWS Backup's shortest start window.
    ///
    /// Of a job that has none, who waits longer is told of, whatever becomes
    /// of the run; of one that has, the end of its window is.
    static let lateSeconds: Int64 = 3_600

    /// The due instants that have waited too long since the last look; of each job the oldest, and that once.
    func newlyLate() -> [(job: Job, late: LateRun)] {
        let now = now()
        var found: [(job: Job, late: LateRun)] = []
        for job in jobs.values.sorted(by: { $0.name < $1.name }) {
            guard let waiting = oldestWaiting(of: job),
                waiting.latest == nil, waiting.start.seconds + Self.lateSeconds <= now.seconds,
                toldLate[job.name] ?? Timestamp(seconds: .min) < waiting.due
            else { continue }
            toldLate[job.name] = waiting.due
            let late = LateRun(due: waiting.due, why: why(job, waiting, now))
            logger.warning(
                "a job is late",
                metadata: [
                    "job": "\(job.name)", "due": "\(late.due.seconds)", "why": "\(late.why)",
                ]
            )
            found.append((job, late))
        }
        return found
    }

    /// The first due instant of a job that nothing has become of, though its time to begin has come.
    private func oldestWaiting(of job: Job) -> PlannedRun? {
        let planned = cursors[job.name].flatMap { job.plannedRun(after: $0) }
        let retry = running[job.name] == nil ? retries[job.name].map(job.plannedRun(at:)) : nil
        return [retry, planned].compactMap { $0 }.filter { $0.start <= now() }.min {
            $0.due < $1.due
        }
    }

    private func why(_ job: Job, _ waiting: PlannedRun, _ now: Timestamp) -> String {
        let minutes = (now.seconds - waiting.start.seconds) / 60
        let since = "has waited for \(minutes) minutes"
        if running[job.name] != nil { return "\(since): the run before it is still going" }
        let others = runningJobs().joined(separator: ", ")
        return others.isEmpty ? since : "\(since) for its turn: \(others) run"
    }

    /// What is due and has not begun: what waits for its turn or for the end of the run before it, is made up for, or is run again.
    ///
    /// - Parameters:
    ///   - name: Whose; `nil` for every job.
    ///   - count: As many of each job at most.
    /// - Returns: Each run that is to come of it, job by job, the oldest first.
    package func waiting(of name: String?, count: Int) -> [(job: String, run: PlannedRun)] {
        let now = wholeSecond()
        return jobs.values.filter { name == nil || $0.name == name }
            .sorted { $0.name < $1.name }
            .flatMap { job in
                waitingRuns(of: job, now).prefix(count).map { (job.name, $0) }
            }
    }

    private func waitingRuns(of job: Job, _ now: Timestamp) -> [PlannedRun] {
        guard let cursor = cursors[job.name] else { return [] }
        guard job.missed == .runAll else {
            // While it runs, what comes is skipped.
            guard running[job.name] == nil, let next = decision(about: job, after: cursor, now),
                case .run = next.verdict
            else { return [] }
            return [job.plannedRun(at: next.due)]
        }
        let retry = running[job.name] == nil ? retries[job.name] : nil
        let newest = job.schedule.newestDues(DueDecision.runAllMax, after: cursor, through: now)
        return ((retry.map { [$0] } ?? []) + newest).map(job.plannedRun(at:)).filter {
            $0.start <= now && $0.latest ?? now >= now
        }
    }
}
