import NFSWire
package import VarveModel

/// All that the server remembers of clients: sessions, opens, locks (RFC 8881 §8, §9).
///
/// A value that decides; it awaits nothing and has no clock: who calls says what time it is. `StateStore` guards it, but for what is
/// a session's own (`Session`).
///
/// What belongs to clients is kept by realm: an id that one realm gave is not found in another. What belongs to files is not, so that
/// opens and locks of one file meet whatever way their clients came.
package struct ServerState: Sendable {
    package let limits: ServerLimits
    /// Whose clients ask: `StateStore` says so before each question.
    private(set) var realm = Realm.gateway
    /// Distinguishes this start of the realm's server in client ids, session ids and state ids; no two realms have the same.
    private(set) var start: UInt32
    private var starts: [Realm: UInt32]
    var clients: [ClientID: ClientRecord] = [:]
    /// The record of a client that a CREATE_SESSION confirmed.
    var confirmed: [ClientName: ClientID] = [:]
    /// The record of a client that none has confirmed yet.
    var unconfirmed: [ClientName: ClientID] = [:]
    var sessions: [SessionID: Session] = [:]
    /// What all sessions may keep at most.
    var sessionBytes = 0
    var opens: [StateKey: OpenState] = [:]
    /// Of all clients (``ClientRecord/opensReserved``).
    var opensReserved = 0
    var openIndex: [OpenIndex: StateKey] = [:]
    var locks: [StateKey: LockState] = [:]
    var lockIndex: [OpenIndex: StateKey] = [:]
    var files: [FileKey: FileState] = [:]
    /// Ranges that all clients have locked.
    var rangeCount = 0
    package var grace: GracePeriod
    /// Files that were let go of; the caller closes them once it has left the lock.
    var released: [HeldFile] = []
    /// Clients that are remembered over restarts.
    private var recorded: Set<ClientName>
    /// Clients that could not be written down; mostly none.
    private var unwritten: Set<ClientName> = []
    /// Changes of the records; the caller writes them down before it answers.
    private var notes: [RecordNote] = []
    /// Whether changes that were taken are being written down.
    private var isWritingNotes = false
    private var clientCount: UInt32 = 0
    private var stateCount: UInt32 = 0
    private var confirmationCount: UInt32 = 0

    /// A server that knows nobody.
    ///
    /// - Parameters:
    ///   - start: The gateway's; differs from that of every earlier start; not 0, nor all ones.
    ///   - limits: What it bounds.
    ///   - remembered: Clients that held state when the server stopped: they may reclaim.
    ///   - now: When the grace period begins.
    package init(
        start: UInt32,
        limits: ServerLimits = ServerLimits(),
        remembered: Set<ClientName> = [],
        at now: Timestamp = .epoch
    ) {
        precondition(Self.isUsable(start), "state ids of all zeros or ones are special")
        self.start = start
        starts = [.gateway: start]
        self.limits = limits
        recorded = remembered
        grace = GracePeriod(
            reclaimers: remembered,
            until: now.adding(seconds: limits.graceSeconds)
        )
    }

    // MARK: Realms

    private static func isUsable(_ start: UInt32) -> Bool { start != 0 && start != .max }

    /// Makes a realm the one whose clients ask.
    mutating func enter(_ realm: Realm, start: UInt32) {
        // Most often it asked last, too, and names are dearer to copy than numbers.
        guard start != self.start else { return }
        self.realm = realm
        self.start = start
    }

    /// The start of a realm: the one that it has already, or the next proposal that no other has.
    mutating func start(of realm: Realm, proposing next: () -> UInt32) -> UInt32 {
        if let start = starts[realm] { return start }
        while true {
            let proposed = next()
            guard Self.isUsable(proposed), !starts.values.contains(proposed) else { continue }
            starts[realm] = proposed
            return proposed
        }
    }

    /// Forgets a realm with all its clients, those included that are remembered and have not come.
    mutating func remove(_ realm: Realm) {
        for (id, record) in clients where record.name.realm == realm { remove(client: id) }
        for name in recorded where name.realm == realm {
            grace.complete(name)
            forget(name)
        }
        starts[realm] = nil
    }

    /// Numbers go round after 2^32 clients; one that is in use is passed over.
    mutating func newClientID() -> ClientID {
        while true {
            clientCount &+= 1
            let id = ClientID(rawValue: UInt64(start) << 32 | UInt64(clientCount))
            if clients[id] == nil { return id }
        }
    }

    /// Random, so that a client which knows its own cannot tell those of others, and destroy them: nothing else guards them (SP4_NONE).
    func newSessionID(of client: ClientID) -> SessionID {
        while true {
            let id = SessionID(high: client.rawValue, low: .random(in: 1...UInt64.max))
            if sessions[id] == nil { return id }
        }
    }

    /// Whether a client id is of this start of this realm, given or not.
    func isOfThisStart(_ id: ClientID) -> Bool { id.rawValue >> 32 == UInt64(start) }

    /// Whether a client id is of this start of another realm, where it may be good.
    func isOfAnotherRealm(_ id: ClientID) -> Bool {
        !isOfThisStart(id) && starts.values.contains { id.rawValue >> 32 == UInt64($0) }
    }

    /// A client of this realm.
    func client(_ id: ClientID) -> ClientRecord? {
        isOfThisStart(id) ? clients[id] : nil
    }

    /// Whether a session is of this realm: its number begins with its client's.
    func isOfThisRealm(_ id: SessionID) -> Bool { isOfThisStart(ClientID(rawValue: id.high)) }

    /// Whether a session id is of this start, of whichever realm, given or not.
    func isOfThisStart(_ id: SessionID) -> Bool {
        starts.values.contains { id.high >> 32 == UInt64($0) }
    }

    /// Whether a client id was given in this start, to a client that may be gone.
    func wasGiven(_ id: ClientID) -> Bool {
        let number = UInt32(truncatingIfNeeded: id.rawValue)
        return isOfThisStart(id) && number > 0 && number <= clientCount
    }

    /// Numbers go round after 2^32 states; one that is in use is passed over.
    mutating func newStateKey(of client: ClientID) -> StateKey {
        while true {
            stateCount &+= 1
            let key = StateKey(client: client, number: stateCount)
            if opens[key] == nil, locks[key] == nil { return key }
        }
    }

    /// What the next SETCLIENTID's client has to give back (RFC 7530 §16.33): of no other start, and never twice in this one.
    mutating func newConfirmation() -> Verifier {
        confirmationCount &+= 1
        return Verifier(rawValue: UInt64(start) << 32 | UInt64(confirmationCount))
    }

    /// Takes what was let go of.
    mutating func takeReleased() -> [HeldFile] {
        guard !released.isEmpty else { return [] }
        defer { released = [] }
        return released
    }

    /// Takes the changes of the records; whoever comes back has written down those that it took before.
    mutating func takeNotes() -> [RecordNote] {
        isWritingNotes = !notes.isEmpty
        defer { notes = [] }
        return notes
    }

    /// Whether the records on disk are not yet those of this state.
    ///
    /// Nobody hears of the state until they are: a client's second open is worth no more after a restart than the first one's record.
    var owesRecords: Bool { isWritingNotes || !notes.isEmpty }

    /// Remembers a client from its first open on.
    mutating func remember(_ name: ClientName) {
        guard recorded.insert(name).inserted else { return }
        if !unwritten.isEmpty { unwritten.remove(name) }
        notes.append(.remember(name))
    }

    /// Notes that a client could not be written down: its next open tries again.
    mutating func isNotRemembered(_ name: ClientName) {
        recorded.remove(name)
        unwritten.insert(name)
    }

    /// Whether a client is remembered, or is about to be.
    func isRemembered(_ id: ClientID) -> Bool {
        clients[id].map { recorded.contains($0.name) } ?? false
    }

    /// Whether a client would be known after a restart: mostly it has an open, before which it was written down.
    mutating func isWrittenDown(_ id: ClientID) -> Bool {
        guard !owesRecords else { return false }
        let mustLook = !unwritten.isEmpty
        let looked = clients.lend(id) { $0.opens.isEmpty || mustLook ? $0.name : nil }
        guard let looked else { return false }
        return looked.map { recorded.contains($0) } ?? true
    }

    /// Forgets a client that holds nothing any more.
    mutating func forget(_ name: ClientName) {
        if !unwritten.isEmpty { unwritten.remove(name) }
        if recorded.remove(name) != nil { notes.append(.forget(name)) }
    }

    /// Ends the grace period when its time is over: who has not come has lost what it had.
    mutating func endGraceIfOver(at now: Timestamp) {
        for name in grace.endIfOver(at: now) {
            let isBack = confirmed[name].flatMap { clients[$0] }?.hasState ?? false
            if !isBack { forget(name) }
        }
    }

    // MARK: Clients go

    /// Forgets a client with its sessions, opens and locks.
    mutating func remove(client id: ClientID) {
        guard let record = clients.removeValue(forKey: id) else { return }
        for session in record.sessions { dropSession(session) }
        for lock in record.locks { dropLockState(lock) }
        for open in record.opens { dropOpen(open) }
        if confirmed[record.name] == id {
            confirmed[record.name] = nil
            // Nobody is left to reclaim under it: one that restarted has lost what it had, and others need not wait for it.
            grace.complete(record.name)
            forget(record.name)
        }
        if unconfirmed[record.name] == id { unconfirmed[record.name] = nil }
    }

    /// Forgets clients that were silent for longer than courtesy lasts, and those that never confirmed.
    ///
    /// A client of 4.0 says no farewell: one that holds nothing is forgotten with its lease. One of sessions stays so long, but it is struck
    /// off: whoever was refused its first open, or has closed its last, has nothing that others should wait for after a restart.
    package mutating func sweep(at now: Timestamp) {
        for (id, record) in clients {
            let isKept = record.isConfirmed && (record.v40 == nil || record.hasState)
            let patience = isKept ? limits.courtesySeconds : 0
            let end = record.renewed.adding(seconds: limits.leaseSeconds + patience)
            if end < now {
                remove(client: id)
            } else if isKept, isDone(record, at: now) {
                forget(record.name)
            }
        }
        sweepOpenOwners(at: now)
        endGraceIfOver(at: now)
    }

    /// Whether a client's lease is over, and it holds nothing, is opening nothing and has nothing to take back.
    private func isDone(_ record: ClientRecord, at now: Timestamp) -> Bool {
        guard !record.hasState, record.isExpired(at: now, limits), !grace.isActive(at: now) else {
            return false
        }
        return record.sessions.allSatisfy { sessions[$0]?.isIdle ?? true }
    }

    /// Forgets opens and locks of file systems that are not offered any more: nobody can close them.
    package mutating func keepOnly(_ offered: Set<FileSystemKey>) {
        for (file, state) in files where !offered.contains(file.fileSystem) {
            for open in state.opens { dropOpen(open) }
        }
    }

    /// Whether there is room for one more open, lock state id or range; courtesy ends where there is none.
    ///
    /// - Parameters:
    ///   - client: Asks, and stays.
    ///   - now: When.
    /// - Returns: Whether there is; if not, `client` is refused what it asks for.
    mutating func hasRoomForState(of client: ClientID, at now: Timestamp) -> Bool {
        guard isFull else { return true }
        let silent = clients.values
            .filter { $0.hasState && $0.id != client && $0.isExpired(at: now, limits) }
            .sorted { $0.renewed < $1.renewed }
        for record in silent {
            remove(client: record.id)
            if !isFull { return true }
        }
        return false
    }

    private var isFull: Bool {
        max(opens.count + opensReserved, locks.count, rangeCount) >= limits.statesOfAllMax
    }

    /// Whether a client's lease has run out: what it holds is then courtesy, and gives way.
    func isExpired(_ client: ClientID, at now: Timestamp) -> Bool {
        clients[client]?.isExpired(at: now, limits) ?? true
    }
}
