import FileSystemEngine
import NFSWire
import NIOCore
import Testing
import VarveModel

@testable import NFSServer

/// Goal: clients of NFSv4.0 and of 4.1 that use one file meet each other's share reservations and locks (RFC 7530 §9.1, §9.9;
/// RFC 8881 §9), and expired ones of either give way to either.
@Suite struct V40SharingTests {
    private struct Stage {
        let world: NFSWorld
        let plain: WireClientV40
        let sessions: WireClient

        /// A lease has gone by for the first, and not for the second.
        func expire() { world.clock.advance(seconds: world.parts.limits.leaseSeconds + 1) }
    }

    private func stage() async throws -> Stage {
        let world = try await NFSWorld.make()
        let (plain, sessions) = (WireClientV40(world.parts), WireClient(world.parts))
        try await plain.connect(owner: "plain")
        try await sessions.connect(owner: "sessions")
        return Stage(world: world, plain: plain, sessions: sessions)
    }

    private func newLock(_ stateID: StateID, _ type: LockType = .write) -> OperationArguments {
        .lock(
            LockArguments(
                type: type,
                isReclaim: false,
                offset: 0,
                length: 10,
                locker: .new(
                    NewLockOwner(
                        openSequence: 0,
                        openStateID: stateID,
                        lockSequence: 0,
                        owner: StateOwner(client: ClientID(rawValue: 0), owner: [7])
                    )
                )
            )
        )
    }

