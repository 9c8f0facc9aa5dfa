import Policies
import VarveModel
import Logging

/// Runs: what is due is claimed, recorded, executed to its end, and recorded again.
extension Scheduler {
    /// Does for the runs that a crash cut short what is done after every run; tells of those that are not run again.
    ///
    /// It comes before anything is run: what a hook before a job has frozen is thawed first.
    func finishUnfinished() async {
        let left = unfinished
        unfinished = []
        for one in left {
            let run = one.run.followed(by: await surroundings.after(one.job, one.run))
            if run != one.run { await recordEnd(of: run) }
            if !one.isRunAgain { await surroundings.notify(one.job, run) }
        }
    }

    private func recordEnd(of run: JobRun) async {
        do {
            try await journal.finish(run)
        } catch {
            // A run that stays 'running' in the journal is called interrupted by the next start.
            logger.error(
                "the end of a run could not be recorded",
                metadata: ["job": "\(run.job)", "error": "\(error)"]
            )
        }
    }

    /// Runs all that is due by the clock, one after the other, the greatest priority first, to its end.
    ///
    /// - Returns: The runs, and the records of what was not run.
    /// - Throws: `.journal`; what could not be recorded was not run and is still due.
    package func runDue() async throws(SchedulerError) -> [JobRun] {
        await finishUnfinished()
        var runs: [JobRun] = []
        var names = dueNames()
        while !names.isEmpty {
            let before = runs.count
            for name in names {
                guard let claim = try await claim(name) else { continue }
                runs.append(await perform(claim))
            }
            // A job that runs for all that was missed is due again.
            names = runs.count > before ? dueNames() : []
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
        guard running[name] == nil else {
            throw SchedulerError(
                .busy,
                "the job '\(name)' is running",
                remedy: "Wait for its end, then try again."
            )
        }
        let now = wholeSecond()
        running[name] = RunningJob(job, from: now)
        let run: JobRun
        do {
            run = try await record(
                job,
                due: now,
                trigger: .manual,
                state: .running,
                message: "",
                now
            )
        } catch {
            running[name] = nil
            throw failure("run '\(name)'", error)
        }
        return await perform(Claim(job: job, run: run))
    }

    /// The jobs that have something due: by priority, then by when it was meant to begin, then by name.
    func dueNames() -> [String] {
        let now = now()
        let due: [(job: Job, start: Timestamp)] = jobs.values.compactMap { job in
            let first = [nextScheduled(of: job), retries[job.name]].compactMap { $0 }.min()
            return first.flatMap { $0 <= now ? (job, $0) : nil }
        }
        return due.sorted { left, right in
            (-left.job.priority, left.start, left.job.name)
                < (-right.job.priority, right.start, right.job.name)
        }.map(\.job.name)
    }

    /// A run that is recorded and, unless it is one that was not run, about to be executed.
    struct Claim {
        let job: Job
        let run: JobRun
    }

    /// Claims what is due of a job, and records it.
    ///
    /// - Parameters:
    ///   - name: The job's.
    ///   - isBounded: Whether it waits for its turn when as many jobs run as may.
    /// - Returns: `nil` when nothing is due any more, or while it waits.
    /// - Throws: `.journal`; then it is due as before.
    func claim(
        _ name: String,
        isBounded: Bool = false
    ) async throws(SchedulerError) -> Claim? {
        let now = wholeSecond()
        guard let job = jobs[name], let before = cursors[name],
            var decision = decision(about: job, after: before, now)
        else { return nil }
        if case .run(let by) = decision.verdict, isBounded, !hasRoom(for: job) {
            let isInTime = by == .schedule
            guard let earlier = admitted[name], earlier < decision.due else {
                if isInTime { wait(job, for: decision.due) }
                return nil
            }
            // Its turn never came: that is told, and the later instant waits on.
            decision = .superseded(earlier)
        }
        let trigger: JobRun.Trigger
        if case .run(let by) = decision.verdict { trigger = by } else { trigger = .schedule }
        // Claimed before the first await; given back if it cannot be recorded.
        let (retry, waited) = (retries[name], admitted[name])
        cursors[name] = max(before, decision.due)
        retries[name] = nil
        admitted[name] = nil
        let isRun = decision.state == .running
        if isRun {
            running[name] = RunningJob(job, from: now)
            seats[name] = job.action.name
        }
        do {
            let run = try await record(
                job,
                due: decision.due,
                trigger: trigger,
                state: decision.state,
                message: decision.message,
                now
            )
            return Claim(job: job, run: run)
        } catch {
            if cursors[name] != nil {
                cursors[name] = before
                retries[name] = retry
                admitted[name] = waited
            }
            if isRun { running[name] = nil }
            throw failure("record what is due of '\(name)'", error)
        }
    }

    private func hasRoom(for job: Job) -> Bool {
        let taken = running.mapValues(\.action).merging(seats) { action, _ in action }
        return limits.haveRoom(for: job.action.name, beside: Array(taken.values))
    }

    private func wait(_ job: Job, for due: Timestamp) {
        guard admitted.updateValue(due, forKey: job.name) != due else { return }
        logger.warning(
            "a job waits for its turn",
            metadata: [
                "job": "\(job.name)", "due": "\(due.seconds)",
                "running": "\(runningJobs().joined(separator: ","))",
            ]
        )
    }

    /// What is to become of what is due of a job; `nil` when nothing is.
    func decision(
        about job: Job,
        after: Timestamp,
        _ now: Timestamp
    ) -> DueDecision? {
        let isRunning = running[job.name] != nil
        let standing = DueDecision.Standing(
            isRunning: isRunning,
            admitted: admitted[job.name]
        )
        let retry = isRunning ? nil : retries[job.name]
        if job.missed == .runAll, let retry {
            return .again(retry, of: job, now: now)
        }
        // A later due instant stands for the run that was interrupted, too.
        return .about(job, after: after, now: now, standing)
            ?? retry.map { .again($0, of: job, now: now) }
    }

    private func record(
        _ job: Job,
        due: Timestamp,
        trigger: JobRun.Trigger,
        state: JobRun.State,
        message: String,
        _ now: Timestamp
    ) async throws -> JobRun {
        let isRun = state == .running
        func run(_ id: Int64) -> JobRun {
            JobRun(
                id: id,
                job: job.name,
                action: job.action.name.rawValue,
                due: due,
                trigger: trigger,
                started: isRun ? now : nil,
                ended: isRun ? nil : now,
                state: state,
                message: message
            )
        }
        return run(try await journal.insert(run(0)))
    }

    /// Executes a claimed run to its end; of one that was not run only that is told.
    func perform(_ claim: Claim) async -> JobRun {
        let job = claim.job
        guard claim.run.state == .running else {
            log(claim.run)
            await surroundings.notify(job, claim.run)
            return claim.run
        }
        let (outcome, isOver) = await executeWithinWindow(claim)
        var ended = claim.run.ended(outcome, isOver: isOver, at: wholeSecond(), job)
        ended = ended.followed(by: await surroundings.after(job, ended))
        await recordEnd(of: ended)
        running[job.name] = nil
        log(ended)
        await surroundings.notify(job, ended)
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
        case .failed, .damaged, .expired, .cancelled: logger.error("job run", metadata: metadata)
        }
    }
}

