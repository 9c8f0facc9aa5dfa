import FileSystemEngine
import NFSWire
import VarveModel

/// OPEN (RFC 8881 §18.16): finds or makes a regular file, asks permission once, and notes the open.
///
/// No delegation is ever given, and of the claims those of delegations find none.
extension CompoundRun {
    func open(_ arguments: OpenArguments) async throws(NFSStatus) -> OperationReply {
        guard let share = ShareRequest(arguments.access, arguments.deny) else { throw .invalid }
        let client = try client()
        let reply =
            done == nil
            ? try await opened(arguments, share, by: client)
            : try await openedBefore(arguments, share, by: client)
        currentStateID = reply.stateID
        return .open(reply)
    }

    /// OPEN of a file that is there, by a name or handle that memory knows.
    func openNow(_ arguments: OpenArguments) throws(NFSStatus) -> OperationReply? {
        guard arguments.creation == nil else { return nil }
        guard let share = ShareRequest(arguments.access, arguments.deny) else { throw .invalid }
        let client = try client()
        let mayOpen = store.read { state in
            // A client's first open waits until the client is written down.
            state.mayOpen(client, isReclaim: false, at: began) == .ok && state.isWrittenDown(client)
        }
        guard let found = try mayOpen ? fileNow(of: arguments.claim, share) : nil,
            let file = heldNow(found.object)
        else { return nil }
        let request = ServerState.OpenRequest(
            client: client,
            owner: arguments.owner.owner,
            file: found.object.key,
            access: share.access,
            deny: share.deny
        )
        let outcome = changeNow(at: began) { state, now in
            state.open(request, holding: file, at: now)
        }
        let stateID = try outcome.get()
        become(.inode(found.object), known: found.attributes)
        currentStateID = stateID
        return .open(Self.reply(stateID, found))
    }

    /// Opens for a client, and makes the file the current object.
    func opened(
        _ arguments: OpenArguments,
        _ share: ShareRequest,
        by client: ClientID
    ) async throws(NFSStatus) -> OpenReply {
        var isReclaim = false
        if case .previous = arguments.claim { isReclaim = true }
        let now = store.now()
        let verdict = store.read { $0.mayOpen(client, isReclaim: isReclaim, at: now) }
        guard verdict == .ok else { throw verdict }
        try await remember(client)
        let isReserved =
            arguments.creation != nil
            && changeNow { state, now in state.reserveOpen(of: client, at: now) }
        var owesRoom = isReserved
        defer { if owesRoom { changeNow { state, _ in state.endReservation(of: client) } } }
        let found = try await file(of: arguments, share, mayMake: isReserved)
        let (outcome, before) = try await hold(
            found,
            ServerState.OpenRequest(
                client: client,
                owner: arguments.owner.owner,
                file: found.object.key,
                access: share.access,
                deny: share.deny,
                isReclaim: isReclaim,
                truncates: found.sizeToSet != nil,
                isReserved: isReserved
            )
        )
        owesRoom = false
        let stateID = try outcome.get()
        var attributes = found.attributes
        if let size = found.sizeToSet {
            do throws(NFSStatus) {
                let changed = try await apply(
                    AttributeChanges(size: size),
                    to: found.object,
                    isOpened: true
                )
                attributes = changed ?? attributes
            } catch {
                // The client hears of a failure, and would never close it.
                await store.change { state, _ in
                    state.endTruncation(of: stateID)
                    state.takeBack(stateID, to: before)
                }
                throw error
            }
            await store.change { state, _ in state.endTruncation(of: stateID) }
        }
        become(.inode(found.object), known: attributes)
        return Self.reply(stateID, found)
    }

    /// Writes a client down before anything is done for its first open: a file that is made with a receipt promises that the open may be
    /// taken back, and so does the answer to any other.
    ///
    /// - Throws: `.delay` where it cannot be written: the client comes again, and by then the disk may be mended.
    private func remember(_ client: ClientID) async throws(NFSStatus) {
        guard !store.read({ $0.isWrittenDown(client) }) else { return }
        await store.change { state, _ in
            if let record = state.clients[client] { state.remember(record.name) }
        }
        guard store.read({ $0.isRemembered(client) }) else { throw .delay }
    }

