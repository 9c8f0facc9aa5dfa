import FileSystemEngine
import NFSWire
import Synchronization
import Testing
import VarveModel

@testable import NFSServer

/// Goal: after a restart, clients that held state take it back, and nobody else gets it before (RFC 8881 §8.4.2).
@Suite struct RestartTests {
    /// Clients that are remembered, in order of what happened to them.
    private final class Records: ClientRecords {
        private let state = Mutex<(clients: Set<ClientName>, history: [String])>(([], []))

        var clients: Set<ClientName> { state.withLock { $0.clients } }
        var history: [String] { state.withLock { $0.history } }

        func remember(_ client: ClientName) async throws {
            state.withLock {
                $0.clients.insert(client)
                $0.history.append("+" + String(decoding: client.owner, as: UTF8.self))
            }
        }

        func forget(_ client: ClientName) async throws {
            state.withLock {
                $0.clients.remove(client)
                $0.history.append("-" + String(decoding: client.owner, as: UTF8.self))
            }
        }
    }

    private func parts(_ world: NFSWorld, _ records: Records) -> ServerParts {
        ServerParts(
            exports: world.exports,
            identity: Array("test".utf8),
            clock: world.clock,
            records: records,
            remembered: records.clients
        )
    }

    private func reclaim(
        _ client: WireClient,
        _ handle: NFSFileHandle
    ) async throws -> OperationReply {
        var arguments = WireClient.openArguments("")
        arguments.claim = .previous(.none)
        return try await client.last([.putFileHandle(handle), .open(arguments)])
    }

    @Test func `a client is remembered from its first open until it goes`() async throws {
        let (world, records) = (try await NFSWorld.make(), Records())
        let client = WireClient(parts(world, records))
        try await client.connect(owner: "a")
        #expect(records.clients.isEmpty, "it holds nothing yet")
        let (stateID, handle) = try await client.make("f")
        #expect(records.history == ["+a"])
        _ = try await client.make("g")
        let close = CloseArguments(sequence: 0, stateID: stateID)
        _ = try await client.run([.putFileHandle(handle), .close(close)])
        #expect(records.history == ["+a"], "a record is written once, not with each file")
        try await client.connect(owner: "a", verifier: 2)
        #expect(records.history == ["+a", "-a"], "a restarted client has lost what it had")
        _ = try await client.send([client.sequence(), .destroySession(client.session)])
        #expect(try await client.send([.destroyClientID(client.id)]).status == .ok)
        await world.fileSystem.close()
    }

    @Test func `opens and locks are taken back, and others wait until they are`() async throws {
        let (world, records) = (try await NFSWorld.make(), Records())
        let before = WireClient(parts(world, records))
        try await before.connect(owner: "a")
        let (_, handle) = try await before.make("f", mode: 0o666)
        let second = parts(world, records)
        let (a, b) = (WireClient(second), WireClient(second))
        try await b.connect(owner: "b")
        a.credential = before.credential
        try await a.connect(owner: "a", reclaims: false)
        let open = WireClient.openArguments("f")
        #expect(try await b.status([.putRootFileHandle, .open(open)]) == .grace)
        let read = ReadArguments(stateID: .anonymous, offset: 0, count: 1)
        #expect(try await b.status([.putFileHandle(handle), .read(read)]) == .grace)
        guard case .open(let reclaimed) = try await reclaim(a, handle) else {
            throw NFSStatus.serverFault
        }
        let lock = LockArguments(
            type: .write,
            isReclaim: true,
            offset: 0,
            length: 10,
            locker: .new(
                NewLockOwner(
                    openSequence: 0,
                    openStateID: reclaimed.stateID,
                    lockSequence: 0,
                    owner: StateOwner(client: a.id, owner: [1])
                )
            )
        )
        #expect(try await a.status([.putFileHandle(handle), .lock(lock)]) == .ok)
        let done = ReclaimCompleteArguments(oneFileSystem: false)
        #expect(try await a.status([.reclaimComplete(done)]) == .ok)
        #expect(try await b.status([.putRootFileHandle, .open(open)]) == .ok, "grace is over")
        let test = LockTestArguments(
            type: .read,
            offset: 0,
            length: 1,
            owner: StateOwner(client: b.id, owner: [1])
        )
        #expect(try await b.status([.putFileHandle(handle), .lockTest(test)]) == .denied)
        #expect(records.clients == [.gateway("a"), .gateway("b")])
        await world.fileSystem.close()
    }

    @Test func `who was not remembered takes nothing back`() async throws {
        let (world, records) = (try await NFSWorld.make(), Records())
        try await records.remember(.gateway("a"))
        let other = WireClient(parts(world, records))
        try await other.connect(owner: "b", reclaims: false)
        let root = try await other.last([.putRootFileHandle, .getFileHandle])
        guard case .getFileHandle(let handle) = root else { throw root.status }
        var arguments = WireClient.openArguments("")
        arguments.claim = .previous(.none)
        let status = try await other.status([.putFileHandle(handle), .open(arguments)])
        #expect(status == .noGrace)
        await world.fileSystem.close()
    }

    @Test func `who does not come in time is forgotten before others get anything`() async throws {
        let (world, records) = (try await NFSWorld.make(), Records())
        try await records.remember(.gateway("a"))
        let parts = parts(world, records)
        let b = WireClient(parts)
        try await b.connect(owner: "b")
        let open = WireClient.openArguments("f", creation: .unchecked(FileAttributes([])))
        #expect(try await b.status([.putRootFileHandle, .open(open)]) == .grace)
        world.clock.advance(seconds: parts.limits.graceSeconds)
        #expect(try await b.status([.putRootFileHandle, .open(open)]) == .ok)
        #expect(records.history == ["+a", "-a", "+b"])
        await world.fileSystem.close()
    }

    @Test func `a client that gave way to another is forgotten before that one is answered`()
        async throws
    {
        let (world, records) = (try await NFSWorld.make(), Records())
        let parts = parts(world, records)
        let (a, b) = (WireClient(parts), WireClient(parts))
        try await a.connect(owner: "a")
        _ = try await a.open(
            "f",
            deny: .write,
            creation: .guarded(FileAttributes([.mode(0o666)]))
        )
        try await b.connect(owner: "b")
        world.clock.advance(seconds: parts.limits.leaseSeconds + 1)
        let open = WireClient.openArguments("f")
        #expect(try await b.status([.putRootFileHandle, .open(open)]) == .ok)
        #expect(records.history == ["+a", "-a", "+b"])
        await world.fileSystem.close()
    }
}
