import NFSWire
import VarveModel

/// Files are opened and closed by owners that count (RFC 7530 §9.9, §16.2, §16.16, §16.18, §16.19).
extension ServerState {
    /// How an OPEN begins.
    enum OpenBeginning: Sendable, Equatable {
        /// It runs; the owner must confirm unless it has.
        case run(isConfirmed: Bool)
        case replay(KeptReply)
        case refuse(NFSStatus)
    }

    /// Looks at an OPEN before anything is done for it; `.run` must be followed by `finishOpen`.
    ///
    /// An owner that has not confirmed may have come to us in an old message that strayed: what it opened is let go of, and it
    /// begins anew under any number (RFC 7530 §16.18.5).
    mutating func beginOpen(
        by owner: StateOwner,
        sequence: UInt32,
        _ fingerprint: RequestFingerprint,
        at now: Timestamp
    ) -> OpenBeginning {
        let status = renew(owner.client, at: now)
        guard status == .ok else { return .refuse(status) }
        let key = OwnerKey(client: owner.client, kind: .open, name: owner.owner)
        guard let known = clients[owner.client]?.v40?.openOwners[owner.owner] else {
            return hasRoomForOpenOwner(of: owner.client)
                ? .run(isConfirmed: false) : .refuse(.delay)
        }
        let (isConfirmed, verdict) = (
            known.isConfirmed, known.sequence.verdict(on: sequence, fingerprint)
        )
        if case .replay(let kept) = verdict { return .replay(kept) }
        guard isConfirmed else {
            drop(openOwner: owner.owner, of: owner.client)
            return .run(isConfirmed: false)
        }
        guard verdict == .next else { return .refuse(.badSequenceID) }
        forgetClosed(of: key)
        return .run(isConfirmed: true)
    }

    /// Notes how an OPEN ended; a new owner is known from its first success on.
    ///
    /// - Parameters:
    ///   - owner: As sent.
    ///   - sequence: The number of the request.
    ///   - fingerprint: How it is known again.
    ///   - kept: Its reply, and the file that it opened.
    ///   - isConfirmed: The owner need not confirm: it has, or reclaims (RFC 7530 §16.18.5).
    ///   - now: When.
    mutating func finishOpen(
        by owner: StateOwner,
        sequence: UInt32,
        _ fingerprint: RequestFingerprint,
        _ kept: KeptReply,
        isConfirmed: Bool,
        at now: Timestamp
    ) {
        let key = OwnerKey(client: owner.client, kind: .open, name: owner.owner)
        keep(kept, sequence, fingerprint, of: key, at: now)
        guard case .open(let open) = kept.reply, clients[owner.client]?.v40 != nil else { return }
        if clients[owner.client]?.v40?.openOwners[owner.owner] == nil {
            clients[owner.client]?.v40?.openOwners[owner.owner] = StateOwnerRecord(
                sequence: OwnerSequence(sequence, fingerprint, kept),
                isConfirmed: isConfirmed,
                used: now
            )
        }
        let state = StateKey(open.stateID)
        // It may have given way already.
        guard opens[state] != nil else { return }
        clients[owner.client]?.v40?.openOwners[owner.owner]?.states.insert(state)
    }

    /// OPEN_CONFIRM (RFC 7530 §16.18): the owner's first open is meant.
    mutating func confirmOpen(
        _ request: SequencedRequest,
        at now: Timestamp
    ) -> OperationReply {
        sequenced(request, by: .open, at: now) { state, owner in
            switch state.findV40(request.stateID, on: request.file) {
            case .failure(let status): return .failure(status, of: request.code)
            case .success(.lock): return .failure(.badStateID, of: request.code)
            case .success(.open(var open)):
                guard !state.isConfirmed(open) else {
                    return .failure(.badStateID, of: request.code)
                }
                open.sequence = open.sequence.nextSequence
                state.opens[open.key] = open
                state.clients[owner.client]?.v40?.openOwners[owner.name]?.isConfirmed = true
                return .openConfirm(open.stateID)
            }
        }
    }

    /// OPEN_DOWNGRADE (RFC 7530 §16.19).
    mutating func downgradeV40(
        _ request: SequencedRequest,
        _ share: ShareRequest?,
        at now: Timestamp
    ) -> OperationReply {
        sequenced(request, by: .open, at: now) { state, owner in
            let status = state.usableOpen(request)
            guard status == .ok else { return .failure(status, of: request.code) }
            guard let share else { return .failure(.invalid, of: request.code) }
            let outcome = state.downgrade(
                request.stateID,
                of: owner.client,
                on: request.file,
                access: share.access,
                deny: share.deny
            )
            switch outcome {
            case .failure(let status): return .failure(status, of: request.code)
            case .success(let stateID): return .openDowngrade(stateID)
            }
        }
    }

    /// CLOSE (RFC 7530 §16.2): its locks go with it; the owner stays, so that a repeated CLOSE is known.
    mutating func closeV40(
        _ request: SequencedRequest,
        at now: Timestamp
    ) -> OperationReply {
        sequenced(request, by: .open, at: now) { state, owner in
            var status = state.usableOpen(request)
            if status == .ok {
                status = state.close(request.stateID, of: owner.client, on: request.file)
            }
            guard status == .ok else { return .failure(status, of: request.code) }
            let closed = StateKey(request.stateID)
            state.clients[owner.client]?.v40?.openOwners[owner.name]?.closed = closed
            state.clients[owner.client]?.v40?.closed[closed] = owner.name
            // Never valid, so that nobody goes on with the old one.
            return .close(.invalid)
        }
    }

    /// Whether a state id is that of an open whose owner has confirmed.
    func usableOpen(_ request: SequencedRequest) -> NFSStatus {
        switch findV40(request.stateID, on: request.file) {
        case .failure(let status): status
        case .success(.lock): .badStateID
        case .success(.open(let open)): isConfirmed(open) ? .ok : .badStateID
        }
    }
}
