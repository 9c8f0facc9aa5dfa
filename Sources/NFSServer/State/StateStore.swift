import NFSWire
import Synchronization
package import VarveModel

/// Guards the server's state, and says what time it is.
///
/// A mutex rather than an actor: each request asks it two or three times for some hundred nanoseconds, and a hop to an actor
/// costs 6 to 10 µs. Nothing is awaited under it.
package final class StateStore: Sendable {
    private let state: Mutex<ServerState>
    private let clock: any VarveClock
    private let writer: RecordWriter

    package init(
        _ state: ServerState,
        clock: any VarveClock,
        records: any ClientRecords = NoClientRecords(),
        log: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.state = Mutex(state)
        self.clock = clock
        writer = RecordWriter(records, log: log)
    }

    package func now() -> Timestamp { clock.now() }

    /// Looks, or changes what holds no file.
    func read<Value: Sendable>(_ body: (inout ServerState) -> Value) -> Value {
        state.withLock { body(&$0) }
    }

    /// Changes; then closes the files that were let go of, and writes down what must be known after a restart.
    func change<Value: Sendable>(
        _ body: (inout ServerState, Timestamp) -> Value
    ) async -> Value {
        let (value, owesRecords) = changeNow(body)
        if owesRecords { await writeRecords() }
        return value
    }

    /// Changes without waiting for anything.
    ///
    /// - Returns: What `body` answers, and whether ``writeRecords()`` must end before anybody hears of it.
    func changeNow<Value: Sendable>(
        _ body: (inout ServerState, Timestamp) -> Value
    ) -> (value: Value, owesRecords: Bool) {
        let now = clock.now()
        let (value, released, hasNotes) = state.withLock { state in
            state.endGraceIfOver(at: now)
            let value = body(&state, now)
            return (value, state.takeReleased(), state.hasNotes)
        }
        for file in released { file.close() }
        return (value, hasNotes)
    }

    /// Returns when all that must be known after a restart is written down.
    func writeRecords() async {
        await writer.drain { [self] in state.withLock { $0.takeNotes() } }
    }
}
