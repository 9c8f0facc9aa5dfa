import NIOCore
import Synchronization

/// Hands the requests of one event loop's connections to the tasks that answer them.
///
/// It holds what is in flight of each connection and no more, and each connection bounds that.
final class RequestQueue: Sendable {
    private typealias Worker = UnsafeContinuation<PendingRequest?, Never>

    private struct State {
        var requests = CircularBuffer<PendingRequest>()
        /// Tasks without a request; the last to become so is called first.
        var idle: [Worker] = []
        var isClosed = false
    }

    private let state = Mutex(State())

    /// Adds a request; after `close` it is dropped, and its client retries elsewhere.
    func push(_ request: PendingRequest) {
        let worker = state.withLock { state -> Worker? in
            guard !state.isClosed else { return nil }
            if let worker = state.idle.popLast() { return worker }
            state.requests.append(request)
            return nil
        }
        worker?.resume(returning: request)
    }

    /// The next request, waited for; `nil` once the queue is closed.
    func next() async -> PendingRequest? {
        await withUnsafeContinuation { continuation in
            let (request, isAnswered) = state.withLock { state -> (PendingRequest?, Bool) in
                if state.isClosed { return (nil, true) }
                if let request = state.requests.popFirst() { return (request, true) }
                state.idle.append(continuation)
                return (nil, false)
            }
            if isAnswered { continuation.resume(returning: request) }
        }
    }

    /// Takes nothing more, and lets the idle tasks end.
    func close() {
        let idle = state.withLock { state in
            state.isClosed = true
            state.requests.removeAll()
            defer { state.idle = [] }
            return state.idle
        }
        for worker in idle { worker.resume(returning: nil) }
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
