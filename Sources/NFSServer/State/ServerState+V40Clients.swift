import NFSWire
import VarveModel

/// Clients of NFSv4.0 come and stay (RFC 7530 §9.1.1, §9.5, §16.28, §16.33, §16.34).
///
/// They live in one table with those of 4.1, under the names that they give themselves: who comes with another minor version is
/// the same client, restarted (RFC 8881 §2.4.1).
extension ServerState {
    /// How SETCLIENTID ended.
    enum IntroductionOutcome: Sendable, Equatable {
        case granted(SetClientIDReply)
        /// NFS4ERR_CLID_INUSE, and where the other one is.
        case inUse(NetworkAddress)
        case refused(NFSStatus)
    }

    /// The five cases of RFC 7530 §16.33.5.
    ///
    /// `v` is the verifier that came, `x` the name, `c` and `d` client ids, `s` and `t` what confirms them.
    mutating func setClientID(
        _ arguments: SetClientIDArguments,
        by principal: Principal,
        at now: Timestamp
    ) -> IntroductionOutcome {
        let owner = arguments.client
        let name = ClientName(owner.owner, in: realm)
        if let id = confirmed[name], let record = clients[id] {
            if record.principal != principal {
                // Somebody else's name, unless its lease is over or it holds nothing.
                guard record.yields(at: now, limits) else { return .inUse(record.address) }
                remove(client: id)
            } else if record.v40 != nil, record.verifier == owner.verifier {
                // 1, {v, x, c, s} is confirmed: only the callback changes. c and its state stay, t is to be confirmed.
                return .granted(update(id, arguments.callback.location))
            }
            // 2 and 3, {u, x, c, s} is confirmed: the client restarted. c goes when d is confirmed.
        }
        // 3 and 4: an earlier try that was never confirmed.
        if let id = unconfirmed[name] { remove(client: id) }
        // 2 to 5: {v, x, d, t} is to be confirmed.
        switch insert(owner, by: principal, at: now) {
        case .failure(let status): return .refused(status)
        case .success(let record):
            let confirmation = newConfirmation()
            clients[record.id]?.v40 = ClientV40(
                confirmation: confirmation,
                callback: arguments.callback.location
            )
            return .granted(SetClientIDReply(client: record.id, confirmation: confirmation))
        }
    }

    private mutating func update(
        _ id: ClientID,
        _ callback: NetworkAddress
    ) -> SetClientIDReply {
        let confirmation = newConfirmation()
        clients[id]?.v40?.update = ClientV40.Introduction(
            confirmation: confirmation,
            callback: callback
        )
        return SetClientIDReply(client: id, confirmation: confirmation)
    }

    /// SETCLIENTID_CONFIRM: the cases of RFC 7530 §16.34.5.
    mutating func confirmClientID(
        _ arguments: SetClientIDReply,
        by principal: Principal,
        at now: Timestamp
    ) -> NFSStatus {
        let id = arguments.client
        guard let record = client(id), let known = record.v40 else { return .staleClientID }
        // 1: of another principal's client nothing changes.
        guard record.principal == principal else { return .clientIDInUse }
        if let update = known.update, update.confirmation == arguments.confirmation {
            // 2: the callback's change.
            clients[id]?.v40?.confirmation = update.confirmation
            clients[id]?.v40?.callback = update.callback
            clients[id]?.v40?.update = nil
        } else {
            // 5: nothing that could be confirmed.
            guard known.confirmation == arguments.confirmation else { return .staleClientID }
            // 4: {v, x, d, t} is confirmed, and what its earlier incarnation held is gone; 3: the same once more.
            if !record.isConfirmed { confirm(record) }
        }
        clients[id]?.lease.renew(at: now)
        return .ok
    }

    /// Whether a client id is a confirmed one of NFSv4.0, and what is said if it is not.
    ///
    /// Of an earlier start it is NFS4ERR_STALE_CLIENTID: the client may reclaim. One of this start that is gone had its lease
    /// expire, and lost what it held: NFS4ERR_EXPIRED (RFC 7530 §9.6.3).
    func status(ofV40 id: ClientID) -> NFSStatus {
        if let record = client(id) {
            return record.v40 != nil && record.isConfirmed ? .ok : .staleClientID
        }
        return wasGiven(id) ? .expired : .staleClientID
    }

    /// RENEW (RFC 7530 §16.28).
    ///
    /// An expired client whose state nobody wanted goes on with it (courtesy, §9.6.3.1).
    mutating func renew(_ id: ClientID, at now: Timestamp) -> NFSStatus {
        let status = status(ofV40: id)
        if status == .ok { clients[id]?.lease.renew(at: now) }
        return status
    }
}

extension ClientRecord {
    /// Where whoever holds the name is, as far as it said.
    var address: NetworkAddress {
        v40?.callback ?? NetworkAddress(networkID: [], address: [])
    }
}
