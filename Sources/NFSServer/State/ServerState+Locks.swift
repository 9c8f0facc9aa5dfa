package import NFSWire
package import VarveModel

/// Bytes are locked, tested and unlocked (RFC 8881 §9.1 to §9.4, §18.10 to §18.12).
extension ServerState {
    /// How LOCK ended.
    package enum LockOutcome: Sendable, Equatable {
        case granted(StateID)
        case denied(LockDenied)
        case refused(NFSStatus)
    }

    /// The bytes that an offset and a length name; `nil`, NFS4ERR_INVAL, for none and for those past 2^64 - 1.
    package static func range(
        offset: UInt64,
        length: UInt64
    ) -> (first: UInt64, last: UInt64)? {
        guard length != 0 else { return nil }
        if length == .max { return (offset, .max) }
        let (last, isPastAll) = offset.addingReportingOverflow(length - 1)
        return isPastAll ? nil : (offset, last)
    }

    /// LOCK (RFC 8881 §18.10).
    package mutating func lock(
        _ arguments: LockArguments,
        of client: ClientID,
        on file: FileKey,
        at now: Timestamp
    ) -> LockOutcome {
        guard let range = Self.range(offset: arguments.offset, length: arguments.length) else {
            return .refused(.invalid)
        }
        let status = mayLock(client, isReclaim: arguments.isReclaim, at: now)
        guard status == .ok else { return .refused(status) }
        let locker: Locking
        switch find(arguments.locker, of: client, on: file) {
        case .success(let found): locker = found
        case .failure(let status): return .refused(status)
        }
        let isExclusive = arguments.type == .write || arguments.type == .writeWaiting
        guard locker.open.access.contains(isExclusive ? .write : .read) else {
            return .refused(.openMode)
        }
        let wanted = ByteLock(
            first: range.first,
            last: range.last,
            isExclusive: isExclusive,
            owner: LockOwner(client: client, owner: locker.owner)
        )
        if let other = conflict(wanted, on: file, at: now) {
            return arguments.isReclaim ? .refused(.reclaimConflict) : .denied(other.denial)
        }
        guard hasRoomForState(of: client, at: now), hasRoom(for: locker, of: client, on: file)
        else { return .refused(.delay) }
        count(files[file, default: FileState()].ranges.set(wanted), of: client)
        return .granted(advance(locker, of: client, on: file))
    }

    private func mayLock(_ client: ClientID, isReclaim: Bool, at now: Timestamp) -> NFSStatus {
        guard let record = clients[client] else { return .staleClientID }
        if isReclaim {
            return grace.mayReclaim(record.name, at: now) && !record.hasReclaimed ? .ok : .noGrace
        }
        return grace.isActive(at: now) || record.owesReclaimComplete ? .grace : .ok
    }

    /// Who locks, with its state where it has one.
    private struct Locking {
        let owner: [UInt8]
        let open: OpenState
        let state: LockState?
    }

    private func find(
        _ locker: Locker,
        of client: ClientID,
        on file: FileKey
    ) -> Result<Locking, NFSStatus> {
        switch locker {
        case .new(let new):
            switch find(new.openStateID, of: client, on: file) {
            case .failure(let status): return .failure(status)
            case .success(.lock): return .failure(.badStateID)
            case .success(.open(let open)):
                let index = OpenIndex(client: client, owner: new.owner.owner, file: file)
                let state = lockIndex[index].flatMap { locks[$0] }
                return .success(Locking(owner: new.owner.owner, open: open, state: state))
            }
        case .existing(let existing):
            switch find(existing.stateID, of: client, on: file) {
            case .failure(let status): return .failure(status)
            case .success(.open): return .failure(.badStateID)
            case .success(.lock(let lock)):
                guard let open = opens[lock.open] else { return .failure(.badStateID) }
                return .success(Locking(owner: lock.owner, open: open, state: lock))
            }
        }
    }

    /// A lock in the way; those of expired clients give way.
    private mutating func conflict(
        _ wanted: ByteLock,
        on file: FileKey,
        at now: Timestamp
    ) -> ByteLock? {
        while let other = files[file]?.ranges.conflict(with: wanted) {
            guard other.owner.client != wanted.owner.client,
                isExpired(other.owner.client, at: now)
            else { return other }
            remove(client: other.owner.client)
        }
        return nil
    }

