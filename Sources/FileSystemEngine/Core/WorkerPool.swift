import Dispatch
import Foundation
import Synchronization

/// A few threads that read: each owns a ``ReadContext``, and jobs come in order of arrival.
///
/// SQL and file reads block, so they stay off the cooperative pool.
final class WorkerPool: Sendable {
    typealias Job = @Sendable (ReadContext) -> Void

    private struct State {
        var jobs = JobQueue()
        /// Threads without a job; the last to become so is called first, for its caches are warm.
        var idle: [Int] = []
        var isStopping = false
    }

    private let state = Mutex(State())
    /// One a thread: it is rung when a job has come, or the end.
    private let bells: [DispatchSemaphore]
    private let ended = DispatchGroup()
    private let gate: AdmissionGate
    /// How long an idle thread keeps its transaction.
    private let lingering: DispatchTimeInterval

    init(contexts: sending [ReadContext], lingerMilliseconds: Int, queueMax: Int) {
        lingering = .milliseconds(lingerMilliseconds)
        gate = AdmissionGate(limit: queueMax)
        bells = contexts.map { _ in DispatchSemaphore(value: 0) }
        for (number, context) in contexts.enumerated() {
            // SAFETY: the context is handed to its thread and touched there alone.
            nonisolated(unsafe) let context = context
            ended.enter()
            let thread = Thread { [self] in work(number, context) }
            thread.name = "varve-read"
            thread.start()
        }
    }

    /// Runs `body` on one of the threads.
    func run<Value: Sendable>(
        _ body: @escaping @Sendable (ReadContext) throws -> Value
    ) async throws(FileSystemError) -> Value {
        await gate.enter()
        let result: Result<Value, FileSystemError> = await withUnsafeContinuation { continuation in
            let isQueued = push { context in
                continuation.resume(returning: FileSystemError.result { try body(context) })
            }
            if !isQueued { continuation.resume(returning: .failure(.closed)) }
        }
        gate.leave()
        return try result.get()
    }

    /// Queues what nobody waits for; dropped when the pool has stopped.
    func enqueue(_ job: @escaping Job) {
        _ = push(job)
    }

    private func push(_ job: @escaping Job) -> Bool {
        let (isQueued, called) = state.withLock { state -> (Bool, Int?) in
            guard !state.isStopping else { return (false, nil) }
            state.jobs.append(job)
            return (true, state.idle.popLast())
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
        while let job = next(number, context) { job(context) }
        context.rest()
        ended.leave()
    }

    /// The next job, waited for; `nil` at the end.
    private func next(_ number: Int, _ context: ReadContext) -> Job? {
        while true {
            let (job, isEnd) = state.withLock { state -> (Job?, Bool) in
                if let job = state.jobs.popFirst() { return (job, false) }
                if !state.isStopping { state.idle.append(number) }
                return (nil, state.isStopping)
            }
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

/// Jobs in order of arrival; what is taken is let go of at once, with the bytes that it holds.
private struct JobQueue {
    private var jobs: [WorkerPool.Job?] = []
    private var first = 0

    mutating func append(_ job: @escaping WorkerPool.Job) {
        jobs.append(job)
    }

    mutating func popFirst() -> WorkerPool.Job? {
        guard first < jobs.count else { return nil }
        let job = jobs[first].take()
        first += 1
        if first == jobs.count {
            jobs.removeAll(keepingCapacity: true)
            first = 0
        } else if first >= 1_024 {
            jobs.removeFirst(first)
            first = 0
        }
        return job
    }
}
