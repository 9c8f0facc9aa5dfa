import NFSWire
import Synchronization
package import VarveModel

/// Guards the server's state, and says what time it is, to the listener of one realm.
///
/// A mutex rather than an actor: each request asks it two or three times for some hundred nanoseconds, and a hop to an actor
/// costs 6 to 10 µs. Nothing is awaited under it.
package final class StateStore: Sendable {
    /// What the listeners of all realms share.
    private final class Shared: Sendable {
        let state: Mutex<ServerState>
        let clock: any VarveClock
        let writer: RecordWriter

        init(_ state: ServerState, clock: any VarveClock, writer: RecordWriter) {
            self.state = Mutex(state)
            self.clock = clock
            self.writer = writer
        }
    }

    private let shared: Shared
    private let realm: Realm
    private let start: UInt32

    /// The gateway's.
    package init(
        _ state: ServerState,
        clock: any VarveClock,
        records: any ClientRecords = NoClientRecords(),
        log: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        shared = Shared(state, clock: clock, writer: RecordWriter(records, log: log))
        realm = .gateway
        start = state.start
    }

    private init(_ shared: Shared, _ realm: Realm) {
        self.shared = shared
        self.realm = realm
        start = shared.state.withLock { state in
            state.start(of: realm) { UInt32.random(in: 1..<UInt32.max) }
        }
    }

    /// The same state, for the clients of another realm.
    package func entering(_ realm: Realm) -> StateStore {
        StateStore(shared, realm)
    }

    package func now() -> Timestamp { shared.clock.now() }

    /// Looks, or changes what holds no file.
    func read<Value: Sendable>(_ body: (inout ServerState) -> Value) -> Value {
        shared.state.withLock { state in
            state.enter(realm, start: start)
            return body(&state)
        }
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
    /// - Parameters:
    ///   - time: As it is now, where that was asked for already.
    ///   - body: Changes the state.
    /// - Returns: What `body` answers, and whether ``writeRecords()`` must end before anybody hears of it.
    func changeNow<Value: Sendable>(
        at time: Timestamp? = nil,
        _ body: (inout ServerState, Timestamp) -> Value
    ) -> (value: Value, owesRecords: Bool) {
        let now = time ?? shared.clock.now()
        let (value, released, owesRecords) = read { state in
            state.endGraceIfOver(at: now)
            let value = body(&state, now)
            return (value, state.takeReleased(), state.owesRecords)
        }
        for file in released { file.close() }
        return (value, owesRecords)
    }

    /// Forgets all clients of the realm; durable when it returns.
    package func forgetRealm() async {
        let realm = realm
        await change { state, _ in state.remove(realm) }
    }

    /// Returns when all that must be known after a restart is written down.
    func writeRecords() async {
        let shared = shared
        await shared.writer.drain {
            shared.state.withLock { $0.takeNotes() }
        } failed: { name in
            shared.state.withLock { $0.isNotRemembered(name) }
        }
    }
}
