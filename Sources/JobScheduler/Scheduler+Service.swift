import Policies
package import VarveModel

extension Scheduler {
    /// Waits so many seconds.
    package typealias Sleeper = @concurrent @Sendable (_ seconds: Int64) async throws -> Void

    /// The clock is looked at again after this many seconds at the latest.
    ///
    /// So a stepped clock, a resumed machine or a replaced job is noticed in time.
    static let pollSecondsMax: Int64 = 15

    /// While a job waits for its turn, it is looked after this many seconds whether there is room.
    static let waitingPollSeconds: Int64 = 5

    /// Runs jobs as they become due until the task is cancelled; then the runs are told to stop, and
    /// awaited.
    ///
    /// Different jobs run side by side, as many as the limits allow.
    ///
    /// - Parameter sleep: Waits by the real clock, or as a test says; throws when cancelled.
    package func run(
        sleep: @escaping Sleeper = { try await Task.sleep(for: .seconds($0)) }
    ) async {
        await finishUnfinished()
        await withDiscardingTaskGroup { group in
            while !Task.isCancelled {
                var isRecorded = true
                endOverdue()
                seats = running.mapValues(\.action)
                for name in dueNames() {
                    do throws(SchedulerError) {
                        guard let claim = try await claim(name, isBounded: true) else { continue }
                        group.addTask { _ = await self.perform(claim) }
                    } catch {
                        isRecorded = false
                        report(error, of: name)
                    }
                }
                for (job, late) in newlyLate() {
                    // A child of this run: a webhook that hangs keeps no job from its time.
                    group.addTask { await self.surroundings.late(job, late) }
                }
                let pause = isRecorded ? secondsToWait() : Self.pollSecondsMax
                do {
                    try await sleep(pause)
                } catch {
                    break  // Cancelled.
                }
            }
            group.cancelAll()
        }
    }

    private func secondsToWait() -> Int64 {
        let now = now()
        var wait = Self.pollSecondsMax
        for job in jobs.values {
            guard let run = cursors[job.name].flatMap({ job.plannedRun(after: $0) }) else {
                continue
            }
            let start = run.start.seconds - now.seconds
            // Who waits expires in the second after its window.
            let expiry = run.latest.map { $0.seconds + 1 - now.seconds }.flatMap {
                $0 > 0 ? $0 : nil
            }
            wait = min(wait, start > 0 ? start : min(Self.waitingPollSeconds, expiry ?? .max))
        }
        for deadline in running.values.compactMap(\.deadline) {
            wait = min(wait, max(1, deadline.seconds - now.seconds))
        }
        return wait
    }

    /// Moves a simulated clock on, stopping at each due instant to run what is due to its end.
    ///
    /// What is due at once is run first, before the clock moves.
    ///
    /// - Parameters:
    ///   - target: Where the clock stands in the end, unless it is there already.
    ///   - move: Sets the clock that this scheduler reads to an instant, and keeps it there.
    ///   - report: Told of each run as it ends.
    /// - Returns: Every run, in order.
    /// - Throws: `.journal`, or `.clock` when `move` failed or the clock did not follow.
    package func advance(
        to target: Timestamp,
        move: @Sendable (Timestamp) async throws -> Void,
        report: @Sendable (JobRun) async -> Void = { _ in }
    ) async throws(SchedulerError) -> [JobRun] {
        var runs: [JobRun] = []
        while true {
            endOverdue()
            for run in try await runDue() {
                runs.append(run)
                await report(run)
            }
            guard now() < target else { return runs }
            let stop = max(now(), min(nextScheduled() ?? target, target))
            do {
                try await move(stop)
            } catch {
                throw SchedulerError(
                    .clock,
                    "the clock cannot be moved: \(error)",
                    remedy: "See that error; runs up to here are recorded."
                )
            }
            guard now() >= stop else {
                throw SchedulerError(
                    .clock,
                    "the clock did not move to second \(stop.seconds)",
                    remedy: "Only a state directory with a simulated clock can be advanced."
                )
            }
        }
    }
}
