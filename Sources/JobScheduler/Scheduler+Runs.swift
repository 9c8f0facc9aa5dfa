import Policies
import VarveModel
import Logging

/// Runs: what is due is claimed, recorded, executed to its end, and recorded again.
extension Scheduler {
    /// Runs all that is due by the clock, one after the other by due instant and name, to its end.
    ///
    /// - Returns: The runs, and the records of what was skipped.
    /// - Throws: `.journal`; what could not be recorded was not run and is still due.
    package func runDue() async throws(SchedulerError) -> [JobRun] {
        var runs: [JobRun] = []
        for name in dueNames() {
            guard let claim = try await claim(name) else { continue }
            runs.append(await perform(claim))
        }
        return runs
    }

    /// Runs a job by hand; its schedule does not move.
    ///
    /// - Parameter name: The job's.
    /// - Returns: The run, ended.
    /// - Throws: `.unknownJob`, `.busy`, `.journal`.
    package func runNow(_ name: String) async throws(SchedulerError) -> JobRun {
        guard let job = jobs[name] else {
            throw SchedulerError(
                .unknownJob,
                "there is no job '\(name)'",
                remedy: "The jobs in force are: \(jobs.keys.sorted().joined(separator: ", "))."
            )
        }
        guard running.insert(name).inserted else {
            throw SchedulerError(
                .busy,
                "the job '\(name)' is running",
                remedy: "Wait for its end, then try again."
            )
        }
        let now = wholeSecond()
        let run: JobRun
        do {
            run = try await record(
                job,
                due: now,
                trigger: .manual,
                state: .running,
                started: now,
                message: ""
            )
        } catch {
            running.remove(name)
            throw failure("run '\(name)'", error)
        }
        return await perform(Claim(job: job, run: run))
    }

    /// The jobs that have something due, by due instant and name.
    func dueNames() -> [String] {
        let now = now()
        let due: [DueJob] = jobs.values.compactMap { job in
            let scheduled = cursors[job.name].flatMap { job.schedule.next(after: $0) }
            let first = [scheduled, retries[job.name]].compactMap { $0 }.min()
            return first.flatMap { $0 <= now ? DueJob(job: job, due: $0) : nil }
        }
        return due.sorted().map(\.job.name)
    }

    /// A run that is recorded and, unless it is one that was skipped, about to be executed.
    struct Claim {
        let job: Job
        let run: JobRun
    }

    /// Claims what is due of a job, and records it.
    ///
    /// - Parameter name: The job's.
    /// - Returns: `nil` when nothing is due any more.
    /// - Throws: `.journal`; then it is due as before.
    func claim(_ name: String) async throws(SchedulerError) -> Claim? {
        let now = wholeSecond()
        guard let job = jobs[name], let before = cursors[name] else { return nil }
        let isRunning = running.contains(name)
        let decision = DueDecision(job, after: before, now: now, isRunning: isRunning)
        let retry = retries[name]
        guard let due = decision?.due ?? (isRunning ? nil : retry) else { return nil }
        let trigger: JobRun.Trigger
        let isRun: Bool
        switch decision?.verdict {
        case .run(let by): (trigger, isRun) = (by, true)
        case .skip: (trigger, isRun) = (.schedule, false)
        case nil: (trigger, isRun) = (.catchUp, !isLate(retry: due, of: job, now))
        }
        // Claimed before the first await; given back if it cannot be recorded.
        cursors[name] = max(before, due)
        retries[name] = nil
        if isRun { running.insert(name) }
        do {
            let run = try await record(
                job,
                due: due,
                trigger: trigger,
                state: isRun ? .running : .skipped,
                started: isRun ? now : nil,
                message: decision?.message ?? "again: the run before was interrupted"
            )
            return Claim(job: job, run: run)
        } catch {
            if cursors[name] != nil {
                cursors[name] = before
                retries[name] = retry
            }
            if isRun { running.remove(name) }
            throw failure("record what is due of '\(name)'", error)
        }
    }

    private func isLate(retry due: Timestamp, of job: Job, _ now: Timestamp) -> Bool {
        job.startWindowMinutes.map { now.seconds - due.seconds > Int64($0) * 60 } ?? false
    }

    private func record(
        _ job: Job,
        due: Timestamp,
        trigger: JobRun.Trigger,
        state: JobRun.State,
        started: Timestamp?,
        message: String
    ) async throws -> JobRun {
        let ended = state == .skipped ? wholeSecond() : nil
        func run(_ id: Int64) -> JobRun {
            JobRun(
                id: id,
                job: job.name,
                action: job.action.name.rawValue,
                due: due,
                trigger: trigger,
                started: started,
                ended: ended,
                state: state,
                message: message
            )
        }
        return run(try await journal.insert(run(0)))
    }

    /// Executes a claimed run to its end; one that was skipped is only logged.
    func perform(_ claim: Claim) async -> JobRun {
        let job = claim.job
        guard claim.run.state == .running else {
            log(claim.run)
            return claim.run
        }
        let outcome = await execute(job, claim.run.due)
        let state: JobRun.State =
            switch outcome.state {
            case .succeeded: .succeeded
            case .partial: .partial
            case .failed: .failed
            case .damaged: .damaged
            case .stopped: .interrupted
            }
        let message = [claim.run.message, outcome.message].filter { !$0.isEmpty }
            .joined(separator: "; ")
        let ended = JobRun(
            id: claim.run.id,
            job: job.name,
            action: claim.run.action,
            due: claim.run.due,
            trigger: claim.run.trigger,
            started: claim.run.started,
            ended: wholeSecond(),
            state: state,
            message: message
        )
        do {
            try await journal.finish(
                ended.id,
                state: state,
                ended: wholeSecond(),
                message: message
            )
        } catch {
            // The run stays 'running' in the journal; the next start calls it interrupted.
            logger.error(
                "the end of a run could not be recorded",
                metadata: ["job": "\(job.name)", "error": "\(error)"]
            )
        }
        running.remove(job.name)
        log(ended)
        return ended
    }

    private func log(_ run: JobRun) {
        let metadata: Logger.Metadata = [
            "job": "\(run.job)", "state": "\(run.state.rawValue)", "due": "\(run.due.seconds)",
            "trigger": "\(run.trigger.rawValue)", "message": "\(run.message)",
        ]
        switch run.state {
        case .succeeded, .running: logger.info("job run", metadata: metadata)
        case .partial, .skipped, .interrupted: logger.warning("job run", metadata: metadata)
        case .failed, .damaged: logger.error("job run", metadata: metadata)
        }
    }
}
