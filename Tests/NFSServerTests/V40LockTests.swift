import FileSystemEngine
import NFSWire
import Testing
import VarveModel

@testable import NFSServer

/// Goal: lock owners of NFSv4.0 live as RFC 7530 §9.1.5, §9.1.9, §16.10 to §16.12 and §16.37 have it.
@Suite struct V40LockTests {
    private func opened(_ limits: ServerLimits = ServerLimits()) async throws -> (
        world: NFSWorld, client: WireClientV40, open: WireClientV40.Open
    ) {
        let world = try await NFSWorld.make(limits: limits)
        let client = WireClientV40(world.parts)
        try await client.connect()
        return (world, client, try await client.make("f"))
    }

    private func test(_ client: WireClientV40, _ owner: String) -> OperationArguments {
        .lockTest(
            LockTestArguments(type: .write, offset: 0, length: 1, owner: client.owner(owner))
        )
    }

    @Test func `16_10: a lock is taken, taken anew, tested, given back and its owner released`()
        async throws
    {
        let (world, client, open) = try await opened()
        let first = try await client.locked(open, client.lock(open))
        #expect(first.sequence == 1)
        let more = try await client.last([open.file, client.lockAgain(first, .write, 20)])
        guard case .lock(let second) = more else { throw more.status }
        #expect(second.otherLow == first.otherLow && second.sequence == 2)
        #expect(try await client.status([open.file, test(client, "l")]) == .ok, "its own")
        #expect(try await client.status([open.file, test(client, "m")]) == .denied)
        let release = OperationArguments.releaseLockOwner(client.owner("l"))
        #expect(try await client.status([release]) == .locksHeld)
        let unlock = try await client.last([open.file, client.unlock(second)])
        guard case .unlock(let third) = unlock else { throw unlock.status }
        #expect(third.sequence == 3)
        #expect(try await client.status([open.file, test(client, "m")]) == .ok)
        #expect(try await client.status([release]) == .ok)
        #expect(try await client.status([release]) == .ok, "none is known any more")
        let gone = try await client.status([open.file, client.lockAgain(third, .write, 0)])
        #expect(gone == .badStateID)
        #expect(world.parts.store.read { $0.locks.isEmpty })
        // Its name begins anew, under any number.
        client.sequences["l"] = 9_000
        _ = try await client.locked(open, client.lock(open))
        await world.fileSystem.close()
    }

    @Test func `9_1_7: LOCK and LOCKU that are sent again get their replies again`() async throws {
        let (world, client, open) = try await opened()
        let new = [open.file, client.lock(open)]
        let first = try await client.send(new)
        #expect(first.status == .ok)
        #expect(try await client.send(new) == first, "by the open owner's number")
        guard case .lock(let stateID)? = first.results.last else { throw first.status }
        let again = [open.file, client.lockAgain(stateID, .write, 20)]
        let second = try await client.send(again)
        #expect(second.status == .ok)
        #expect(try await client.send(again) == second, "by the lock owner's")
        guard case .lock(let now)? = second.results.last else { throw second.status }
        let unlock = [open.file, client.unlock(now)]
        let third = try await client.send(unlock)
        #expect(third.status == .ok)
        #expect(try await client.send(unlock) == third)
        await world.fileSystem.close()
    }

    @Test func `9_1_7: a denial counts for both owners, and is given again`() async throws {
        let (world, client, open) = try await opened()
        _ = try await client.locked(open, client.lock(open))
        let denied = [open.file, client.lock(open, by: "m", .read)]
        let reply = try await client.send(denied)
        guard case .lockDenied(let denial)? = reply.results.last else { throw reply.status }
        #expect(denial.owner == client.owner("l") && denial.type == .write)
        #expect(denial.offset == 0 && denial.length == 10)
        #expect(try await client.send(denied) == reply)
        // The owner holds nothing and is not known: it goes on as a new one.
        _ = try await client.locked(open, client.lock(open, by: "m", .read, 50))
        // Once known it goes on under its own number, on another file too.
        let other = try await client.make("g")
        #expect(try await client.status([other.file, client.lock(other, by: "m")]) == .ok)
        let held = [open.file, client.lock(open, by: "m", .write, 0)]
        #expect(try await client.status(held) == .denied)
        _ = try await client.locked(open, client.lock(open, by: "m", .write, 60))
        await world.fileSystem.close()
    }

