import NIOCore
import Synchronization

/// Hands the requests of one event loop's connections to the tasks that answer them, where the loop itself cannot at once.
///
/// It holds what is in flight of each connection and no more, and each connection bounds that.
final class RequestQueue: Sendable {
    fileprivate typealias Worker = UnsafeContinuation<PendingRequest?, Never>

    fileprivate struct State {
        var requests = CircularBuffer<PendingRequest>()
        /// Tasks without a request; the last to become so is called first.
        var idle: [Worker] = []
        /// Requests that the loop answers at this moment, and may yet hand over.
        var begun = 0
        var isClosed = false

        /// Whether nothing can come any more.
        var isOver: Bool { isClosed && begun == 0 && requests.isEmpty }
    }

    private let state = Mutex(State())

    /// Lets a request be begun, and `end` follow; after `close` none is, and its client retries elsewhere.
    func begin() -> Bool {
        state.withLock { state in
            guard !state.isClosed else { return false }
            state.begun += 1
            return true
        }
    }

    /// Takes what is left of a request that was begun, for a task to end it: also after `close`; `nil` when that is nothing.
    func end(_ request: PendingRequest?) {
        let (worker, ended) = state.withLock { state -> (Worker?, [Worker]) in
            state.begun -= 1
            var worker: Worker?
            if let request {
                worker = state.idle.popLast()
                if worker == nil { state.requests.append(request) }
            }
            return (worker, state.takeIdleIfOver())
        }
        worker?.resume(returning: request)
        for worker in ended { worker.resume(returning: nil) }
    }

    /// The next request, waited for; `nil` once the queue is closed.
    func next() async -> PendingRequest? {
        await withUnsafeContinuation { continuation in
            let (request, isAnswered) = state.withLock { state -> (PendingRequest?, Bool) in
                if let request = state.requests.popFirst() { return (request, true) }
                if state.isOver { return (nil, true) }
                state.idle.append(continuation)
                return (nil, false)
            }
            if isAnswered { continuation.resume(returning: request) }
        }
    }

    /// Lets no more be begun; what was begun ends, then the tasks do.
    func close() {
        let ended = state.withLock { state in
            state.isClosed = true
            return state.takeIdleIfOver()
        }
        for worker in ended { worker.resume(returning: nil) }
    }
}

extension RequestQueue.State {
    /// Tasks that nothing can come for any more.
    fileprivate mutating func takeIdleIfOver() -> [RequestQueue.Worker] {
        guard isOver, !idle.isEmpty else { return [] }
        defer { idle = [] }
        return idle
    }
}

/// A queue for each event loop, with the executor that its tasks run on.
struct RequestQueues: Sendable {
    let lanes: [(executor: LoopExecutor, queue: RequestQueue)]

    init(_ group: any EventLoopGroup) {
        lanes = group.makeIterator().map { (LoopExecutor($0), RequestQueue()) }
    }

    /// The queue of an event loop of the group.
    func queue(of loop: any EventLoop) -> RequestQueue {
        guard let lane = lanes.first(where: { $0.executor.loop === loop }) else {
            preconditionFailure("a connection's loop is one of the group's")
        }
        return lane.queue
    }

    func close() {
        for lane in lanes { lane.queue.close() }
    }
}
