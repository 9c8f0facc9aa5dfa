import NFSWire
import VarveModel

/// Bytes are locked and unlocked by owners that count (RFC 7530 §9.1.5, §16.10 to §16.12, §16.37); which locks conflict is the
/// same for all versions.
extension ServerState {
    /// LOCK (RFC 7530 §16.10).
    ///
    /// A lock owner's first lock of a file comes under the open owner's number and begins, or goes on with, the lock owner's.
    ///
    /// - Parameters:
    ///   - arguments: As sent.
    ///   - request: Its state id is the open's for a new lock owner, the lock's for a known one.
    ///   - refusal: What the current object is refused with; `.ok` for a regular file.
    ///   - now: When.
    /// - Returns: The reply, which is kept.
    mutating func lockV40(
        _ arguments: LockArguments,
        _ request: SequencedRequest,
        refusal: NFSStatus,
        at now: Timestamp
    ) -> OperationReply {
        switch arguments.locker {
        case .existing:
            return sequenced(request, by: .lock, at: now) { state, owner in
                guard refusal == .ok else { return .failure(refusal, of: .lock) }
                if case .failure(let status) = state.findV40(request.stateID, on: request.file) {
                    return .failure(status, of: .lock)
                }
                return state.lockReply(arguments, of: owner.client, on: request.file, at: now)
            }
        case .new(let new):
            let status = status(ofV40: new.owner.client)
            guard status == .ok else { return .failure(status, of: .lock) }
            return sequenced(request, by: .open, at: now) { state, owner in
                guard refusal == .ok else { return .failure(refusal, of: .lock) }
                let status = state.usableOpen(request)
                guard status == .ok else { return .failure(status, of: .lock) }
                guard new.owner.client == owner.client else {
                    return .failure(.badStateID, of: .lock)
                }
                return state.lock(arguments, new, request, at: now)
            }
        }
    }

    /// LOCK of an owner that is new to the file: its own number must be its next where it has one.
    private mutating func lock(
        _ arguments: LockArguments,
        _ new: NewLockOwner,
        _ request: SequencedRequest,
        at now: Timestamp
    ) -> OperationReply {
        let client = new.owner.client
        let owner = OwnerKey(client: client, kind: .lock, name: new.owner.owner)
        if let known = clients[client]?.v40?.lockOwners[owner.name]?.sequence,
            known.last &+ 1 != new.lockSequence
        {
            return .failure(.badSequenceID, of: .lock)
        }
        let reply = lockReply(arguments, of: client, on: request.file, at: now)
        if case .lock(let stateID) = reply {
            begin(lockOwner: owner, new.lockSequence, request.fingerprint, reply, at: now)
            clients[client]?.v40?.lockOwners[owner.name]?.states.insert(StateKey(stateID))
        }
        keep(KeptReply(reply), new.lockSequence, request.fingerprint, of: owner, at: now)
        return reply
    }

    private mutating func begin(
        lockOwner owner: OwnerKey,
        _ sequence: UInt32,
        _ fingerprint: RequestFingerprint,
        _ reply: OperationReply,
        at now: Timestamp
    ) {
        guard clients[owner.client]?.v40?.lockOwners[owner.name] == nil else { return }
        clients[owner.client]?.v40?.lockOwners[owner.name] = StateOwnerRecord(
            sequence: OwnerSequence(sequence, fingerprint, KeptReply(reply)),
            isConfirmed: true,
            used: now
        )
    }

    private mutating func lockReply(
        _ arguments: LockArguments,
        of client: ClientID,
        on file: FileKey,
        at now: Timestamp
    ) -> OperationReply {
        switch lock(arguments, of: client, on: file, at: now) {
        case .granted(let stateID): .lock(stateID)
        case .denied(let denial): .lockDenied(denial)
        case .refused(let status): .failure(status, of: .lock)
        }
    }

    /// LOCKT (RFC 7530 §16.11): `nil` when nothing is in the way.
    mutating func testLockV40(
        _ arguments: LockTestArguments,
        on file: FileKey,
        at now: Timestamp
    ) -> Result<LockDenied?, NFSStatus> {
        let status = renew(arguments.owner.client, at: now)
        guard status == .ok else { return .failure(status) }
        return testLock(arguments, of: arguments.owner.client, on: file, at: now)
    }

    /// LOCKU (RFC 7530 §16.12).
    mutating func unlockV40(
        _ arguments: UnlockArguments,
        _ request: SequencedRequest,
        refusal: NFSStatus,
        at now: Timestamp
    ) -> OperationReply {
        sequenced(request, by: .lock, at: now) { state, owner in
            guard refusal == .ok else { return .failure(refusal, of: .unlock) }
            if case .failure(let status) = state.findV40(request.stateID, on: request.file) {
                return .failure(status, of: .unlock)
            }
            switch state.unlock(arguments, of: owner.client, on: request.file) {
            case .failure(let status): return .failure(status, of: .unlock)
            case .success(let stateID): return .unlock(stateID)
            }
        }
    }

    /// RELEASE_LOCKOWNER (RFC 7530 §16.37): of an owner without locks; one that is not known is none to release.
    mutating func releaseLockOwner(_ owner: StateOwner, at now: Timestamp) -> NFSStatus {
        let status = renew(owner.client, at: now)
        guard status == .ok else { return status }
        let states = clients[owner.client]?.v40?.lockOwners[owner.owner]?.states ?? []
        let holder = LockOwner(client: owner.client, owner: owner.owner)
        for key in states {
            guard let lock = locks[key] else { continue }
            guard files[lock.file]?.ranges.holds(holder) != true else { return .locksHeld }
        }
        for key in states { dropLockState(key) }
        return .ok
    }
}
