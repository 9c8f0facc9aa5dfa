package import NFSWire
package import VarveModel

/// Clients come, come again, and go (RFC 8881 §18.35.4, §18.50, §18.51).
extension ServerState {
    /// EXCHANGE_ID's answer, channels and names of the server aside.
    package struct ClientGrant: Sendable, Equatable {
        package let client: ClientID
        /// What the next CREATE_SESSION must say.
        package let sequence: UInt32
        package let isConfirmed: Bool
    }

    /// The nine cases of RFC 8881 §18.35.4.
    package mutating func exchangeID(
        _ owner: ClientOwner,
        by principal: Principal,
        isUpdate: Bool,
        at now: Timestamp
    ) -> Result<ClientGrant, NFSStatus> {
        if isUpdate { return update(owner, by: principal, at: now) }
        let name = ClientName(owner.owner, in: realm)
        if let id = confirmed[name], let record = clients[id] {
            if record.principal != principal {
                // 3: somebody else's name, unless its lease is over and it holds nothing.
                guard record.yields(at: now, limits) else { return .failure(.clientIDInUse) }
                remove(client: id)
            } else if record.verifier == owner.verifier, record.v40 == nil {
                // 2: the same incarnation once more.
                clients[id]?.lease.renew(at: now)
                return .success(grant(record))
            }
            // 5: the client restarted; its old state goes when the new record is confirmed.
        }
        if let id = unconfirmed[name] {
            // 4: an earlier try that was never confirmed.
            remove(client: id)
        }
        return insert(owner, by: principal, at: now).map { grant($0) }
    }

    private func grant(_ record: ClientRecord) -> ClientGrant {
        ClientGrant(
            client: record.id,
            sequence: record.createSequence &+ 1,
            isConfirmed: record.isConfirmed
        )
    }

    /// 6 to 9: what is said anew of a confirmed client.
    private mutating func update(
        _ owner: ClientOwner,
        by principal: Principal,
        at now: Timestamp
    ) -> Result<ClientGrant, NFSStatus> {
        guard let id = confirmed[ClientName(owner.owner, in: realm)], let record = clients[id],
            record.v40 == nil
        else { return .failure(.noEntry) }
        guard record.verifier == owner.verifier else { return .failure(.notSame) }
        guard record.principal == principal else { return .failure(.notPermitted) }
        clients[id]?.lease.renew(at: now)
        return .success(grant(record))
    }

    /// 1: a record that nobody has confirmed.
    mutating func insert(
        _ owner: ClientOwner,
        by principal: Principal,
        at now: Timestamp
    ) -> Result<ClientRecord, NFSStatus> {
        if clients.count >= limits.clientsMax {
            sweep(at: now)
            dropLeastRecentExpired(at: now)
        }
        guard clients.count < limits.clientsMax else { return .failure(.delay) }
        let record = ClientRecord(
            id: newClientID(),
            name: ClientName(owner.owner, in: realm),
            verifier: owner.verifier,
            principal: principal,
            createSequence: 0,
            lease: Lease(now)
        )
        clients[record.id] = record
        unconfirmed[record.name] = record.id
        return .success(record)
    }

    /// Courtesy ends where room does.
    private mutating func dropLeastRecentExpired(at now: Timestamp) {
        guard clients.count >= limits.clientsMax else { return }
        let expired = clients.values.filter { $0.isExpired(at: now, limits) }
        guard let oldest = expired.min(by: { $0.renewed < $1.renewed }) else { return }
        remove(client: oldest.id)
    }

    /// DESTROY_CLIENTID (RFC 8881 §18.50).
    package mutating func destroy(client id: ClientID) -> NFSStatus {
        guard let record = client(id), record.v40 == nil else { return .staleClientID }
        guard record.sessions.isEmpty, !record.hasState else { return .clientIDBusy }
        remove(client: id)
        return .ok
    }

    /// RECLAIM_COMPLETE for all file systems (RFC 8881 §18.51).
    package mutating func reclaimComplete(_ id: ClientID) -> NFSStatus {
        guard let record = clients[id] else { return .staleClientID }
        guard !record.hasReclaimed else { return .completeAlready }
        clients[id]?.hasReclaimed = true
        grace.complete(record.name)
        if !record.hasState { forget(record.name) }
        return .ok
    }
}
