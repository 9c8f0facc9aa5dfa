import FileSystemEngine
import NFSWire
import Synchronization
import Testing
import VarveModel

@testable import NFSServer

/// Goal: after a restart, clients of NFSv4.0 take back what they had, and nobody else gets it before (RFC 7530 §9.6.2).
@Suite struct V40RestartTests {
    private final class Records: ClientRecords {
        private let state = Mutex(Set<ClientName>())

        var clients: Set<ClientName> { state.withLock { $0 } }

        func remember(_ client: ClientName) async throws {
            _ = state.withLock { $0.insert(client) }
        }

        func forget(_ client: ClientName) async throws {
            _ = state.withLock { $0.remove(client) }
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

    private func reclaim(_ client: WireClientV40, _ open: WireClientV40.Open) async throws
        -> OpenReply
    {
        var arguments = client.openArguments("", by: open.owner)
        arguments.claim = .previous(.none)
        let reply = try await client.last([open.file, .open(arguments)])
        guard case .open(let reclaimed) = reply else { throw reply.status }
        return reclaimed
    }

    @Test func `9_6_2: what an earlier start gave is stale, and is taken back`() async throws {
        let (world, records) = (try await NFSWorld.make(), Records())
        let client = WireClientV40(parts(world, records))
        try await client.connect(owner: "a")
        let open = try await client.make("f")
        _ = try await client.locked(open, client.lock(open))
        #expect(records.clients == [.gateway("a")], "written down before the open is answered")
        // The same client at a server that has started again.
        let second = parts(world, records)
        let (a, b) = (WireClientV40(second), WireClientV40(second))
        let read = ReadArguments(stateID: open.stateID, offset: 0, count: 1)
        #expect(try await a.status([open.file, .read(read)]) == .staleStateID)
        #expect(try await a.status([.renew(client.id)]) == .staleClientID)
        #expect(try await a.status([open.file, client.close(open)]) == .staleStateID)
        try await a.connect(owner: "a")
        try await b.connect(owner: "b")
        let other = b.openArguments("f")
        #expect(try await b.status([.putRootFileHandle, .open(other)]) == .grace)
        let anonymous = ReadArguments(stateID: .anonymous, offset: 0, count: 1)
        #expect(try await b.status([open.file, .read(anonymous)]) == .grace)
        var mine = open
        let reclaimed = try await reclaim(a, open)
        #expect(!reclaimed.flags.contains(.confirm), "a reclaim needs no OPEN_CONFIRM")
        mine.stateID = reclaimed.stateID
        #expect(try await a.status([mine.file, a.lock(mine)]) == .grace, "nothing new yet")
        _ = try await a.locked(mine, a.lock(mine, reclaim: true))
        // The others wait out the grace period: 4.0 cannot say that it has reclaimed.
        #expect(try await b.status([.putRootFileHandle, .open(b.openArguments("f"))]) == .grace)
        world.clock.advance(seconds: second.limits.graceSeconds)
        #expect(try await a.status([.renew(a.id)]) == .ok)
        let theirs = try await b.open("f")
        #expect(try await b.status([theirs.file, b.lock(theirs)]) == .denied)
        #expect(records.clients == [.gateway("a"), .gateway("b")])
        await world.fileSystem.close()
    }

    @Test func `9_6_2: who was not remembered, and who comes late, takes nothing back`()
        async throws
    {
        let (world, records) = (try await NFSWorld.make(), Records())
        let client = WireClientV40(parts(world, records))
        try await client.connect(owner: "a")
        let open = try await client.make("f")
        let second = parts(world, records)
        let (a, b) = (WireClientV40(second), WireClientV40(second))
        try await b.connect(owner: "b")
        await #expect(throws: NFSStatus.noGrace) { try await reclaim(b, open) }
        world.clock.advance(seconds: second.limits.graceSeconds)
        try await a.connect(owner: "a")
        await #expect(throws: NFSStatus.noGrace) { try await reclaim(a, open) }
        _ = try await b.open("f")
        #expect(records.clients == [.gateway("b")], "a has lost what it had")
        await world.fileSystem.close()
    }

    @Test func `clients of 4_1 wait for those of 4_0`() async throws {
        let (world, records) = (try await NFSWorld.make(), Records())
        let client = WireClientV40(parts(world, records))
        try await client.connect(owner: "a")
        _ = try await client.make("f")
        let before = WireClient(parts(world, records))
        try await before.connect(owner: "b")
        let second = parts(world, records)
        let sessions = WireClient(second)
        try await sessions.connect(owner: "b")
        let open = WireClient.openArguments("f")
        #expect(try await sessions.status([.putRootFileHandle, .open(open)]) == .grace)
        world.clock.advance(seconds: second.limits.graceSeconds)
        #expect(try await sessions.status([.putRootFileHandle, .open(open)]) == .ok)
        await world.fileSystem.close()
    }

    @Test func `a client that has left is not waited for`() async throws {
        let (world, records) = (try await NFSWorld.make(), Records())
        let first = parts(world, records)
        let client = WireClientV40(first)
        try await client.connect(owner: "a")
        let open = try await client.make("f")
        _ = try await client.last([open.file, client.close(open)])
        #expect(records.clients == [.gateway("a")], "with its lease, not with each file")
        world.clock.advance(seconds: first.limits.leaseSeconds + 1)
        await first.store.change { state, now in state.sweep(at: now) }
        #expect(records.clients.isEmpty)
        await world.fileSystem.close()
    }
}
