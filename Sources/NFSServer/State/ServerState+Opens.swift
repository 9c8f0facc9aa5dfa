package import NFSWire
package import VarveModel

/// Files are opened and closed (RFC 8881 §9.7, §18.16, §18.18, §18.2).
extension ServerState {
    /// What OPEN asks of the state, once the file is known and permission was asked.
    package struct OpenRequest: Sendable {
        package let client: ClientID
        package let owner: [UInt8]
        package let file: FileKey
        package let access: ShareAccess
        package let deny: ShareDeny
        /// Takes back what the client had before a restart.
        package let isReclaim: Bool
        /// Cuts the file off, which is a write whatever it is opened for (RFC 8881 §9.1.2).
        package let truncates: Bool
        /// Has the room that ``ServerState/reserveOpen(of:at:)`` keeps.
        package let isReserved: Bool

        package init(
            client: ClientID,
            owner: [UInt8],
            file: FileKey,
            access: ShareAccess,
            deny: ShareDeny,
            isReclaim: Bool = false,
            truncates: Bool = false,
            isReserved: Bool = false
        ) {
            self.client = client
            self.owner = owner
            self.file = file
            self.access = access
            self.deny = deny
            self.isReclaim = isReclaim
            self.truncates = truncates
            self.isReserved = isReserved
        }
    }

    /// Whether a client may open now, before anything is made for it (RFC 8881 §8.4.2, §18.51.3).
    package mutating func mayOpen(
        _ client: ClientID,
        isReclaim: Bool,
        at now: Timestamp
    ) -> NFSStatus {
        if isReclaim {
            guard let record = clients[client] else { return .staleClientID }
            return grace.mayReclaim(record.name, at: now) && !record.hasReclaimed ? .ok : .noGrace
        }
        let isGrace = grace.isActive(at: now)
        let owesComplete = clients.lend(client) { $0.owesReclaimComplete }
        guard let owesComplete else { return .staleClientID }
        return isGrace || owesComplete ? .grace : .ok
    }

    /// Keeps room for an open that makes its file first: made and then not opened, it would be there when its client comes again,
    /// and refuse an exclusive creation.
    ///
    /// - Returns: `false` where there is none; else the open takes it, or ``endReservation(of:)`` gives it back.
    mutating func reserveOpen(of client: ClientID, at now: Timestamp) -> Bool {
        guard hasRoomForState(of: client, at: now) else { return false }
        let opensMax = limits.opensPerClientMax
        let isReserved = clients.lend(client) { record in
            guard record.opens.count + record.opensReserved < opensMax else { return false }
            record.opensReserved += 1
            return true
        }
        guard isReserved == true else { return false }
        opensReserved += 1
        return true
    }

    mutating func endReservation(of client: ClientID) {
        opensReserved -= 1
        clients.lend(client) { $0.opensReserved -= 1 }
    }

    /// Opens, or adds to an open that the owner has; a file that is not taken is let go of.
    ///
    /// One that truncates keeps others from denying writes until ``endTruncation(of:)``.
    package mutating func open(
        _ request: OpenRequest,
        holding file: HeldFile,
        at now: Timestamp
    ) -> Result<StateID, NFSStatus> {
        if request.isReserved { endReservation(of: request.client) }
        let index = OpenIndex(client: request.client, owner: request.owner, file: request.file)
        let own = openIndex[index]
        if let status = shareConflict(request, at: now) {
            released.append(file)
            return .failure(status)
        }
        if let own, var open = opens[own] {
            released.append(file)
            open.upgrade(access: request.access, deny: request.deny)
            open.truncations += request.truncates ? 1 : 0
            opens[own] = open
            return .success(open.stateID)
        }
        guard request.isReserved || hasRoomForState(of: request.client, at: now) else {
            released.append(file)
            return .failure(.delay)
        }
        let opensMax = limits.opensPerClientMax
        let key = newStateKey(of: request.client)
        let taken = clients.lend(request.client) { record -> ClientName? in
            guard record.opens.count + record.opensReserved < opensMax else { return nil }
            record.opens.insert(key)
            return record.name
        }
        guard let taken, let name = taken else {
            released.append(file)
            return .failure(.delay)
        }
        var open = OpenState(
            key: key,
            client: request.client,
            owner: request.owner,
            file: request.file,
            access: request.access,
            deny: request.deny,
            held: file
        )
        open.truncations = request.truncates ? 1 : 0
        opens[key] = open
        openIndex[index] = key
        remember(name)
        files[request.file, default: FileState()].opens.insert(key)
        return .success(open.stateID)
    }

    /// What the owner has open of the file already.
    func openState(of request: OpenRequest) -> OpenState? {
        let index = OpenIndex(client: request.client, owner: request.owner, file: request.file)
        return openIndex[index].flatMap { opens[$0] }
    }

    /// The file was cut off for an OPEN, or was not after all.
    mutating func endTruncation(of stateID: StateID) {
        opens.lend(StateKey(stateID)) { $0.truncations -= 1 }
    }

    /// Takes back what an OPEN did that failed after all, unless its owner has gone on with it meanwhile.
    ///
    /// - Parameters:
    ///   - stateID: As the OPEN made it.
    ///   - before: The open as it was; `nil` when the OPEN began it.
    mutating func takeBack(_ stateID: StateID, to before: OpenState?) {
        guard var open = opens[StateKey(stateID)], open.sequence == stateID.sequence else { return }
        guard let before else { return dropOpen(open.key) }
        open.goBack(to: before)
        opens[open.key] = open
    }

