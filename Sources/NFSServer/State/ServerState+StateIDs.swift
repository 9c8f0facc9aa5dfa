package import NFSWire
package import VarveModel

/// State ids are looked up (RFC 8881 §8.2.4), tested and freed (§18.48, §18.38).
extension ServerState {
    enum Found: Sendable {
        case open(OpenState)
        case lock(LockState)
    }

    /// What a state id names, by the rules of RFC 8881 §8.2.4; special ones are the caller's.
    ///
    /// - Parameters:
    ///   - stateID: As sent; a sequence of 0 means the newest.
    ///   - client: The session's: another's state is none of its.
    ///   - file: The current file handle's; `nil` where no file matters.
    /// - Returns: The open or the lock; `.badStateID`, `.oldStateID`.
    func find(
        _ stateID: StateID,
        of client: ClientID,
        on file: FileKey?
    ) -> Result<Found, NFSStatus> {
        guard !stateID.isSpecial else { return .failure(.badStateID) }
        let key = StateKey(stateID)
        let found: (Found, status: NFSStatus)
        if let open = opens[key] {
            found = (.open(open), open.status(of: stateID, of: client, on: file))
        } else if let lock = locks[key] {
            found = (.lock(lock), lock.status(of: stateID, of: client, on: file))
        } else {
            return .failure(.badStateID)
        }
        return found.status == .ok ? .success(found.0) : .failure(found.status)
    }

    /// Whether a state id lets its client read or write a file; a special one only where nobody denies it.
    ///
    /// Only special ones need the time, which is asked for then.
    ///
    /// - Returns: Whether the file was opened for it, so that permission need not be asked again.
    package func mayUse(
        _ stateID: StateID,
        of client: ClientID,
        on file: FileKey,
        for access: ShareAccess,
        at now: @autoclosure () -> Timestamp
    ) -> Result<Bool, NFSStatus> {
        if stateID == .anonymous || (stateID == .readBypass && access == .read) {
            // Reclaims may be coming that deny it (RFC 8881 §8.4.2.1).
            if grace.isActive(at: now()) { return .failure(.grace) }
            return isDenied(access, on: file) ? .failure(.locked) : .success(false)
        }
        if stateID == .readBypass {
            return mayUse(.anonymous, of: client, on: file, for: access, at: now())
        }
        switch find(stateID, of: client, on: file) {
        case .failure(let status): return .failure(status)
        case .success(.open(let open)): return verdict(of: open, on: access)
        case .success(.lock(let lock)):
            guard let open = opens[lock.open] else { return .failure(.badStateID) }
            return verdict(of: open, on: access)
        }
    }

    /// Whether an open lets its client read or write: what it was not opened for, another may deny (RFC 8881 §9.1.2).
    func verdict(of open: OpenState, on access: ShareAccess) -> Result<Bool, NFSStatus> {
        let verdict = open.verdict(on: access)
        guard verdict == .success(false), isDenied(access, on: open.file, except: open.key) else {
            return verdict
        }
        return .failure(.locked)
    }

    /// TEST_STATEID for one (RFC 8881 §18.48).
    package func test(_ stateID: StateID, of client: ClientID) -> NFSStatus {
        switch find(stateID, of: client, on: nil) {
        case .success: .ok
        case .failure(let status): status
        }
    }

    /// FREE_STATEID (RFC 8881 §18.38): of lock state without locks.
    package mutating func free(_ stateID: StateID, of client: ClientID) -> NFSStatus {
        switch find(stateID, of: client, on: nil) {
        case .failure(let status): return status
        case .success(.open): return .locksHeld
        case .success(.lock(let lock)):
            let owner = LockOwner(client: lock.client, owner: lock.owner)
            guard files[lock.file]?.ranges.holds(owner) != true else { return .locksHeld }
            dropLockState(lock.key)
            return .ok
        }
    }
}
