import NFSWire
import VarveModel

/// Owners of NFSv4.0 count their requests, and one that comes again gets its reply again (RFC 7530 §9.1.7).
extension ServerState {
    /// A request that an owner counts, but for OPEN: its state id says which owner.
    struct SequencedRequest: Sendable {
        let code: OperationCode
        let stateID: StateID
        let sequence: UInt32
        let file: FileKey
        let fingerprint: RequestFingerprint

        init(
            _ code: OperationCode,
            _ stateID: StateID,
            _ sequence: UInt32,
            on file: FileKey,
            _ fingerprint: RequestFingerprint
        ) {
            self.code = code
            self.stateID = stateID
            self.sequence = sequence
            self.file = file
            self.fingerprint = fingerprint
        }
    }

    /// An owner of a client.
    struct OwnerKey: Sendable, Hashable {
        let client: ClientID
        let kind: OwnerKind
        let name: [UInt8]
    }

    /// Runs a request if it is its owner's next, and keeps its reply; the last one's reply is given again.
    mutating func sequenced(
        _ request: SequencedRequest,
        by kind: OwnerKind,
        at now: Timestamp,
        _ body: (inout ServerState, OwnerKey) -> OperationReply
    ) -> OperationReply {
        let owner: OwnerKey
        switch self.owner(of: request.stateID, kind) {
        case .failure(let status): return .failure(status, of: request.code)
        case .success(let found): owner = found
        }
        clients[owner.client]?.lease.renew(at: now)
        let verdict = clients[owner.client]?.v40?[kind, owner.name]?.sequence
            .verdict(on: request.sequence, request.fingerprint)
        switch verdict {
        case nil: return .failure(.badStateID, of: request.code)
        case .bad?: return .failure(.badSequenceID, of: request.code)
        case .replay(let kept)?: return kept.reply
        case .next?:
            forgetClosed(of: owner)
            let reply = body(&self, owner)
            keep(KeptReply(reply), request.sequence, request.fingerprint, of: owner, at: now)
            return reply
        }
    }

    /// Who made the state that a state id names, or named until its owner's last request closed it.
    private func owner(of stateID: StateID, _ kind: OwnerKind) -> Result<OwnerKey, NFSStatus> {
        guard !stateID.isSpecial else { return .failure(.badStateID) }
        let key = StateKey(stateID)
        guard let known = client(key.client) else {
            return .failure(status(ofLost: key.client))
        }
        guard let v40 = known.v40 else { return .failure(.badStateID) }
        let name: [UInt8]?
        switch kind {
        case .open: name = opens[key]?.owner ?? v40.closed[key]
        case .lock: name = locks[key]?.owner
        }
        guard let name else { return .failure(.badStateID) }
        return .success(OwnerKey(client: key.client, kind: kind, name: name))
    }

    /// Notes how a request of an owner ended, unless it is one that does not count.
    mutating func keep(
        _ kept: KeptReply,
        _ sequence: UInt32,
        _ fingerprint: RequestFingerprint,
        of owner: OwnerKey,
        at now: Timestamp
    ) {
        guard kept.reply.status.advancesOwner else { return }
        // A lock owner goes with its last lock state, and either with its client.
        guard clients[owner.client]?.v40?[owner.kind, owner.name] != nil else { return }
        clients[owner.client]?.v40?[owner.kind, owner.name]?.sequence =
            OwnerSequence(sequence, fingerprint, kept)
        clients[owner.client]?.v40?[owner.kind, owner.name]?.used = now
    }

    /// A request behind a CLOSE shows that the CLOSE was answered: it will not come again.
    mutating func forgetClosed(of owner: OwnerKey) {
        guard owner.kind == .open,
            let closed = clients[owner.client]?.v40?.openOwners[owner.name]?.closed
        else { return }
        clients[owner.client]?.v40?.openOwners[owner.name]?.closed = nil
        clients[owner.client]?.v40?.closed[closed] = nil
    }

    // MARK: Open owners go

    /// Forgets an open owner with what it has open.
    mutating func drop(openOwner name: [UInt8], of client: ClientID) {
        forgetClosed(of: OwnerKey(client: client, kind: .open, name: name))
        let states = clients[client]?.v40?.openOwners[name]?.states ?? []
        for open in states { dropOpen(open) }
        clients[client]?.v40?.openOwners[name] = nil
    }

    /// Forgets open owners that have had nothing open for a lease, and those that never confirmed (RFC 7530 §9.1.10, §16.18.5).
    mutating func sweepOpenOwners(at now: Timestamp) {
        let end = now.adding(seconds: -limits.leaseSeconds)
        for (id, record) in clients {
            guard let owners = record.v40?.openOwners else { continue }
            for (name, owner) in owners where owner.used < end && owner.isIdle {
                drop(openOwner: name, of: id)
            }
        }
    }

    /// Whether a client may have one more open owner; those that have nothing open make room.
    mutating func hasRoomForOpenOwner(of client: ClientID) -> Bool {
        guard let owners = clients[client]?.v40?.openOwners,
            owners.count >= limits.opensPerClientMax
        else { return true }
        for (name, owner) in owners where owner.states.isEmpty {
            drop(openOwner: name, of: client)
        }
        return (clients[client]?.v40?.openOwners.count ?? 0) < limits.opensPerClientMax
    }
}

extension StateOwnerRecord {
    /// Holds nothing that counts.
    var isIdle: Bool { states.isEmpty || !isConfirmed }
}
