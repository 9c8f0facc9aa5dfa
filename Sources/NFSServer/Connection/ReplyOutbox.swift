import NIOCore
import NFSWire
import Synchronization

/// Replies on their way to a connection, from whatever thread they are made on.
///
/// Those that come while the event loop is busy leave together, in one flush: one hop a batch, not one a reply.
final class ReplyOutbox: Sendable {
    private struct State {
        var replies: [ByteChain] = []
        /// What the requests that they answer were counted with.
        var bytes = 0
        var isDrainDue = false
    }

    private let state = Mutex(State())
    private let eventLoop: any EventLoop
    private let connection: NIOLoopBound<NFSConnection>

    init(_ connection: NFSConnection, on eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
        self.connection = NIOLoopBound(connection, eventLoop: eventLoop)
    }

    /// Sends the reply to a request that was counted with so many bytes.
    func send(_ reply: ByteChain, releasing bytes: Int) {
        let isFirst = state.withLock { state in
            state.replies.append(reply)
            state.bytes += bytes
            defer { state.isDrainDue = true }
            return !state.isDrainDue
        }
        guard isFirst else { return }
        eventLoop.execute { [self] in connection.value.drain(self) }
    }

    /// Takes what has gathered.
    func take() -> (replies: [ByteChain], bytes: Int) {
        state.withLock { state in
            defer { state = State() }
            return (state.replies, state.bytes)
        }
    }
}
