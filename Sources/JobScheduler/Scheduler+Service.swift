package import VarveModel

extension Scheduler {
    /// Waits so many seconds.
    package typealias Sleeper = @concurrent @Sendable (_ seconds: Int64) async throws -> Void

    /// The clock is looked at again after this many seconds at the latest.
    ///
    /// So a stepped clock, a resumed machine or a replaced job is noticed in time.
    static let pollSecondsMax: Int64 = 15

    /// Runs jobs as they become due until the task is cancelled; then the runs are told to stop, and
    /// awaited.
    ///
    /// Different jobs run side by side; their number bounds how many.
    ///
    /// - Parameter sleep: Waits by the real clock, or as a test says; throws when cancelled.
    package func run(
        sleep: @escaping Sleeper = { try await Task.sleep(for: .seconds($0)) }
    ) async {
        await withDiscardingTaskGroup { group in
            while !Task.isCancelled {
                var isRecorded = true
                for name in dueNames() {
                    do throws(SchedulerError) {
                        guard let claim = try await claim(name) else { continue }
                        group.addTask { _ = await self.perform(claim) }
                    } catch {
                        isRecorded = false
                        report(error, of: name)
                    }
                }
                let pause = isRecorded ? secondsToWait() : Self.pollSecondsMax
                do {
                    if pause > 0 { try await sleep(pause) }
                } catch {
                    break  // Cancelled.
                }
            }
            group.cancelAll()
        }
    }

    private func secondsToWait() -> Int64 {
        guard let due = nextScheduled() else { return Self.pollSecondsMax }
        return max(0, min(Self.pollSecondsMax, due.seconds - now().seconds))
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
