import FileSystemEngine
import NFSWire
package import VarveModel

/// What every request of a listener shares.
///
/// A class, so that whoever holds it for a request holds one reference.
package final class ServerParts: Sendable {
    let exports: Exports
    let store: StateStore
    let limits: ServerLimits
    /// Who the server is to clients, for ever: of the state directory, and of a mount target its own (RFC 8881 §2.10.4).
    let identity: [UInt8]
    let started: Timestamp
    /// What requests under way hold.
    let memory: RequestMemory
    /// Replies of 4.0 that clients may ask for once more.
    let replies: ReplyCache
    /// Whose OPEN of 4.0 runs.
    let openTurns = OwnerTurns()
    /// The time that `@…` in `.snapshot` means; `nil` for none.
    let time: @Sendable (String) -> Timestamp?
    /// Told, in one line each, of what an operator should know.
    let log: @Sendable (String) -> Void

    /// The gateway of a server that has heard of no client since its start.
    ///
    /// - Parameters:
    ///   - exports: What it offers.
    ///   - identity: Names it for ever.
    ///   - clock: Leases are measured by it.
    ///   - limits: What it bounds.
    ///   - records: Remembers clients over restarts.
    ///   - remembered: Clients that were remembered at the start.
    ///   - time: Reads the times of `.snapshot/@…`, as the other front-ends do.
    ///   - log: Told of what an operator should know.
    package init(
        exports: Exports,
        identity: [UInt8],
        clock: any VarveClock,
        limits: ServerLimits = ServerLimits(),
        records: any ClientRecords = NoClientRecords(),
        remembered: Set<ClientName> = [],
        time: @escaping @Sendable (String) -> Timestamp? = { _ in nil },
        log: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.exports = exports
        self.identity = identity
        self.limits = limits
        self.time = time
        self.log = log
        started = clock.now()
        memory = RequestMemory(bytesMax: limits.requestBytesOfAllMax)
        replies = ReplyCache(limits)
        // Random: a clock that stands still, or two starts in one second, must not make old state ids valid.
        let start = UInt32.random(in: 1..<UInt32.max)
        let state = ServerState(
            start: start,
            limits: limits,
            remembered: remembered,
            at: started
        )
        store = StateStore(state, clock: clock, records: records, log: log)
    }

    /// Of a listener beside it: a realm of its own, with the same opens and locks.
    ///
    /// - Parameters:
    ///   - realm: Whose clients come there.
    ///   - base: Another listener of the server.
    ///   - exports: What it offers.
    package init(_ realm: Realm, beside base: ServerParts, exports: Exports) {
        self.exports = exports
        // Neither of the two names may be another's: a client takes two servers that share both for one.
        identity = base.identity + Array("/\(realm.name)".utf8)
        store = base.store.entering(realm)
        limits = base.limits
        memory = base.memory
        time = base.time
        log = base.log
        started = base.started
        // Of its own: one client may come to two addresses from one port.
        replies = ReplyCache(base.limits)
    }

    /// Logs what only an operator can mend; the client learns a status.
    func note(_ error: FileSystemError) {
        switch error.code {
        case .corrupt, .failed: log(error.description)
        default: break
        }
    }
}
