import Policies
import VarveModel

/// Completion windows: a run that is not done when its window ends is told to stop.
extension Scheduler {
    /// Executes a claimed run to its end, or tells it to stop when its completion window is over, and awaits it.
    ///
    /// - Returns: What it came to, and whether it was told so.
    func executeWithinWindow(_ claim: Claim) async -> (outcome: JobOutcome, isOver: Bool) {
        let job = claim.job
        guard let running = running[job.name], running.deadline != nil else {
            return (await executePrepared(claim), false)
        }
        let window = running.window
        return await withTaskGroup(of: JobOutcome?.self) { group in
            group.addTask { await self.executePrepared(claim) }
            group.addTask {
                for await _ in window {}
                return nil
            }
            // The window's end, or the run's; a daemon that ends cancels both.
            let first = await group.next() ?? nil
            let isOver = first == nil && !Task.isCancelled
            group.cancelAll()
            let second = await group.next() ?? nil
            return (first ?? second ?? JobOutcome(.stopped), isOver)
        }
    }

    /// Runs what comes before a job, and unless that fails the job.
    private nonisolated func executePrepared(_ claim: Claim) async -> JobOutcome {
        let prepared = await surroundings.before(claim.job, claim.run)
        if let prepared, prepared.state != .succeeded { return prepared }
        var outcome = await execute(claim.job, claim.run.due)
        outcome.output = (prepared?.output ?? "") + outcome.output
        return outcome
    }

    /// Tells the runs whose completion window is over to stop.
    func endOverdue() {
        let now = now()
        for (name, job) in running {
            guard let deadline = job.deadline, deadline <= now else { continue }
            running[name]?.deadline = nil
            running[name]?.isStopping = true
            job.windowEnd.finish()
        }
    }
}
