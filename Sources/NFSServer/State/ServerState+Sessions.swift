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
        guard let fore = arguments.foreChannel.granted(by: limits),
            let back = arguments.backChannel.granted(by: limits)
        else { return .failure(.tooSmall) }
        guard let record = clients[arguments.client],
            record.sessions.count < limits.sessionsPerClientMax
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
        guard let session = session(id) else { return .badSession }
        guard session.destroy(running: running) else { return .delay }
        sessions[id] = nil
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
        home?.finish(slot: slot, reply: cachedReplyBytesMax == nil ? nil : reply)
    }

    /// BACKCHANNEL_CTL (RFC 8881 §18.33).
    func setCallback(program: UInt32) {
        home?.callbackProgram = program
    }
}
