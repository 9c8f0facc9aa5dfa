import FileSystemEngine
import NFSWire
package import VarveModel

/// What every request of a server shares.
package struct ServerParts: Sendable {
    let exports: Exports
    let store: StateStore
    let limits: ServerLimits
    /// Who the server is to clients, for ever: of the state directory (RFC 8881 §2.10.4).
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

    /// A server that has heard of no client since its start.
    ///
    /// - Parameters:
    ///   - exports: What it offers.
    ///   - identity: Names it for ever.
    ///   - clock: Leases are measured by it.
    ///   - limits: What it bounds.
    ///   - records: Remembers clients over restarts.
    ///   - remembered: Owners that were remembered at the start.
    ///   - time: Reads the times of `.snapshot/@…`, as the other front-ends do.
    ///   - log: Told of what an operator should know.
    package init(
        exports: Exports,
        identity: [UInt8],
        clock: any VarveClock,
        limits: ServerLimits = ServerLimits(),
        records: any ClientRecords = NoClientRecords(),
        remembered: Set<[UInt8]> = [],
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

    /// Logs what only an operator can mend; the client learns a status.
    func note(_ error: FileSystemError) {
        switch error.code {
        case .corrupt, .failed: log(error.description)
        default: break
        }
    }
}