    @Test func `9_1_9: a lock owner's own number is looked at too`() async throws {
        let (world, client, open) = try await opened()
        let stateID = try await client.locked(open, client.lock(open))
        let (openLast, lockLast) = (client.sequences["o"], client.sequences["l"])
        for offset: UInt32 in [0, 2, .max] {
            client.sequences["l"] = try #require(lockLast) &+ offset &- 1
            let lock = client.lockAgain(stateID, .read, 70)
            #expect(try await client.status([open.file, lock]) == .badSequenceID)
            client.sequences["l"] = try #require(lockLast) &+ offset &- 1
            client.sequences["o"] = openLast
            let new = client.lock(open, .read, 70)
            #expect(try await client.status([open.file, new]) == .badSequenceID)
        }
        (client.sequences["o"], client.sequences["l"]) = (openLast, lockLast)
        _ = try await client.locked(open, client.lock(open, .read, 70))
        await world.fileSystem.close()
    }

    @Test func `16_10: who a lock owner's client is, its client id says`() async throws {
        let (world, client, open) = try await opened()
        let other = WireClientV40(world.parts)
        try await other.connect(owner: "other")
        func lock(as id: ClientID) -> OperationArguments {
            .lock(
                LockArguments(
                    type: .write,
                    isReclaim: false,
                    offset: 0,
                    length: 1,
                    locker: .new(
                        NewLockOwner(
                            openSequence: (client.sequences["o"] ?? 0) &+ 1,
                            openStateID: open.stateID,
                            lockSequence: 1,
                            owner: StateOwner(client: id, owner: [1])
                        )
                    )
                )
            )
        }
        let none = ClientID(rawValue: 0)
        #expect(try await client.status([open.file, lock(as: none)]) == .staleClientID)
        #expect(try await client.status([open.file, lock(as: other.id)]) == .badStateID)
        #expect(try await client.status([open.file, lock(as: client.id)]) == .ok)
        let test = LockTestArguments(
            type: .read,
            offset: 0,
            length: 1,
            owner: StateOwner(client: none, owner: [1])
        )
        #expect(try await client.status([open.file, .lockTest(test)]) == .staleClientID)
        let release = StateOwner(client: none, owner: [1])
        #expect(try await client.status([.releaseLockOwner(release)]) == .staleClientID)
        await world.fileSystem.close()
    }

    @Test func `16_2: CLOSE takes the locks of its open along, and their owner with them`()
        async throws
    {
        let (world, client, open) = try await opened()
        let stateID = try await client.locked(open, client.lock(open))
        let other = try await client.make("g", by: "p")
        #expect(try await client.status([open.file, client.close(open)]) == .ok)
        #expect(world.parts.store.read { $0.locks.isEmpty })
        let gone = try await client.status([open.file, client.unlock(stateID)])
        #expect(gone == .badStateID)
        client.sequences["l"] = 5
        _ = try await client.locked(other, client.lock(other))
        await world.fileSystem.close()
    }

    @Test func `16_10: ranges, modes and kinds are refused as they are, and count`() async throws {
        let (world, client, open) = try await opened()
        let (root, file) = (OperationArguments.putRootFileHandle, open.file)
        let reader = try await client.open("f", by: "r", .read)
        for (status, operations) in [
            (NFSStatus.invalid, [file, client.lock(open, .read, 5, 0)]),
            (.invalid, [file, client.lock(open, .read, 100, .max - 1)]),
            (.openMode, [file, client.lock(reader, by: "m", .write)]),
            (.noGrace, [file, client.lock(open, .read, 0, 1, reclaim: true)]),
            (.isDirectory, [root, client.lock(open)]),
            (.ok, [file, client.lock(open)]),
        ] {
            #expect(try await client.status(operations) == status)
        }
        await world.fileSystem.close()
    }
}
