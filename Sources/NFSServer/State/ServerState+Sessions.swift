package import NFSWire
package import VarveModel

/// Sessions are made, used and destroyed (RFC 8881 §18.36, §18.37, §18.46).
extension ServerState {
    /// CREATE_SESSION with its own reply cache (RFC 8881 §18.36.4).
    ///
    /// The phases are the RFC's: find the client, look at the sequence, confirm the client, make the session.
    package mutating func createSession(
        _ arguments: CreateSessionArguments,
        by principal: Principal,
        at now: Timestamp
    ) -> Result<CreateSessionReply, NFSStatus> {
        guard let record = client(arguments.client), record.v40 == nil else {
            return .failure(.staleClientID)
        }
        if arguments.sequence == record.createSequence { return record.createOutcome }
        guard arguments.sequence == record.createSequence &+ 1 else {
            return .failure(.sequenceMisordered)
        }
        // Another principal's try must not spend the sequence number of the client's own.
        guard record.isConfirmed || record.principal == principal else {
            return .failure(.clientIDInUse)
        }
        let outcome = makeSession(arguments, at: now)
        if case .failure(let status) = outcome, status == .delay { return outcome }
        clients[arguments.client]?.createSequence = arguments.sequence
        clients[arguments.client]?.createOutcome = outcome
        record.lease.renew(at: now)
        return outcome
    }

    private mutating func makeSession(
        _ arguments: CreateSessionArguments,
        at now: Timestamp
    ) -> Result<CreateSessionReply, NFSStatus> {
        let known: CreateSessionFlags = [.persist, .connectionBackChannel, .connectionRDMA]
        guard arguments.flags.isSubset(of: known) else { return .failure(.invalid) }
        guard let wanted = arguments.foreChannel.granted(by: limits),
            let back = arguments.backChannel.granted(by: limits)
        else { return .failure(.tooSmall) }
        guard let record = clients[arguments.client],
            record.sessions.count < limits.sessionsPerClientMax,
            let fore = withRoom(for: wanted, at: now)
        else { return .failure(.delay) }
        if !record.isConfirmed { confirm(record) }
        let session = Session(
            id: newSessionID(of: record.id),
            client: record.id,
            lease: record.lease,
            foreChannel: fore,
            backChannel: back,
            callbackProgram: arguments.callbackProgram,
            isPersistent: arguments.flags.contains(.persist)
        )
        sessions[session.id] = session
        sessionBytes += fore.keptBytesMax
        clients[record.id]?.sessions.insert(session.id)
        return .success(
            CreateSessionReply(
                session: session.id,
                sequence: arguments.sequence,
                // There is no RDMA.
                flags: arguments.flags.subtracting(.connectionRDMA),
                foreChannel: fore,
                backChannel: back
            )
        )
    }

    /// A channel with as many slots as there is room for; `nil` where there is none.
    ///
    /// Before anybody gets less, the sessions of clients go whose lease is over, of those silent for longest first: such a client makes
    /// itself a new one, and has all else that it held.
    private mutating func withRoom(
        for wanted: ChannelAttributes,
        at now: Timestamp
    ) -> ChannelAttributes? {
        if let granted = wanted.within(sessionBytesLeft), granted == wanted { return granted }
        let silent = clients.values
            .filter { !$0.sessions.isEmpty && $0.isExpired(at: now, limits) }
            .sorted { $0.renewed < $1.renewed }
        for record in silent {
            for id in record.sessions { _ = destroySession(id, running: 0) }
            if let granted = wanted.within(sessionBytesLeft), granted == wanted { return granted }
        }
        return wanted.within(sessionBytesLeft)
    }

    private var sessionBytesLeft: Int { limits.sessionBytesOfAllMax - sessionBytes }

    /// Forgets a session with its client, whatever runs.
    mutating func dropSession(_ id: SessionID) {
        guard let session = sessions.removeValue(forKey: id) else { return }
        sessionBytes -= session.foreChannel.keptBytesMax
        session.destroy()
    }

    /// The first session, or SETCLIENTID_CONFIRM, confirms a client; an incarnation before it is gone with all that it held.
    mutating func confirm(_ record: ClientRecord) {
        if let old = confirmed[record.name], old != record.id { remove(client: old) }
        unconfirmed[record.name] = nil
        confirmed[record.name] = record.id
        clients[record.id]?.isConfirmed = true
    }

    /// DESTROY_SESSION (RFC 8881 §18.37).
    ///
    /// - Parameters:
    ///   - id: The session.
    ///   - running: Requests of it that may still run: the one that destroys it.
    /// - Returns: `.badSession`, or `.delay` while others run.
    package mutating func destroy(session id: SessionID, running: Int) -> NFSStatus {
        guard isOfThisRealm(id) else { return .badSession }
        return destroySession(id, running: running)
    }

    private mutating func destroySession(_ id: SessionID, running: Int) -> NFSStatus {
        guard let session = sessions[id] else { return .badSession }
        guard session.destroy(running: running) else { return .delay }
        sessions[id] = nil
        sessionBytes -= session.foreChannel.keptBytesMax
        clients[session.client]?.sessions.remove(id)
        return .ok
    }

    /// A session of this realm.
    func session(_ id: SessionID) -> Session? { isOfThisRealm(id) ? sessions[id] : nil }
}

/// The session that a COMPOUND runs in.
package struct SessionContext: Sendable, Equatable {
    package let session: SessionID
    package let client: ClientID
    let slot: UInt32
    let sequence: UInt32
    /// Its changes are kept over a restart.
    let isPersistent: Bool
    let replyBytesMax: Int
    /// Bytes at most when the reply is kept for a retry; `nil` when it is not.
    let cachedReplyBytesMax: Int?
    /// Where the slot is; `nil` for a session of before the restart, which has none.
    fileprivate let home: Session?
}

extension SessionContext {
    /// Of a request that runs in a session.
    init(_ session: Session, _ arguments: SequenceArguments) {
        self.init(
            session: session.id,
            client: session.client,
            slot: arguments.slot,
            sequence: arguments.sequence,
            isPersistent: session.isPersistent,
            replyBytesMax: session.replyBytesMax,
            cachedReplyBytesMax: arguments.cacheReply
                ? Int(session.foreChannel.cachedReplyBytesMax) : nil,
            home: session
        )
    }

    /// Of a session that was made before the server restarted.
    init(ofEarlier arguments: SequenceArguments, _ receipt: RequestReceipt) {
        self.init(
            session: arguments.session,
            client: ClientID(rawValue: arguments.session.high),
            slot: arguments.slot,
            sequence: arguments.sequence,
            isPersistent: false,
            replyBytesMax: Int(receipt.replyBytesMax),
            cachedReplyBytesMax: nil,
            home: nil
        )
    }

    /// Ends the request; the slot keeps the reply where that was asked.
    func finish(_ reply: ByteChain) {
        guard let cachedReplyBytesMax else {
            home?.finish(slot: slot, reply: nil)
            return
        }
        // A few bytes that were read may lie in a piece of a mebibyte: what is kept holds what it was counted with.
        let storageMax = ChannelAttributes.replyStorageMax(cachedReplyBytesMax)
        home?.finish(slot: slot, reply: reply.kept(withinStorage: storageMax))
    }

    /// BACKCHANNEL_CTL (RFC 8881 §18.33).
    func setCallback(program: UInt32) {
        home?.callbackProgram = program
    }
}
