import Foundation

/// A few threads that read: each owns a ``ReadContext``, and jobs come in order of arrival.
///
/// SQL and file reads block, so they stay off the cooperative pool.
final class WorkerPool: Sendable {
    typealias Job = @Sendable (ReadContext) -> Void

    private let condition = NSCondition()
    // SAFETY: touched under `condition`'s lock alone.
    private nonisolated(unsafe) var jobs: [Job] = []
    private nonisolated(unsafe) var first = 0
    private nonisolated(unsafe) var isStopping = false
    private nonisolated(unsafe) var running: Int
    private let gate: AdmissionGate

    init(contexts: sending [ReadContext], queueMax: Int) {
        running = contexts.count
        gate = AdmissionGate(limit: queueMax)
        for context in contexts {
            // SAFETY: the context is handed to its thread and touched there alone.
            nonisolated(unsafe) let context = context
            let thread = Thread { [self] in work(context) }
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
        condition.lock()
        defer { condition.unlock() }
        guard !isStopping else { return false }
        jobs.append(job)
        condition.signal()
        return true
    }

    /// Lets queued jobs end, then the threads; returns when the last one has.
    func stop() {
        condition.lock()
        isStopping = true
        condition.broadcast()
        while running > 0 { condition.wait() }
        condition.unlock()
    }

    private func work(_ context: ReadContext) {
        while let job = next(context) { job(context) }
        context.rest()
        condition.lock()
        running -= 1
        condition.broadcast()
        condition.unlock()
    }

    private func next(_ context: ReadContext) -> Job? {
        condition.lock()
        defer { condition.unlock() }
        while first == jobs.count {
            if isStopping { return nil }
            // An idle reader pins no part of the log.
            condition.unlock()
            context.rest()
            condition.lock()
            if first == jobs.count, !isStopping { condition.wait() }
        }
        let job = jobs[first]
        first += 1
        if first == jobs.count || first >= 1_024 {
            jobs.removeFirst(first)
            first = 0
        }
        return job
    }
}
