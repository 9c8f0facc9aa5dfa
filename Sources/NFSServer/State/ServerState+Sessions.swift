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
        clients[arguments.client]?.renewed = now
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
            foreChannel: fore,
            backChannel: back,
            callbackProgram: arguments.callbackProgram,
            isPersistent: arguments.flags.contains(.persist),
            slots: SlotTable(count: Int(fore.slotsMax))
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
        guard hasSession(id), let session = sessions[id] else { return .badSession }
        guard session.slots.running <= running else { return .delay }
        sessions[id] = nil
        clients[session.client]?.sessions.remove(id)
        return .ok
    }

    /// Whether a session is there, and of this realm.
    func hasSession(_ id: SessionID) -> Bool { isOfThisRealm(id) && sessions[id] != nil }

    /// What a SEQUENCE came to.
    package enum SequenceOutcome: Sendable, Equatable {
        case run(SequenceReply, SessionContext)
        case replay(ByteChain)
        /// Its reply was not kept: the SEQUENCE is answered, and whatever follows it is NFS4ERR_RETRY_UNCACHED_REP.
        case replayUncached(SequenceReply)
        case refuse(NFSStatus)
    }

    /// SEQUENCE (RFC 8881 §18.46); `.run` must be followed by `finish`.
    ///
    /// - Parameters:
    ///   - arguments: As sent.
    ///   - request: How the request is known again.
    ///   - operationCount: Operations of its COMPOUND.
    ///   - now: Renews the lease.
    /// - Returns: Whether the COMPOUND runs.
    package mutating func sequence(
        _ arguments: SequenceArguments,
        request: RequestFingerprint,
        operationCount: UInt32,
        at now: Timestamp
    ) -> SequenceOutcome {
        // In place: while a copy of the session lived, `begin` would copy all of its slots.
        guard isOfThisRealm(arguments.session),
            let index = sessions.index(forKey: arguments.session)
        else { return .refuse(.badSession) }
        let (client, channel) = (sessions.values[index].client, sessions.values[index].foreChannel)
        guard operationCount <= channel.operationsMax else { return .refuse(.tooManyOperations) }
        guard request.byteCount <= Int(channel.requestBytesMax) else {
            return .refuse(.requestTooBig)
        }
        let highestSlot = UInt32(sessions.values[index].slots.count - 1)
        let reply = SequenceReply(
            session: arguments.session,
            sequence: arguments.sequence,
            slot: arguments.slot,
            highestSlot: highestSlot,
            targetHighestSlot: highestSlot,
            status: []
        )
        let verdict = sessions.values[index].slots.begin(
            slot: arguments.slot,
            sequence: arguments.sequence,
            highestSlot: arguments.highestSlot,
            fingerprint: request
        )
        clients[client]?.renewed = now
        switch verdict {
        case .run:
            let context = SessionContext(
                session: arguments.session,
                client: client,
                slot: arguments.slot,
                sequence: arguments.sequence,
                isPersistent: sessions.values[index].isPersistent,
                replyBytesMax: sessions.values[index].replyBytesMax,
                cachedReplyBytesMax: arguments.cacheReply
                    ? Int(channel.cachedReplyBytesMax) : nil
            )
            return .run(reply, context)
        case .replay(let chain): return .replay(chain)
        case .replayUncached: return .replayUncached(reply)
        case .refuse(let status): return .refuse(status)
        }
    }

    /// Ends a request that ran; the session may be gone by then.
    mutating func finish(_ context: SessionContext, reply: ByteChain?) {
        sessions[context.session]?.slots.finish(slot: context.slot, reply: reply)
    }

    /// BACKCHANNEL_CTL (RFC 8881 §18.33).
    mutating func setCallback(program: UInt32, of session: SessionID) {
        sessions[session]?.callbackProgram = program
    }
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
}

extension SessionContext {
    /// Of a session that was made before the server restarted.
    init(ofEarlier arguments: SequenceArguments, _ receipt: RequestReceipt) {
        self.init(
            session: arguments.session,
            client: ClientID(rawValue: arguments.session.high),
            slot: arguments.slot,
            sequence: arguments.sequence,
            isPersistent: false,
            replyBytesMax: Int(receipt.replyBytesMax),
            cachedReplyBytesMax: nil
        )
    }
}