    private static func reply(_ stateID: StateID, _ found: OpenTarget) -> OpenReply {
        OpenReply(
            stateID: stateID,
            change: found.change,
            // OPEN4_RESULT_PRESERVE_UNLINKED would promise to keep a file without a name over a restart (RFC 8881 §18.16.3);
            // without it clients rename what they remove while it is open, and that survives.
            flags: [.lockTypePOSIX],
            attributesSet: found.attributesSet,
            delegation: .none
        )
    }

    /// The file that was made before the server restarted, and a state id that no server knows.
    ///
    /// The open went with the session. Its client makes a new one, and takes back what it holds (CLAIM_PREVIOUS), this too.
    private func openedBefore(
        _ arguments: OpenArguments,
        _ share: ShareRequest,
        by client: ClientID
    ) async throws(NFSStatus) -> OpenReply {
        let found = try await file(of: arguments, share, mayMake: true)
        become(.inode(found.object), known: found.attributes)
        let number = UInt32(truncatingIfNeeded: found.object.inode.rawValue)
        return OpenReply(
            stateID: StateKey(client: client, number: number).stateID(sequence: 1),
            change: found.change,
            flags: [.lockTypePOSIX],
            attributesSet: found.attributesSet,
            delegation: .none
        )
    }

    /// Keeps the file alive, and notes who has it open, unless another open is in the way.
    ///
    /// - Returns: What the state answers, and the owner's open as it was.
    /// - Throws: What the engine refuses; the state was not asked then.
    private func hold(
        _ found: OpenTarget,
        _ request: ServerState.OpenRequest
    ) async throws(NFSStatus) -> (Result<StateID, NFSStatus>, before: OpenState?) {
        let file = try await held(found.object)
        return await store.change { state, now in
            let before = state.openState(of: request)
            return (state.open(request, holding: file, at: now), before)
        }
    }

    private func held(_ object: InodeObject) async throws(NFSStatus) -> HeldFile {
        // The past does not go while its instant is retained, and with it no open can keep it.
        guard object.view == .live else { return HeldFile {} }
        let engine = object.fileSystem.engine
        let file = try await self.engine { try await engine.open(object.inode) }
        return HeldFile { engine.close(file) }
    }

    private func heldNow(_ object: InodeObject) -> HeldFile? {
        let engine = object.fileSystem.engine
        guard object.view == .live, let file = engine.openRemembered(object.inode) else {
            return nil
        }
        return HeldFile { engine.close(file) }
    }

    // MARK: Which file

    /// What is to be opened, of what memory knows; reclaims and delegations are none of it.
    private func fileNow(
        of claim: OpenClaim,
        _ share: ShareRequest
    ) throws(NFSStatus) -> OpenTarget? {
        switch claim {
        case .name(let bytes):
            let directory = try inode(orElse: .isDirectory)
            let name = try name(bytes)
            return try attributesNow(of: name, in: directory).map { attributes throws(NFSStatus) in
                try existing(attributes, in: directory, share)
            }
        case .fileHandle:
            let object = try inode(orElse: .isDirectory)
            return try attributesNow(of: .inode(object)).map { attributes throws(NFSStatus) in
                try opened(object, attributes, share)
            }
        default: return nil
        }
    }

    /// - Parameters:
    ///   - arguments: As they came.
    ///   - share: Of them.
    ///   - mayMake: Whether there is room for an open of a file that is made.
    /// - Returns: The file, made where it was to be.
    /// - Throws: NFS4ERR_DELAY where it would be made and there is no room; what finding or making it is refused with.
    private func file(
        of arguments: OpenArguments,
        _ share: ShareRequest,
        mayMake: Bool
    ) async throws(NFSStatus) -> OpenTarget {
        switch arguments.claim {
        case .name(let bytes):
            guard let creation = arguments.creation else {
                return try await existing(bytes, share)
            }
            return try await created(bytes, creation, share, mayMake: mayMake)
        case .fileHandle, .previous:
            guard arguments.creation == nil else { throw .invalid }
            let object = try inode(orElse: .isDirectory)
            let attributes = try await attributes(of: object)
            var isReclaim = false
            if case .previous = arguments.claim { isReclaim = true }
            return try opened(object, attributes, share, isReclaim: isReclaim)
        case .delegateCurrent, .delegateCurrentFileHandle: throw .badStateID
        case .delegatePrevious, .delegatePreviousFileHandle: throw .notSupported
        }
    }