extension JobRun {
    /// This run, ended.
    ///
    /// - Parameters:
    ///   - outcome: What its execution came to.
    ///   - isOver: It was told to stop at the end of its completion window.
    ///   - now: When.
    ///   - job: Whose window it was.
    /// - Returns: What is recorded.
    fileprivate func ended(
        _ outcome: JobOutcome,
        isOver: Bool,
        at now: Timestamp,
        _ job: Job
    ) -> JobRun {
        let state: JobRun.State =
            switch outcome.state {
            case .succeeded: .succeeded
            case .partial: .partial
            case .failed: .failed
            case .damaged: .damaged
            case .stopped: isOver ? .cancelled : .interrupted
            }
        let window =
            "not done within the completion window of \(job.completionWindowMinutes ?? 0) minutes"
        let words = [message, state == .cancelled ? window : "", outcome.message]
        return with(
            state: state,
            ended: now,
            message: words.filter { !$0.isEmpty }.joined(separator: "; "),
            output: outcome.output
        )
    }

    /// This run with what came of what is run after it.
    fileprivate func followed(by followUp: JobSurroundings.FollowUp) -> JobRun {
        let isSpoilt = followUp.complaint != nil && state == .succeeded
        let words = [message, followUp.complaint ?? ""]
        return with(
            state: isSpoilt ? .partial : state,
            ended: ended,
            message: words.filter { !$0.isEmpty }.joined(separator: "; "),
            output: output + followUp.output
        )
    }

    private func with(
        state: State,
        ended: Timestamp?,
        message: String,
        output: String
    ) -> JobRun {
        JobRun(
            id: id,
            job: job,
            action: action,
            due: due,
            trigger: trigger,
            started: started,
            ended: ended,
            state: state,
            message: message,
            output: output
        )
    }
}