    @Test func `share reservations hold both ways`() async throws {
        let stage = try await stage()
        let open = try await stage.plain.open(
            "f",
            .both,
            .write,
            .guarded(FileAttributes([.mode(0o666)]))
        )
        await #expect(throws: NFSStatus.shareDenied) {
            try await stage.sessions.open("f", access: .write)
        }
        _ = try await stage.plain.last([open.file, stage.plain.close(open)])
        _ = try await stage.sessions.open("f", access: .both, deny: .read)
        await #expect(throws: NFSStatus.shareDenied) {
            try await stage.plain.openOnly("f", .read)
        }
        _ = try await stage.plain.open("f", .write)
        await stage.world.fileSystem.close()
    }

    @Test func `locks hold both ways, and each is told of the other`() async throws {
        let stage = try await stage()
        let open = try await stage.plain.make("f")
        let lock = try await stage.plain.locked(open, stage.plain.lock(open))
        let (stateID, _) = try await stage.sessions.open("f")
        let denied = try await stage.sessions.run([open.file, newLock(stateID)])
        guard case .lockDenied(let denial)? = denied.last else { throw NFSStatus.serverFault }
        #expect(denial.owner == stage.plain.owner("l"))
        _ = try await stage.plain.last([open.file, stage.plain.unlock(lock)])
        #expect(try await stage.sessions.status([open.file, newLock(stateID)]) == .ok)
        let again = stage.plain.lockAgain(
            StateID(
                sequence: lock.sequence + 1,
                otherHigh: lock.otherHigh,
                otherLow: lock.otherLow
            ),
            .read,
            5
        )
        let reply = try await stage.plain.send([open.file, again])
        guard case .lockDenied(let other)? = reply.results.last else { throw reply.status }
        #expect(other.owner == StateOwner(client: stage.sessions.id, owner: [7]))
        await stage.world.fileSystem.close()
    }

    @Test func `special state ids meet denials of the other version`() async throws {
        let stage = try await stage()
        let (stateID, handle) = try await stage.sessions.make("f", mode: 0o666)
        _ = try await stage.sessions.last([
            .putFileHandle(handle), .close(CloseArguments(sequence: 0, stateID: stateID)),
        ])
        _ = try await stage.sessions.open("f", access: .read, deny: .write)
        let file = OperationArguments.putFileHandle(handle)
        func write(_ stateID: StateID) -> OperationArguments {
            .write(
                WriteArguments(
                    stateID: stateID,
                    offset: 0,
                    stability: .fileSync,
                    data: ByteChain(copying: [1])
                )
            )
        }
        let read = ReadArguments(stateID: .readBypass, offset: 0, count: 1)
        #expect(try await stage.plain.status([file, write(.anonymous)]) == .locked)
        #expect(try await stage.plain.status([file, write(.readBypass)]) == .locked)
        #expect(try await stage.plain.status([file, .read(read)]) == .ok)
        // 1 and zeros is 4.1's current state id, and nothing here (RFC 7530 §9.1.4.3).
        #expect(try await stage.plain.status([file, write(.current)]) == .badStateID)
        await stage.world.fileSystem.close()
    }

    @Test func `9_6_3: an expired client of 4_0 gives way to one of 4_1, and is told so`()
        async throws
    {
        let stage = try await stage()
        let open = try await stage.plain.open(
            "f",
            .both,
            .write,
            .guarded(FileAttributes([.mode(0o666)]))
        )
        stage.expire()
        _ = try await stage.sessions.open("f", access: .write)
        let read = ReadArguments(stateID: open.stateID, offset: 0, count: 1)
        let plain = stage.plain
        #expect(try await plain.status([open.file, .read(read)]) == .expired)
        #expect(try await plain.status([open.file, plain.close(open)]) == .expired)
        #expect(try await plain.status([.renew(plain.id)]) == .expired)
        let arguments = plain.openArguments("f")
        #expect(try await plain.status([.putRootFileHandle, .open(arguments)]) == .expired)
        try await plain.connect(owner: "plain")
        _ = try await plain.open("f")
        await stage.world.fileSystem.close()
    }

    @Test func `an expired client of 4_1 gives way to one of 4_0`() async throws {
        let stage = try await stage()
        let (stateID, handle) = try await stage.sessions.make("f", mode: 0o666)
        let file = OperationArguments.putFileHandle(handle)
        #expect(try await stage.sessions.status([file, newLock(stateID)]) == .ok)
        stage.expire()
        let open = try await stage.plain.open("f")
        _ = try await stage.plain.locked(open, stage.plain.lock(open))
        #expect(try await stage.sessions.send([stage.sessions.sequence()]).status == .badSession)
        await stage.world.fileSystem.close()
    }

    @Test func `9_5: whatever uses state renews the lease`() async throws {
        let stage = try await stage()
        let plain = stage.plain
        let open = try await plain.open(
            "f",
            .both,
            [],
            .guarded(FileAttributes([.mode(0o666)]))
        )
        let lock = try await plain.locked(open, plain.lock(open))
        let read = ReadArguments(stateID: open.stateID, offset: 0, count: 1)
        let size = SetAttributesArguments(
            stateID: lock,
            attributes: FileAttributes([.size(3)])
        )
        let test = LockTestArguments(type: .read, offset: 0, length: 1, owner: plain.owner("l"))
        let uses: [[OperationArguments]] = [
            [.renew(plain.id)], [open.file, .read(read)], [open.file, .setAttributes(size)],
            [open.file, .lockTest(test)], [open.file, plain.lockAgain(lock, .write, 20)],
            [.putRootFileHandle, .open(plain.openArguments("f"))],
            [.releaseLockOwner(plain.owner("none"))],
        ]
        for use in uses {
            stage.world.clock.advance(seconds: stage.world.parts.limits.leaseSeconds)
            #expect(try await plain.status(use) == .ok)
            let isExpired = stage.world.parts.store.read {
                $0.isExpired(plain.id, at: stage.world.clock.now().adding(seconds: 1))
            }
            #expect(!isExpired, "\(use)")
        }
        await stage.world.fileSystem.close()
    }

    @Test func `state ids of one version mean nothing in the other`() async throws {
        let stage = try await stage()
        let open = try await stage.plain.make("f")
        let (stateID, _) = try await stage.sessions.open("f")
        let mine = ReadArguments(stateID: open.stateID, offset: 0, count: 1)
        let theirs = ReadArguments(stateID: stateID, offset: 0, count: 1)
        #expect(try await stage.sessions.status([open.file, .read(mine)]) == .badStateID)
        #expect(try await stage.plain.status([open.file, .read(theirs)]) == .badStateID)
        await stage.world.fileSystem.close()
    }

    @Test func `9_1_4_4: old, future, stale and foreign state ids are told apart`() async throws {
        let stage = try await stage()
        let plain = stage.plain
        let first = try await plain.openOnly(
            "f",
            .both,
            [],
            .guarded(FileAttributes([.mode(0o666)]))
        )
        let reply = try await plain.last([first.file, plain.confirm(first)])
        guard case .openConfirm(let stateID) = reply else { throw reply.status }
        let other = try await plain.make("g")
        var (newest, future, stale, unknown) = (stateID, stateID, stateID, stateID)
        newest.sequence = 0
        future.sequence += 1
        stale.otherHigh ^= 1 << 40
        unknown.otherLow &+= 1_000
        for (id, status): (StateID, NFSStatus) in [
            (stateID, .ok), (first.stateID, .oldStateID), (newest, .oldStateID),
            (future, .badStateID), (stale, .staleStateID), (unknown, .badStateID),
            (other.stateID, .badStateID), (.invalid, .badStateID),
        ] {
            let read = ReadArguments(stateID: id, offset: 0, count: 1)
            #expect(try await plain.status([first.file, .read(read)]) == status)
            let close = CloseArguments(
                sequence: try #require(plain.sequences["o"]) &+ 7,
                stateID: id
            )
            let isKnown =
                [.ok, .oldStateID].contains(status) || id == future || id == other.stateID
            let expected = isKnown ? NFSStatus.badSequenceID : status
            #expect(try await plain.status([first.file, .close(close)]) == expected)
        }
        await stage.world.fileSystem.close()
    }
}