    /// OPEN4_NOCREATE of a name.
    private func existing(
        _ bytes: [UInt8],
        _ share: ShareRequest
    ) async throws(NFSStatus) -> OpenTarget {
        let directory = try inode(orElse: .isDirectory)
        let attributes = try await attributes(of: try name(bytes), in: directory)
        return try existing(attributes, in: directory, share)
    }

    private func existing(
        _ attributes: Attributes,
        in directory: InodeObject,
        _ share: ShareRequest
    ) throws(NFSStatus) -> OpenTarget {
        try Self.requireRegular(attributes)
        let object = directory.sibling(attributes.inode)
        try permit(share, of: attributes, object)
        // Only a creation changes the directory; without one a client does not look at it.
        return OpenTarget(
            object: object,
            attributes: attributes,
            change: ChangeInfo(isAtomic: false, before: 0, after: 0)
        )
    }

    /// Of a handle.
    private func opened(
        _ object: InodeObject,
        _ attributes: Attributes,
        _ share: ShareRequest,
        isReclaim: Bool = false
    ) throws(NFSStatus) -> OpenTarget {
        try permit(share, of: attributes, object, isReclaim: isReclaim)
        try Self.requireRegular(attributes)
        return OpenTarget(
            object: object,
            attributes: attributes,
            change: ChangeInfo(unchanged: attributes.change)
        )
    }

    /// OPEN4_CREATE of a name.
    private func created(
        _ bytes: [UInt8],
        _ creation: OpenCreation,
        _ share: ShareRequest,
        mayMake: Bool
    ) async throws(NFSStatus) -> OpenTarget {
        let directory = try writable(try object())
        let name = try newName(bytes, in: directory)
        let making = Making(name: name, directory: directory, isRoom: mayMake)
        switch creation {
        case .unchecked(let attributes):
            let requested = try RequestedAttributes(attributes, permissions: nil)
            return try await unchecked(making, requested, share)
        case .guarded(let attributes):
            let requested = try RequestedAttributes(attributes, permissions: nil)
            return try await new(making, requested, verifier: nil)
        case .exclusive(let verifier):
            // A session that outlives the server needs no verifier, and has none (RFC 8881 §18.16.3).
            guard session?.isPersistent != true else { throw .invalid }
            let none = try RequestedAttributes(FileAttributes([]), permissions: nil)
            return try await new(making, none, verifier: verifier)
        case .exclusiveWithAttributes(let wanted):
            guard
                wanted.attributes.mask.subtracting(ObjectAttributes.exclusiveCreate).isEmpty
            else { throw .invalid }
            let requested = try RequestedAttributes(wanted.attributes, permissions: nil)
            return try await new(making, requested, verifier: wanted.verifier)
        }
    }

    /// UNCHECKED4: what is there is opened, and of the attributes only a size of 0 counts.
    private func unchecked(
        _ making: Making,
        _ requested: RequestedAttributes,
        _ share: ShareRequest
    ) async throws(NFSStatus) -> OpenTarget {
        let (name, directory) = (making.name, making.directory)
        // What is known to be there need not be refused by the committer first; a retry's file is there because it was made.
        if done == nil, let attributes = foundNow(name, in: directory) {
            return try await uncheckedExisting(attributes, in: directory, requested, share)
        }
        if making.isRoom {
            do {
                return try await new(making, requested, verifier: nil)
            } catch .exists {
                // Then it is opened.
            }
        }
        do {
            let attributes = try await attributes(of: name, in: directory)
            return try await uncheckedExisting(attributes, in: directory, requested, share)
        } catch .noEntry where !making.isRoom {
            throw .delay
        }
    }