    private func hasRoom(for locker: Locking, of client: ClientID, on file: FileKey) -> Bool {
        guard hasRoomForRange(of: client, on: file) else { return false }
        guard locker.state == nil else { return true }
        return (clients[client]?.locks.count ?? 0) < limits.locksPerClientMax
    }

    private func hasRoomForRange(of client: ClientID, on file: FileKey) -> Bool {
        rangeCount < limits.statesOfAllMax
            && (files[file]?.ranges.count ?? 0) < limits.lockRangesPerFileMax
            && (clients[client]?.rangeCount ?? 0) < limits.lockRangesPerClientMax
    }

    /// The lock state id after a change; a new owner's is made.
    private mutating func advance(
        _ locker: Locking,
        of client: ClientID,
        on file: FileKey
    ) -> StateID {
        var state =
            locker.state
            ?? LockState(
                key: newStateKey(of: client),
                client: client,
                owner: locker.owner,
                file: file,
                open: locker.open.key
            )
        state.sequence = state.sequence.nextSequence
        if locker.state == nil {
            lockIndex[state.index] = state.key
            clients[client]?.locks.insert(state.key)
            opens[locker.open.key]?.locks.insert(state.key)
        }
        locks[state.key] = state
        return state.stateID
    }

    /// LOCKT (RFC 8881 §18.11): `nil` when nothing is in the way.
    package mutating func testLock(
        _ arguments: LockTestArguments,
        of client: ClientID,
        on file: FileKey,
        at now: Timestamp
    ) -> Result<LockDenied?, NFSStatus> {
        guard let range = Self.range(offset: arguments.offset, length: arguments.length) else {
            return .failure(.invalid)
        }
        if grace.isActive(at: now) { return .failure(.grace) }
        let wanted = ByteLock(
            first: range.first,
            last: range.last,
            isExclusive: arguments.type == .write || arguments.type == .writeWaiting,
            owner: LockOwner(client: client, owner: arguments.owner.owner)
        )
        return .success(conflict(wanted, on: file, at: now)?.denial)
    }

    /// LOCKU (RFC 8881 §18.12).
    package mutating func unlock(
        _ arguments: UnlockArguments,
        of client: ClientID,
        on file: FileKey
    ) -> Result<StateID, NFSStatus> {
        guard let range = Self.range(offset: arguments.offset, length: arguments.length) else {
            return .failure(.invalid)
        }
        switch find(arguments.stateID, of: client, on: file) {
        case .failure(let status): return .failure(status)
        case .success(.open): return .failure(.badStateID)
        case .success(.lock(var lock)):
            let owner = LockOwner(client: client, owner: lock.owner)
            let isSplit =
                files[file]?.ranges.isSplit(by: range.first, range.last, of: owner) ?? false
            guard !isSplit || hasRoomForRange(of: client, on: file) else { return .failure(.delay) }
            count(files[file]?.ranges.clear(range.first, range.last, of: owner) ?? 0, of: client)
            lock.sequence = lock.sequence.nextSequence
            locks[lock.key] = lock
            return .success(lock.stateID)
        }
    }

    /// Counts ranges more, or fewer; the client may be gone.
    private mutating func count(_ more: Int, of client: ClientID) {
        rangeCount += more
        clients[client]?.rangeCount += more
    }

    /// Forgets a lock state id with its locks.
    mutating func dropLockState(_ key: StateKey) {
        guard let lock = locks.removeValue(forKey: key) else { return }
        lockIndex[lock.index] = nil
        clients[lock.client]?.locks.remove(key)
        clients[lock.client]?.v40?.dropped(key, of: lock.owner)
        opens[lock.open]?.locks.remove(key)
        let owner = LockOwner(client: lock.client, owner: lock.owner)
        count(files[lock.file]?.ranges.clear(owner) ?? 0, of: lock.client)
        if files[lock.file]?.isIdle == true { files[lock.file] = nil }
    }
}
