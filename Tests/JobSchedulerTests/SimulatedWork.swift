import Policies
import Synchronization
import VarveModel

@testable import JobScheduler

/// Runs that take simulated time: each lasts until the clock, which this moves, has come to its end.
final class SimulatedWork: Sendable {
    /// A run as it went.
    struct Entry: Hashable, Sendable {
        let job: String
        let action: Job.ActionName
        let due: Timestamp
        let began: Timestamp
        var ended: Timestamp?
        /// It came to its own end.
        var isDone = false
    }

    private struct State {
        var entries: [Entry] = []
        /// Runs that wait for their end, by their place in `entries`.
        var parked: [Int: (end: Timestamp, done: CheckedContinuation<Bool, Never>)] = [:]
        /// Told to stop before they were parked.
        var stopped: Set<Int> = []
    }

    let clock: SimulatedClock
    private let seconds: @Sendable (Job, Timestamp) -> Int64
    private let state = Mutex(State())

    init(_ clock: SimulatedClock, lasting seconds: @escaping @Sendable (Job, Timestamp) -> Int64) {
        self.clock = clock
        self.seconds = seconds
    }

    var entries: [Entry] { state.withLock { $0.entries } }

    func execute(_ job: Job, _ due: Timestamp) async -> JobOutcome {
        let began = clock.now()
        let end = began.adding(seconds: seconds(job, due))
        let index = state.withLock { state in
            state.entries.append(
                Entry(job: job.name, action: job.action.name, due: due, began: began)
            )
            return state.entries.count - 1
        }
        let isDone = await withTaskCancellationHandler {
            await withCheckedContinuation { done in
                let isStopped = state.withLock { state in
                    guard !state.stopped.contains(index) else { return true }
                    state.parked[index] = (end, done)
                    return false
                }
                if isStopped { done.resume(returning: false) }
            }
        } onCancel: {
            stop(index)
        }
        state.withLock { state in
            state.entries[index].ended = clock.now()
            state.entries[index].isDone = isDone
        }
        return isDone ? JobOutcome(.succeeded) : JobOutcome(.stopped, "stopped half-way")
    }

    private func stop(_ index: Int) {
        let parked = state.withLock { state in
            state.stopped.insert(index)
            return state.parked.removeValue(forKey: index)
        }
        parked?.done.resume(returning: false)
    }

    /// Moves the clock by up to `seconds`, to the first end of a run if one comes before; then waits until
    /// whatever that ends has ended.
    func pass(_ seconds: Int64, of scheduler: Scheduler, until limit: Timestamp) async throws {
        await settle(scheduler)
        let ends = state.withLock { $0.parked.values.map(\.end) }
        let target = clock.now().adding(seconds: seconds)
        clock.advance(to: min(ends.min() ?? target, target, limit))
        let now = clock.now()
        let over = state.withLock { state in
            let over = state.parked.filter { $0.value.end <= now }
            for index in over.keys { state.parked[index] = nil }
            return over.values.map(\.done)
        }
        for done in over { done.resume(returning: true) }
        await settle(scheduler)
        if now >= limit { throw CancellationError() }
    }

    /// Waits until every run of the scheduler is parked here.
    private func settle(_ scheduler: Scheduler) async {
        // Who was told to stop ends by itself, and is parked until then.
        while true {
            let isStopping = await !scheduler.stoppingJobs().isEmpty
            let count = await scheduler.runningJobs().count
            if !isStopping, count == state.withLock({ $0.parked.count }) { return }
            await Task.yield()
        }
    }
}