    /// What a name leads to, where memory knows that it leads somewhere.
    private func foundNow(_ name: FileName, in directory: InodeObject) -> Attributes? {
        do throws(NFSStatus) {
            return try attributesNow(of: name, in: directory)
        } catch {
            // Nothing is there, or the caller may not know: the engine makes it or refuses.
            return nil
        }
    }

    private func uncheckedExisting(
        _ attributes: Attributes,
        in directory: InodeObject,
        _ requested: RequestedAttributes,
        _ share: ShareRequest
    ) async throws(NFSStatus) -> OpenTarget {
        try Self.requireRegular(attributes)
        let object = directory.sibling(attributes.inode)
        try permit(share, of: attributes, object)
        let parent = try await self.attributes(of: directory)
        var target = OpenTarget(
            object: object,
            attributes: attributes,
            change: ChangeInfo(unchanged: parent.change)
        )
        if requested.changes.size == 0 {
            guard Permission.rights(of: attributes, for: caller).contains(.write) else {
                throw .accessDenied
            }
            target.sizeToSet = 0
            target.attributesSet = [Attribute.size.rawValue]
        }
        return target
    }

    /// A file that is made; its maker may open it whatever its mode says.
    private func new(
        _ making: Making,
        _ requested: RequestedAttributes,
        verifier: Verifier?
    ) async throws(NFSStatus) -> OpenTarget {
        guard making.isRoom else {
            do {
                _ = try await attributes(of: making.name, in: making.directory)
            } catch .noEntry {
                throw .delay
            }
            // What is there is refused whatever room there is, but for who may have made it.
            throw verifier == nil ? .exists : .delay
        }
        let made = try await make(
            making.name,
            .regular,
            in: making.directory,
            requested,
            verifier: verifier?.rawValue
        )
        var mask = requested.mask
        if verifier != nil {
            // The times hold the verifier: the client sets them (RFC 8881 §18.16.3).
            mask.insert(Attribute.setAccessed.rawValue)
            mask.insert(Attribute.setModified.rawValue)
        }
        return OpenTarget(
            object: making.directory.sibling(made.attributes.inode),
            attributes: made.attributes,
            change: made.change,
            attributesSet: mask
        )
    }

    private static func requireRegular(_ attributes: Attributes) throws(NFSStatus) {
        switch attributes.kind {
        case .regular: return
        case .directory: throw .isDirectory
        case .symlink: throw .symlink
        case .fifo, .characterDevice, .blockDevice, .socket: throw .wrongType
        }
    }

    /// Asks for the rights of an open; who may execute a file may read it, or no client could run it.
    ///
    /// A reclaim is granted no more than an OPEN would be now (RFC 8881 §8.4.2.1.1), but to the file's owner, who may have opened it as
    /// its maker, whatever its mode says.
    private func permit(
        _ share: ShareRequest,
        of attributes: Attributes,
        _ object: InodeObject,
        isReclaim: Bool = false
    ) throws(NFSStatus) {
        let held = Permission.rights(of: attributes, for: caller)
        let isOwners = isReclaim && caller.uid == attributes.uid
        if share.access.contains(.read) {
            guard isOwners || !held.isDisjoint(with: [.read, .execute]) else {
                throw .accessDenied
            }
        }
        if share.access.contains(.write) {
            guard object.view == .live else { throw .readOnly }
            guard isOwners || held.contains(.write) else { throw .accessDenied }
        }
    }
}

/// A file that is to be made, and whether there is room for its open.
private struct Making: Sendable {
    let name: FileName
    let directory: InodeObject
    let isRoom: Bool
}

/// A file that is to be opened.
private struct OpenTarget: Sendable {
    let object: InodeObject
    /// Its attributes, as they were found or made.
    let attributes: Attributes
    /// Of the directory.
    let change: ChangeInfo
    var attributesSet = Bitmap()
    /// A truncation that waits until no other open is in the way.
    var sizeToSet: UInt64?

    init(
        object: InodeObject,
        attributes: Attributes,
        change: ChangeInfo,
        attributesSet: Bitmap = Bitmap()
    ) {
        self.object = object
        self.attributes = attributes
        self.change = change
        self.attributesSet = attributesSet
    }
}
