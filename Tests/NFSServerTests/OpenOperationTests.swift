import Disk
import FileSystemEngine
import NFSWire
import NIOCore
import Testing
import VarveModel

@testable import NFSServer

/// Goal: OPEN creates, finds, permits and refuses as RFC 8881 §18.16 lists.
@Suite struct OpenOperationTests {
    private func connected() async throws -> (NFSWorld, WireClient) {
        let world = try await NFSWorld.make()
        let client = WireClient(world.parts)
        try await client.connect()
        return (world, client)
    }

    private func status(_ client: WireClient, _ arguments: OpenArguments) async throws -> NFSStatus
    {
        try await client.status([.putRootFileHandle, .open(arguments)])
    }

    private func opened(_ client: WireClient, _ arguments: OpenArguments) async throws -> OpenReply
    {
        let result = try await client.last([.putRootFileHandle, .open(arguments)])
        guard case .open(let reply) = result else { throw result.status }
        return reply
    }

    @Test func `UNCHECKED4 makes what is not there and opens what is`() async throws {
        let (_, client) = try await connected()
        let arguments = WireClient.openArguments(
            "f",
            creation: .unchecked(FileAttributes([.mode(0o600), .size(0)]))
        )
        let made = try await opened(client, arguments)
        #expect(made.change.isAtomic && made.change.before != made.change.after)
        #expect(made.attributesSet == [4, 33])
        #expect(made.flags == [.lockTypePOSIX], "nothing is promised that a restart breaks")
        let (stateID, handle) = try await client.open("f", owner: "w")
        _ = try await client.write(handle, stateID, [1, 2, 3])
        let keep = WireClient.openArguments(
            "f",
            creation: .unchecked(FileAttributes([.mode(0o777)]))
        )
        let found = try await opened(client, keep)
        #expect(found.change.before == found.change.after && found.attributesSet.isEmpty)
        #expect(try await client.read(handle, stateID).data.bytes == [1, 2, 3])
        #expect(try await opened(client, arguments).attributesSet == [4])
        #expect(try await client.read(handle, stateID).data.isEmpty, "truncated")
    }

    @Test func `an OPEN that truncates and fails leaves the opens of its owner as they were`()
        async throws
    {
        let (world, client) = try await connected()
        let disk = try #require(world.configuration.disk as? SimulatedDisk)
        let (stateID, handle) = try await client.open(
            "f",
            access: .read,
            creation: .guarded(FileAttributes([.mode(0o600)]))
        )
        let (other, _) = try await client.open("f", owner: "writer")
        _ = try await client.write(handle, other, [1, 2, 3])
        for owner in ["owner", "third"] {
            let truncate = WireClient.openArguments(
                "f",
                deny: owner == "owner" ? .write : [],
                owner: owner,
                creation: .unchecked(FileAttributes([.size(0)]))
            )
            let close = CloseArguments(sequence: 0, stateID: other)
            if owner == "owner" {
                // Only without it may an OPEN deny writing.
                #expect(try await status(client, truncate) == .shareDenied)
                _ = try await client.run([.putFileHandle(handle), .close(close)])
            }
            disk.fail(after: 0, with: .noSpace)
            #expect(try await status(client, truncate) == .noSpace)
            disk.clearFaults()
        }
        #expect(world.parts.store.read { $0.opens.count } == 1, "of a new open nothing is left")
        #expect(try await client.read(handle, stateID).data.bytes == [1, 2, 3])
        let write = WriteArguments(
            stateID: stateID,
            offset: 0,
            stability: .fileSync,
            data: ByteChain(copying: [4])
        )
        #expect(try await client.status([.putFileHandle(handle), .write(write)]) == .openMode)
        _ = try await client.open("f", access: .write, owner: "writes again")
        let close = CloseArguments(sequence: 0, stateID: stateID)
        #expect(try await client.status([.putFileHandle(handle), .close(close)]) == .ok)
        await world.fileSystem.close()
    }

    @Test func `UNCHECKED4 truncates nothing that another keeps from being written`() async throws {
        let (world, client) = try await connected()
        let other = WireClient(world.parts)
        try await other.connect(owner: "other")
        let (stateID, handle) = try await client.make("f")
        _ = try await client.write(handle, stateID, [1, 2, 3])
        let close = CloseArguments(sequence: 0, stateID: stateID)
        _ = try await client.last([.putFileHandle(handle), .close(close)])
        let (reading, _) = try await client.open("f", access: .read, deny: .write)
        let truncate = WireClient.openArguments(
            "f",
            access: .read,
            creation: .unchecked(FileAttributes([.size(0)]))
        )
        #expect(try await status(other, truncate) == .shareDenied)
        #expect(try await client.read(handle, reading).data.bytes == [1, 2, 3])
        let end = CloseArguments(sequence: 0, stateID: reading)
        _ = try await client.last([.putFileHandle(handle), .close(end)])
        #expect(try await status(other, truncate) == .ok)
        await world.fileSystem.close()
    }