    /// NFS4ERR_SHARE_DENIED when an open is in the way, the owner's own included (RFC 8881 §18.16.3); expired clients give way
    /// (courtesy, RFC 8881 §8.4.3).
    ///
    /// - Returns: NFS4ERR_RECLAIM_CONFLICT for a reclaim, and NFS4ERR_DELAY where all that is in the way is a truncation.
    private mutating func shareConflict(_ request: OpenRequest, at now: Timestamp) -> NFSStatus? {
        let access = request.truncates ? request.access.union(.write) : request.access
        var isTruncated = false
        for key in files[request.file]?.opens ?? [] {
            guard let other = opens[key] else { continue }
            isTruncated = isTruncated || other.truncations > 0
            guard other.conflicts(access: access, deny: request.deny) else { continue }
            guard other.client != request.client, isExpired(other.client, at: now) else {
                return request.isReclaim ? .reclaimConflict : .shareDenied
            }
            remove(client: other.client)
        }
        return isTruncated && request.deny.contains(.write) ? .delay : nil
    }

    /// OPEN_DOWNGRADE (RFC 8881 §18.18).
    package mutating func downgrade(
        _ stateID: StateID,
        of client: ClientID,
        on file: FileKey,
        access: ShareAccess,
        deny: ShareDeny
    ) -> Result<StateID, NFSStatus> {
        switch find(stateID, of: client, on: file) {
        case .failure(let status): return .failure(status)
        case .success(.lock): return .failure(.badStateID)
        case .success(.open(var open)):
            guard open.downgrade(access: access, deny: deny) else { return .failure(.invalid) }
            opens[open.key] = open
            return .success(open.stateID)
        }
    }

    /// CLOSE (RFC 8881 §18.2): the locks of the open go with it, as POSIX has it.
    package mutating func close(
        _ stateID: StateID,
        of client: ClientID,
        on file: FileKey
    ) -> NFSStatus {
        guard !stateID.isSpecial else { return .badStateID }
        let key = StateKey(stateID)
        let status = opens.lend(key) { $0.status(of: stateID, of: client, on: file) }
        // A lock's is none either: only an open is closed.
        guard let status else { return lockStatus(stateID, of: client, on: file) ?? .badStateID }
        guard status == .ok else { return status }
        dropOpen(key)
        return .ok
    }

    /// Why what may be a lock's state id names no open; `nil` when it is a good one of a lock.
    private func lockStatus(
        _ stateID: StateID,
        of client: ClientID,
        on file: FileKey
    ) -> NFSStatus? {
        guard case .failure(let status) = find(stateID, of: client, on: file) else { return nil }
        return status
    }

    /// Forgets an open with its locks, and lets go of the file.
    mutating func dropOpen(_ key: StateKey) {
        guard let open = opens.removeValue(forKey: key) else { return }
        for lock in open.locks { dropLockState(lock) }
        openIndex[open.index] = nil
        clients[open.client]?.opens.remove(key)
        clients[open.client]?.v40?.openOwners[open.owner]?.states.remove(key)
        files[open.file]?.opens.remove(key)
        if files[open.file]?.isIdle == true { files[open.file] = nil }
        released.append(open.held)
    }

    /// The opens of a file system's present, and which inodes they hold.
    func heldInodes(of fileSystem: FileSystemKey) -> [(open: StateKey, inode: InodeNumber)] {
        files.filter { $0.key.fileSystem == fileSystem && $0.key.view == .live }
            .flatMap { file, state in state.opens.map { (open: $0, inode: file.inode) } }
    }

    /// Holds the file of an open through another engine from now on; one that is closed meanwhile holds nothing.
    mutating func hold(_ key: StateKey, through file: HeldFile) {
        let before = opens.lend(key) { open in
            defer { open.held = file }
            return open.held
        }
        released.append(before ?? file)
    }

    /// Has expired clients give way that deny what another is to do with a file, if nobody else does: theirs is courtesy
    /// (RFC 8881 §8.4.3).
    ///
    /// - Parameters:
    ///   - access: What is to be done.
    ///   - file: The file.
    ///   - stateID: Of who asks; what its own open denies is not in its way.
    ///   - now: When.
    /// - Returns: Whether anything gave way.
    mutating func endCourtesy(
        denying access: ShareAccess,
        on file: FileKey,
        to stateID: StateID,
        at now: Timestamp
    ) -> Bool {
        let asking = StateKey(stateID)
        let own = stateID.isSpecial ? nil : locks[asking]?.open ?? asking
        let denying = (files[file]?.opens ?? []).compactMap { opens[$0] }
            .filter { $0.key != own && $0.deny.rawValue & access.rawValue != 0 }
        guard denying.allSatisfy({ isExpired($0.client, at: now) }) else { return false }
        for open in denying { remove(client: open.client) }
        return !denying.isEmpty
    }

    /// Whether opens deny what one that was not opened for it, or a special state id, is used for (RFC 8881 §8.2.3, §9.1.2).
    func isDenied(_ access: ShareAccess, on file: FileKey, except own: StateKey? = nil) -> Bool {
        for key in files[file]?.opens ?? [] where key != own {
            if let open = opens[key], open.deny.rawValue & access.rawValue != 0 { return true }
        }
        return false
    }
}
