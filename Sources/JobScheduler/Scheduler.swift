package import Logging
package import Policies
package import VarveModel

/// Does what a job says, to its end; knows the jobs' actions, as the scheduler does not.
package typealias JobExecutor = @concurrent @Sendable (Job, _ due: Timestamp) async -> JobOutcome

/// Runs jobs when they are due, never one job twice at a time, and records every run.
///
/// What it knows across restarts is in the journal: the runs, and since when each schedule is being
/// watched. A cursor per job says up to where its due instants are dealt with; a job is claimed
/// (marked running, its cursor moved) before the first `await`, so no second caller can claim it.
/// A job whose turn has not come stays due: where many want to run, the greatest priority goes first.
package actor Scheduler {
    private let clock: any VarveClock
    let journal: any JobRunJournal
    let logger: Logger
    let limits: JobLimits
    let surroundings: JobSurroundings
    let execute: JobExecutor

    var jobs: [String: Job] = [:]
    /// Everything due up to here is run, skipped or before the first sight.
    var cursors: [String: Timestamp] = [:]
    /// Due instants whose run was interrupted and is to be run again.
    var retries: [String: Timestamp] = [:]
    /// Runs that the end of the daemon before cut short: nothing was done after them, and nobody was told.
    var unfinished: [Unfinished] = []
    /// Due instants that were seen in time and wait for room; they are not missed.
    var admitted: [String: Timestamp] = [:]
    /// The due instants that somebody was told of because they wait.
    var toldLate: [String: Timestamp] = [:]
    var running: [String: RunningJob] = [:]
    /// The jobs that ran when the scheduler last began to look who is due, and those begun since.
    ///
    /// Who ends meanwhile makes room for the next look: else a job could overtake one of greater priority.
    var seats: [String: Job.ActionName] = [:]

    /// A run that a crash cut short.
    struct Unfinished {
        let job: Job
        let run: JobRun
        let isRunAgain: Bool
    }

    /// A job at its run.
    struct RunningJob {
        let action: Job.ActionName
        /// The end of its completion window; `nil` without one, and once it was told to stop.
        var deadline: Timestamp?
        /// It was told to stop and has not ended yet.
        var isStopping = false
        /// Ends when the window is over.
        let window: AsyncStream<Void>
        let windowEnd: AsyncStream<Void>.Continuation

        init(_ job: Job, from start: Timestamp) {
            action = job.action.name
            deadline = job.completionWindowMinutes.map { start.adding(seconds: Int64($0) * 60) }
            (window, windowEnd) = AsyncStream.makeStream()
        }
    }

    /// A run that was interrupted is begun again once; a job that brings the daemon down does so
    /// twice at most for one due instant.
    private static let interruptionsMax = 2

    /// Makes a scheduler that does nothing before `start`.
    ///
    /// - Parameters:
    ///   - clock: Decides what is due.
    ///   - journal: Where runs are recorded.
    ///   - logger: Gets one line a run.
    ///   - limits: How many run side by side.
    ///   - surroundings: What is done around each run.
    ///   - execute: Does what a job says.
    package init(
        clock: any VarveClock,
        journal: any JobRunJournal,
        logger: Logger,
        limits: JobLimits = .standard,
        surroundings: JobSurroundings = JobSurroundings(),
        execute: @escaping JobExecutor
    ) {
        self.clock = clock
        self.journal = journal
        self.logger = logger
        self.limits = limits
        self.surroundings = surroundings
        self.execute = execute
    }

    // MARK: Jobs

    /// Takes over from the daemon before: names interrupted runs, and finds what was missed.
    ///
    /// - Parameter list: The jobs in force, each name once.
    /// - Throws: `.journal`; then nothing is in force and `start` may be called again.
    package func start(_ list: [Job]) async throws(SchedulerError) {
        let now = wholeSecond()
        do {
            try await journal.interruptRunning(
                ended: now,
                message: "the daemon ended before the run did"
            )
            var known: [String: JobSighting] = [:]
            for sighting in try await journal.sightings() { known[sighting.job] = sighting }
            for job in list {
                let since = try await watch(job, known: known.removeValue(forKey: job.name), now)
                let last = try await journal.lastScheduledRun(of: job.name)
                cursors[job.name] = max(since, last?.due ?? since)
                // Behind it may stand an instant that was skipped while it ran.
                guard let begun = try await journal.lastBegunRun(of: job.name),
                    begun.state == .interrupted, begun.due >= since
                else { continue }
                let times = try await journal.interruptedRuns(of: job.name, due: begun.due)
                let isRunAgain = job.missed != .skip && times < Self.interruptionsMax
                if isRunAgain { retries[job.name] = begun.due }
                if begun.ended == now {
                    unfinished.append(Unfinished(job: job, run: begun, isRunAgain: isRunAgain))
                }
            }
            for job in known.keys.sorted() { try await journal.removeSighting(of: job) }
        } catch {
            throw failure("start", error)
        }
        for job in list { jobs[job.name] = job }
    }

    /// Puts other jobs in force, as after the files were edited.
    ///
    /// A job whose schedule is new or changed is watched from now on; one that is gone is forgotten
    /// once its run, if any, has ended.
    ///
    /// - Parameter list: All the jobs, each name once.
    /// - Throws: `.journal`; the jobs before stay in force.
    package func replace(_ list: [Job]) async throws(SchedulerError) {
        let now = wholeSecond()
        let changed = list.filter { job in
            jobs[job.name]?.schedule.description != job.schedule.description
        }
        let names = Set(list.map(\.name))
        let gone = jobs.keys.filter { !names.contains($0) }.sorted()
        do {
            for job in changed { _ = try await watch(job, known: nil, now) }
            for name in gone { try await journal.removeSighting(of: name) }
        } catch {
            throw failure("replace jobs", error)
        }
        for job in changed {
            cursors[job.name] = max(now, cursors[job.name] ?? now)
            retries[job.name] = nil
            admitted[job.name] = nil
        }
        for name in gone {
            cursors[name] = nil
            retries[name] = nil
            admitted[name] = nil
            toldLate[name] = nil
        }
        jobs = [:]
        for job in list { jobs[job.name] = job }
    }

    /// Since when the job's schedule is being watched.
    private func watch(
        _ job: Job,
        known: JobSighting?,
        _ now: Timestamp
    ) async throws -> Timestamp {
        let schedule = job.schedule.description
        if let known, known.schedule == schedule { return known.since }
        try await journal.save(JobSighting(job: job.name, schedule: schedule, since: now))
        return now
    }

    // MARK: What is due

    /// When a run is next meant to begin: now or earlier when one is already.
    package func nextDue() -> Timestamp? {
        ([nextScheduled()].compactMap { $0 } + retries.values).min()
    }

    /// As `nextDue`, without interrupted runs that wait to be run again.
    func nextScheduled() -> Timestamp? {
        jobs.values.compactMap { nextScheduled(of: $0) }.min()
    }

    /// When a job's next run is meant to begin.
    ///
    /// One that runs for all that was missed waits for its own end: while it runs, all that may come is the end of a start
    /// window.
    func nextScheduled(of job: Job) -> Timestamp? {
        guard let planned = cursors[job.name].flatMap({ job.plannedRun(after: $0) }) else {
            return nil
        }
        guard job.missed == .runAll, running[job.name] != nil else { return planned.start }
        return planned.latest?.adding(seconds: 1)
    }

    /// The jobs that are running.
    package func runningJobs() -> [String] { running.keys.sorted() }

    /// The jobs that were told to stop and run still.
    func stoppingJobs() -> [String] { running.filter(\.value.isStopping).keys.sorted() }

    /// The newest runs first, of one job or of all.
    package func history(of job: String?, limit: Int) async throws(SchedulerError) -> [JobRun] {
        do {
            return try await journal.runs(of: job, limit: limit)
        } catch {
            throw failure("read the history", error)
        }
    }

    /// The clock's time.
    func now() -> Timestamp { clock.now() }

    /// Logs that a due instant could not be recorded; it is tried again.
    func report(_ error: SchedulerError, of job: String) {
        logger.error("a job could not begin", metadata: ["job": "\(job)", "error": "\(error)"])
    }

    /// Now, as the journal keeps times.
    func wholeSecond() -> Timestamp { Timestamp(seconds: clock.now().seconds) }

    func failure(_ what: String, _ error: any Error) -> SchedulerError {
        SchedulerError(
            .journal,
            "cannot \(what): \(error)",
            remedy: "See the journal's own error; nothing was begun that is not recorded."
        )
    }
}