    @Test func `GUARDED4 refuses what is there`() async throws {
        let (_, client) = try await connected()
        _ = try await client.make("f")
        let again = WireClient.openArguments("f", creation: .guarded(FileAttributes([])))
        #expect(try await status(client, again) == .exists)
    }

    @Test func `an exclusive create is made once, and its repetition finds it`() async throws {
        let (_, client) = try await connected()
        func exclusive(_ verifier: UInt64, _ values: [AttributeValue] = [.mode(0o600)])
            -> OpenArguments
        {
            WireClient.openArguments(
                "f",
                creation: .exclusiveWithAttributes(
                    CreateVerifierAttributes(
                        verifier: Verifier(rawValue: verifier),
                        attributes: FileAttributes(values)
                    )
                )
            )
        }
        let verifier: UInt64 = 0xFEDC_BA98_7654_3210
        let first = try await opened(client, exclusive(verifier))
        #expect(first.attributesSet == [33, 48, 54], "the times hold the verifier")
        let again = try await opened(client, exclusive(verifier))
        #expect(again.change.before == again.change.after)
        #expect(try await status(client, exclusive(verifier + 1)) == .exists)
        #expect(
            try await status(client, exclusive(1, [.setModified(.now)])) == .invalid,
            "not among suppattr_exclcreat"
        )
        let set = SetAttributesArguments(
            stateID: .anonymous,
            attributes: FileAttributes([.setAccessed(.now), .setModified(.now)])
        )
        _ = try await client.run(WireClient.walk("f") + [.setAttributes(set)])
        #expect(try await status(client, exclusive(verifier)) == .exists)
    }

    /// Whoever may look into the directory knows the times that a verifier would have left.
    @Test func `an exclusive create finds nobody else's file`() async throws {
        let world = try await NFSWorld.make()
        let (root, user) = (WireClient(world.parts), WireClient(world.parts, uid: 1_000))
        try await root.connect(owner: "root")
        try await user.connect(owner: "user")
        let verifier: UInt64 = 1_700_000_000 << 32 | 1_700_000_000
        let exclusive = WireClient.openArguments(
            "secret",
            creation: .exclusive(Verifier(rawValue: verifier))
        )
        _ = try await root.make("secret", mode: 0o600)
        let time = SetTime.to(NFSTime(seconds: 1_700_000_000, nanoseconds: 0))
        let set = SetAttributesArguments(
            stateID: .anonymous,
            attributes: FileAttributes([.setAccessed(time), .setModified(time)])
        )
        #expect(try await root.status(WireClient.walk("secret") + [.setAttributes(set)]) == .ok)
        #expect(try await user.status([.putRootFileHandle, .open(exclusive)]) == .exists)
        #expect(try await root.status([.putRootFileHandle, .open(exclusive)]) == .ok)
        await world.fileSystem.close()
    }

    @Test func `what is no regular file is not opened`() async throws {
        let (_, client) = try await connected()
        for (name, kind): (String, CreateKind) in [("d", .directory), ("p", .fifo)] {
            let create = CreateArguments(
                kind: kind,
                name: Array(name.utf8),
                attributes: FileAttributes([])
            )
            _ = try await client.run([.putRootFileHandle, .create(create)])
        }
        #expect(try await status(client, WireClient.openArguments("d")) == .isDirectory)
        #expect(try await status(client, WireClient.openArguments("p")) == .wrongType)
        #expect(try await status(client, WireClient.openArguments("none")) == .noEntry)
        #expect(try await status(client, WireClient.openArguments("")) == .invalid)
        var unchecked = WireClient.openArguments("d", creation: .unchecked(FileAttributes([])))
        #expect(try await status(client, unchecked) == .isDirectory)
        unchecked.access = []
        #expect(try await status(client, unchecked) == .invalid)
        unchecked.access = ShareAccess(rawValue: 0x0010_0001)
        #expect(try await status(client, unchecked) == .invalid)
    }

    @Test func `a client that has not said RECLAIM_COMPLETE waits`() async throws {
        let world = try await NFSWorld.make()
        let client = WireClient(world.parts)
        try await client.connect(reclaims: false)
        let open = WireClient.openArguments("f", creation: .unchecked(FileAttributes([])))
        #expect(try await status(client, open) == .grace)
    }

    @Test func `claims without delegations, and without grace, find nothing`() async throws {
        let (_, client) = try await connected()
        let (stateID, handle) = try await client.make("f")
        func claim(_ claim: OpenClaim, creation: OpenCreation? = nil) async throws -> NFSStatus {
            var arguments = WireClient.openArguments("f", creation: creation)
            arguments.claim = claim
            return try await client.status([.putFileHandle(handle), .open(arguments)])
        }
        #expect(try await claim(.previous(.none)) == .noGrace)
        #expect(try await claim(.fileHandle) == .ok)
        #expect(try await claim(.fileHandle, creation: .guarded(FileAttributes([]))) == .invalid)
        #expect(try await claim(.delegateCurrentFileHandle(stateID)) == .badStateID)
        #expect(try await claim(.delegatePreviousFileHandle) == .notSupported)
    }

    @Test func `an open goes on after a chmod, and its maker may write a read-only file`()
        async throws
    {
        let (world, _) = try await connected()
        let client = WireClient(world.parts, uid: 1_000, gid: 1_000)
        try await client.connect(owner: "user")
        let (stateID, handle) = try await client.make("f", mode: 0o444)
        _ = try await client.write(handle, stateID, [1, 2, 3])
        let chmod = SetAttributesArguments(
            stateID: .anonymous,
            attributes: FileAttributes([.mode(0)])
        )
        _ = try await client.run([.putFileHandle(handle), .setAttributes(chmod)])
        _ = try await client.write(handle, stateID, [4], at: 3)
        #expect(try await client.read(handle, stateID).data.bytes == [1, 2, 3, 4])
        let cut = SetAttributesArguments(stateID: stateID, attributes: FileAttributes([.size(1)]))
        #expect(
            try await client.status([.putFileHandle(handle), .setAttributes(cut)]) == .ok
        )
        let anonymous = OperationArguments.read(
            ReadArguments(stateID: .anonymous, offset: 0, count: 1)
        )
        #expect(try await client.status([.putFileHandle(handle), anonymous]) == .accessDenied)
        #expect(try await status(client, WireClient.openArguments("f")) == .accessDenied)
    }

    @Test func `a removed file lives until it is closed`() async throws {
        let (world, client) = try await connected()
        let (stateID, handle) = try await client.make("f")
        _ = try await client.write(handle, stateID, [UInt8](repeating: 1, count: 5_000))
        _ = try await client.run([.putRootFileHandle, .remove(WireClient.name("f"))])
        #expect(try await client.read(handle, stateID).data.count == 5_000)
        let close = CloseArguments(sequence: 0, stateID: stateID)
        #expect(try await client.status([.putFileHandle(handle), .close(close)]) == .ok)
        // The last close ends the inode behind its back.
        try await world.fileSystem.flush()
        let attributes = GetAttributesArguments(attributes: [1])
        #expect(
            try await client.status([.putFileHandle(handle), .getAttributes(attributes)]) == .stale
        )
    }

    @Test func `the current state id is that of the OPEN before`() async throws {
        let (_, client) = try await connected()
        let create = WireClient.openArguments("f", creation: .guarded(FileAttributes([])))
        let write = WriteArguments(
            stateID: .current,
            offset: 0,
            stability: .fileSync,
            data: ByteChain(copying: [1, 2])
        )
        let results = try await client.run([
            .putRootFileHandle, .open(create), .write(write),
            .close(CloseArguments(sequence: 0, stateID: .current)),
        ])
        #expect(results.map(\.status) == [.ok, .ok, .ok, .ok])
    }

    /// What `OpenStateTests` and `LockStateTests` ask of the state, in requests and replies.
    @Test func `opens and locks are tested, freed, downgraded and unlocked in requests`()
        async throws
    {
        let (world, client) = try await connected()
        let (_, handle) = try await client.open(
            "f",
            access: .read,
            creation: .guarded(FileAttributes([]))
        )
        let (open, _) = try await client.open("f", access: .both)
        let file = OperationArguments.putFileHandle(handle)
        let lock = LockArguments(
            type: .read,
            isReclaim: false,
            offset: 0,
            length: 5,
            locker: .new(
                NewLockOwner(
                    openSequence: 0,
                    openStateID: open,
                    lockSequence: 0,
                    owner: StateOwner(client: client.id, owner: [1])
                )
            )
        )
        guard case .lock(let locked) = try await client.last([file, .lock(lock)]) else {
            throw NFSStatus.serverFault
        }
        var stranger = locked
        stranger.otherLow ^= 0xFFFF
        func test(_ stateIDs: [StateID]) async throws -> [NFSStatus] {
            let test = TestStateIDsArguments(stateIDs: stateIDs)
            guard case .testStateIDs(let reply) = try await client.last([.testStateIDs(test)])
            else { throw NFSStatus.serverFault }
            return reply.statuses
        }
        #expect(try await test([open, locked, stranger]) == [.ok, .ok, .badStateID])
        #expect(try await client.status([.freeStateID(locked)]) == .locksHeld)
        #expect(try await client.status([.freeStateID(open)]) == .locksHeld)
        let unlock = UnlockArguments(
            type: .read,
            sequence: 0,
            stateID: locked,
            offset: 0,
            length: .max
        )
        guard case .unlock(let idle) = try await client.last([file, .unlock(unlock)]) else {
            throw NFSStatus.serverFault
        }
        #expect(idle.sequence == locked.sequence + 1 && idle.otherLow == locked.otherLow)
        #expect(try await client.status([.freeStateID(locked)]) == .oldStateID)
        #expect(try await client.status([.freeStateID(idle)]) == .ok)
        #expect(try await test([idle]) == [.badStateID])

        func downgrade(_ access: ShareAccess) -> OperationArguments {
            .openDowngrade(
                OpenDowngradeArguments(stateID: open, sequence: 0, access: access, deny: [])
            )
        }
        #expect(try await client.status([file, downgrade(.write)]) == .invalid, "never opened so")
        guard case .openDowngrade(let less) = try await client.last([file, downgrade(.read)]) else {
            throw NFSStatus.serverFault
        }
        let write = WriteArguments(
            stateID: less,
            offset: 0,
            stability: .fileSync,
            data: ByteChain(copying: [1])
        )
        #expect(try await client.status([file, .write(write)]) == .openMode)
        #expect(try await test([open, less]) == [.oldStateID, .ok])
        await world.fileSystem.close()
    }

    @Test func `locks of two clients meet on one file`() async throws {
        let (world, a) = try await connected()
        let b = WireClient(world.parts)
        try await b.connect(owner: "b")
        let (open, handle) = try await a.make("f", mode: 0o666)
        let (open2, _) = try await b.open("f")
        func lock(_ open: StateID) -> OperationArguments {
            .lock(
                LockArguments(
                    type: .write,
                    isReclaim: false,
                    offset: 0,
                    length: .max,
                    locker: .new(
                        NewLockOwner(
                            openSequence: 0,
                            openStateID: open,
                            lockSequence: 0,
                            owner: StateOwner(client: ClientID(rawValue: 0), owner: [1])
                        )
                    )
                )
            )
        }
        let granted = try await a.last([.putFileHandle(handle), lock(open)])
        guard case .lock(let stateID) = granted else { throw granted.status }
        let denied = try await b.run([.putFileHandle(handle), lock(open2)])
        guard case .lockDenied(let denial)? = denied.last else { throw NFSStatus.serverFault }
        #expect(denial.owner.client == a.id && denial.length == .max)
        let test = LockTestArguments(
            type: .read,
            offset: 5,
            length: 1,
            owner: StateOwner(client: ClientID(rawValue: 0), owner: [1])
        )
        #expect(try await b.status([.putFileHandle(handle), .lockTest(test)]) == .denied)
        let unlock = UnlockArguments(
            type: .write,
            sequence: 0,
            stateID: stateID,
            offset: 0,
            length: .max
        )
        #expect(try await a.status([.putFileHandle(handle), .unlock(unlock)]) == .ok)
        #expect(try await b.status([.putFileHandle(handle), lock(open2)]) == .ok)
        let directory: [OperationArguments] = [.putRootFileHandle, .lockTest(test)]
        #expect(try await a.status(directory) == .isDirectory)
    }

    @Test func `a dead client's deny ends with its lease, by the injected clock`() async throws {
        let (world, a) = try await connected()
        _ = try await a.open(
            "f",
            access: .read,
            deny: .write,
            creation: .guarded(FileAttributes([.mode(0o666)]))
        )
        let b = WireClient(world.parts)
        try await b.connect(owner: "b")
        let open = WireClient.openArguments("f", access: .write)
        #expect(try await status(b, open) == .shareDenied)
        world.clock.advance(seconds: world.parts.limits.leaseSeconds + 1)
        #expect(try await status(b, open) == .ok)
        #expect(try await a.send([a.sequence()]).status == .badSession)
    }
}
