import Dispatch
import Foundation
import Synchronization

/// A few threads that read: each owns a ``ReadContext``, and jobs come in order of arrival.
///
/// SQL and file reads block, so they stay off the cooperative pool.
final class WorkerPool: Sendable {
    typealias Job = @Sendable (ReadContext) -> Void

    private struct State {
        var jobs: JobLanes
        /// Threads without a job; the last to become so is called first, for its caches are warm.
        var idle: [Int] = []
        var isStopping = false
    }

    private let state: Mutex<State>
    /// One a thread: it is rung when a job has come, or the end.
    private let bells: [DispatchSemaphore]
    private let ended = DispatchGroup()
    private let gate: AdmissionGate
    /// How long an idle thread keeps its transaction.
    private let lingering: DispatchTimeInterval

    /// - Parameters:
    ///   - contexts: One a thread.
    ///   - longMax: Long jobs that run at one time.
    ///   - lingerMilliseconds: How long an idle thread keeps its transaction.
    ///   - queueMax: Jobs waited for, at most.
    init(
        contexts: sending [ReadContext],
        longMax: Int,
        lingerMilliseconds: Int,
        queueMax: Int
    ) {
        state = Mutex(State(jobs: JobLanes(longMax: longMax)))
        lingering = .milliseconds(lingerMilliseconds)
        gate = AdmissionGate(limit: queueMax)
        bells = contexts.map { _ in DispatchSemaphore(value: 0) }
        for (number, context) in contexts.enumerated() {
            // SAFETY: the context is handed to its thread and touched there alone.
            nonisolated(unsafe) var context: ReadContext? = context
            ended.enter()
            let thread = Thread { [self] in
                if let own = context { work(number, own) }
                // Its connection is closed before anybody hears of the end.
                context = nil
                ended.leave()
            }
            thread.name = "varve-read"
            thread.start()
        }
    }

    /// Runs `body` on one of the threads; a long one may wait for others of its kind.
    ///
    /// - Parameters:
    ///   - isLong: Whether it may take long.
    ///   - shows: Whether its answer may show what commits changed: it then waits until they are durable.
    ///   - body: Reads.
    /// - Returns: What `body` answers.
    /// - Throws: What it throws, and `.failed` when the pool has stopped, or what it shows will never be durable.
    func run<Value: Sendable>(
        isLong: Bool = false,
        shows: Bool = true,
        _ body: @escaping @Sendable (ReadContext) throws -> Value
    ) async throws(FileSystemError) -> Value {
        await gate.enter()
        let result: Result<Value, FileSystemError> = await withUnsafeContinuation { continuation in
            let isQueued = push(isLong: isLong) { context in
                let result = FileSystemError.result { try body(context) }
                guard shows else { return continuation.resume(returning: result) }
                context.whenDurable { isDurable in
                    continuation.resume(returning: isDurable ? result : .failure(.unsynced))
                }
            }
            if !isQueued { continuation.resume(returning: .failure(.closed)) }
        }
        gate.leave()
        return try result.get()
    }

    /// Queues a job that tells nobody of its end; false when the pool has stopped.
    func push(isLong: Bool, _ job: @escaping Job) -> Bool {
        let (isQueued, called) = state.withLock { state -> (Bool, Int?) in
            guard !state.isStopping else { return (false, nil) }
            state.jobs.append(job, isLong: isLong)
            return (true, state.jobs.canStart ? state.idle.popLast() : nil)
        }
        if let called { bells[called].signal() }
        return isQueued
    }

    /// Lets queued jobs end, then the threads; returns when the last one has.
    func stop() {
        let idle = state.withLock { state in
            state.isStopping = true
            defer { state.idle = [] }
            return state.idle
        }
        for number in idle { bells[number].signal() }
        ended.wait()
    }

    private func work(_ number: Int, _ context: ReadContext) {
        var wasLong = false
        while let job = next(number, context, afterLong: wasLong) {
            job.body(context)
            wasLong = job.isLong
        }
        context.rest()
    }

    /// The next job, waited for; `nil` at the end.
    private func next(_ number: Int, _ context: ReadContext, afterLong: Bool) -> JobLanes.Entry? {
        var afterLong = afterLong
        while true {
            let (job, isEnd, called) = state.withLock { state -> (JobLanes.Entry?, Bool, Int?) in
                if afterLong { state.jobs.endLong() }
                guard let job = state.jobs.start() else {
                    // At the end a long job may still wait for others: whoever ends one takes it.
                    if !state.isStopping { state.idle.append(number) }
                    return (nil, state.isStopping, nil)
                }
                return (job, false, state.jobs.canStart ? state.idle.popLast() : nil)
            }
            afterLong = false
            if let called { bells[called].signal() }
            if job != nil || isEnd { return job }
            if context.isReading,
                bells[number].wait(timeout: .now() + lingering) == .success
            {
                continue
            }
            // An idle reader pins no part of the log.
            context.rest()
            bells[number].wait()
        }
    }
}
