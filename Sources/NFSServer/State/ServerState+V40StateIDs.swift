import NFSWire
import VarveModel

/// State ids of NFSv4.0 (RFC 7530 §9.1.4): they name their client, since there is no session that does.
extension ServerState {
    /// What a state id names, by the rules of RFC 7530 §9.1.4.4; special ones are the caller's.
    ///
    /// A number of 0 is no wildcard here as it is in 4.1.
    ///
    /// - Returns: The open or the lock; `.staleStateID` of an earlier start; `.expired` of a client that lost its state;
    ///   `.oldStateID`, `.badStateID`.
    func findV40(_ stateID: StateID, on file: FileKey) -> Result<Found, NFSStatus> {
        guard !stateID.isSpecial else { return .failure(.badStateID) }
        let key = StateKey(stateID)
        let client = key.client
        guard let record = self.client(client) else { return .failure(status(ofLost: client)) }
        guard record.v40 != nil else { return .failure(.badStateID) }
        return find(stateID, of: client, on: file).flatMap { found in
            stateID.sequence == 0 ? .failure(.oldStateID) : .success(found)
        }
    }

    /// What is said of a state id whose client is none of ours: of an earlier start it is stale, of a client that is gone expired.
    func status(ofLost client: ClientID) -> NFSStatus {
        // To a client that brings it from another realm "stale" would say that we have restarted.
        if isOfAnotherRealm(client) { return .badStateID }
        guard isOfThisStart(client) else { return .staleStateID }
        return wasGiven(client) ? .expired : .badStateID
    }

    /// READ, WRITE and SETATTR of a size: as in 4.1, and the lease is renewed (RFC 7530 §9.5).
    mutating func mayUseV40(
        _ stateID: StateID,
        on file: FileKey,
        for access: ShareAccess,
        at now: Timestamp
    ) -> Result<Bool, NFSStatus> {
        if stateID == .anonymous || stateID == .readBypass {
            return mayUse(stateID, of: ClientID(rawValue: 0), on: file, for: access, at: now)
        }
        let open: OpenState
        switch findV40(stateID, on: file) {
        case .failure(let status): return .failure(status)
        case .success(.open(let found)):
            // Until its owner is confirmed an open is good for nothing (RFC 7530 §16.18.5).
            guard isConfirmed(found) else { return .failure(.badStateID) }
            open = found
        case .success(.lock(let lock)):
            guard let found = opens[lock.open] else { return .failure(.badStateID) }
            open = found
        }
        clients[open.client]?.lease.renew(at: now)
        return verdict(of: open, on: access)
    }

    func isConfirmed(_ open: OpenState) -> Bool {
        clients[open.client]?.v40?.openOwners[open.owner]?.isConfirmed ?? false
    }

    /// DELEGRETURN (RFC 7530 §16.6): none was ever given.
    func returnDelegation(_ stateID: StateID, on file: FileKey) -> NFSStatus {
        switch findV40(stateID, on: file) {
        case .failure(let status): status
        case .success: .badStateID
        }
    }
}
