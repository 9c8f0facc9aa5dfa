import FileSystemEngine
import NFSWire
import NIOCore
import TestKit
import Testing
import VarveModel

@testable import NFSServer

/// Goal: owners count their requests, and one that comes again gets its reply again (RFC 7530 §9.1.7, §9.10.1, §16.18).
@Suite struct V40OwnerTests {
    private func connected() async throws -> (NFSWorld, WireClientV40) {
        let world = try await NFSWorld.make()
        let client = WireClientV40(world.parts)
        try await client.connect()
        return (world, client)
    }

    private let creation = OpenCreation.guarded(FileAttributes([.mode(0o666)]))

    @Test
    func `an OPEN that is sent again gets its reply again, and the operations behind it go on`()
        async throws
    {
        let (world, client) = try await connected()
        let arguments = client.openArguments("f", .both, [], creation)
        let operations: [OperationArguments] = [
            .putRootFileHandle, .open(arguments), .getFileHandle,
        ]
        let first = try await client.send(operations)
        #expect(first.status == .ok)
        for _ in 0..<3 { #expect(try await client.send(operations) == first) }
        #expect(world.parts.store.read { $0.opens.count } == 1)
        await world.fileSystem.close()
    }

    @Test func `of two OPENs at once under one number one runs`() async throws {
        let (world, client) = try await connected()
        let arguments = client.openArguments("f", .both, [], creation)
        let operations: [OperationArguments] = [
            .putRootFileHandle, .open(arguments), .getFileHandle,
        ]
        let parts = world.parts
        let replies = try await withThrowingTaskGroup(of: CompoundReply.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    try await WireClient(parts).send(operations, version: .v40)
                }
            }
            var replies: [CompoundReply] = []
            for try await reply in group { replies.append(reply) }
            return replies
        }
        let first = try #require(replies.first)
        #expect(first.status == .ok)
        #expect(replies.allSatisfy { $0 == first })
        await world.fileSystem.close()
    }

    @Test func `a refusal counts, and is given again`() async throws {
        let (world, client) = try await connected()
        _ = try await client.make("f")
        let arguments = client.openArguments("g")
        let operations: [OperationArguments] = [.putRootFileHandle, .open(arguments)]
        #expect(try await client.status(operations) == .noEntry)
        _ = try await WireClient41.make(world.parts, "g")
        #expect(try await client.status(operations) == .noEntry, "the reply of then")
        _ = try await client.open("g")
        await world.fileSystem.close()
    }

    @Test(arguments: [UInt32(0), 2, 3, .max]) func `any other number is NFS4ERR_BAD_SEQID`(
        offset: UInt32
    ) async throws {
        let (world, client) = try await connected()
        let open = try await client.make("f")
        let last = try #require(client.sequences["o"])
        var arguments = client.openArguments("f")
        arguments.sequence = last &+ offset
        let root = OperationArguments.putRootFileHandle
        #expect(try await client.status([root, .open(arguments)]) == .badSequenceID)
        let close = CloseArguments(sequence: last &+ offset, stateID: open.stateID)
        #expect(try await client.status([open.file, .close(close)]) == .badSequenceID)
        // It did not count.
        client.sequences["o"] = last
        #expect(try await client.status([open.file, client.close(open)]) == .ok)
        await world.fileSystem.close()
    }

    @Test func `another request under the last number is not the last one`() async throws {
        let (world, client) = try await connected()
        let open = try await client.make("f")
        let last = try #require(client.sequences["o"])
        let close = CloseArguments(sequence: last, stateID: open.stateID)
        #expect(try await client.status([open.file, .close(close)]) == .badSequenceID)
        await world.fileSystem.close()
    }

    @Test func `statuses that do not count leave the number to the next`() async throws {
        let (world, client) = try await connected()
        let open = try await client.make("f")
        let last = try #require(client.sequences["o"])
        var foreign = open.stateID
        foreign.otherLow &+= 1_000
        var stale = open.stateID
        stale.otherHigh ^= 1 << 40
        let close = CloseArguments(sequence: last &+ 1, stateID: open.stateID)
        var (bad, old) = (close, close)
        (bad.stateID, old.stateID) = (foreign, stale)
        #expect(try await client.status([.close(close)]) == .noFileHandle)
        #expect(try await client.status([open.file, .close(bad)]) == .badStateID)
        #expect(try await client.status([open.file, .close(old)]) == .staleStateID)
        #expect(try await client.status([open.file, .close(close)]) == .ok)
        await world.fileSystem.close()
    }

    @Test func `numbers go round`() async throws {
        let (world, client) = try await connected()
        client.sequences["o"] = .max - 1
        let open = try await client.make("f")
        #expect(client.sequences["o"] == 0, "OPEN under 2^32 - 1, OPEN_CONFIRM under 0")
        #expect(try await client.status([open.file, client.close(open)]) == .ok)
        await world.fileSystem.close()
    }

    @Test func `a CLOSE that is sent again is answered again until the owner goes on`() async throws
    {
        let (world, client) = try await connected()
        let (first, second) = (try await client.make("f"), try await client.make("g"))
        let close = [first.file, client.close(first)]
        let reply = try await client.send(close)
        #expect(reply.status == .ok)
        #expect(try await client.send(close) == reply)
        let last = try #require(client.sequences["o"])
        let next = CloseArguments(sequence: last &+ 1, stateID: first.stateID)
        #expect(try await client.status([first.file, .close(next)]) == .badStateID)
        #expect(try await client.status([second.file, client.close(second)]) == .ok)
        #expect(try await client.status(close) == .badStateID)
        #expect(world.parts.store.read { $0.opens.isEmpty && $0.files.isEmpty })
        await world.fileSystem.close()
    }

    // MARK: OPEN_CONFIRM

    @Test func `16_18: a new owner confirms its first open, and is asked no more`() async throws {
        let (world, client) = try await connected()
        let first = try await client.openOnly("f", .both, [], creation)
        #expect(first.needsConfirmation)
        let reply = try await client.last([first.file, client.confirm(first)])
        guard case .openConfirm(let stateID) = reply else { throw reply.status }
        #expect(stateID.sequence == first.stateID.sequence + 1)
        let second = try await client.openOnly("f", .read)
        #expect(!second.needsConfirmation)
        var again = first
        again.stateID = second.stateID
        #expect(try await client.status([first.file, client.confirm(again)]) == .badStateID)
        await world.fileSystem.close()
    }

    @Test func `16_18: an OPEN_CONFIRM that is sent again gets its reply again`() async throws {
        let (world, client) = try await connected()
        let open = try await client.openOnly("f", .both, [], creation)
        let confirm = [open.file, client.confirm(open)]
        let reply = try await client.send(confirm)
        #expect(reply.status == .ok)
        #expect(try await client.send(confirm) == reply)
        await world.fileSystem.close()
    }

    @Test func `16_18: an open that is not confirmed is good for nothing but to be confirmed`()
        async throws
    {
        let (world, client) = try await connected()
        let open = try await client.openOnly("f", .both, .write, creation)
        let read = ReadArguments(stateID: open.stateID, offset: 0, count: 1)
        #expect(try await client.status([open.file, .read(read)]) == .badStateID)
        #expect(try await client.status([open.file, client.lock(open)]) == .badStateID)
        client.sequences["o"] = 100
        #expect(try await client.status([open.file, client.close(open)]) == .badStateID)
        client.sequences["o"] = 100
        // But it denies what it denies.
        let other = WireClientV40(world.parts)
        try await other.connect(owner: "other")
        await #expect(throws: NFSStatus.shareDenied) { try await other.openOnly("f", .write) }
        #expect(try await client.status([open.file, client.confirm(open)]) == .ok)
        await world.fileSystem.close()
    }

    @Test func `16_18: an owner that is not confirmed begins anew, and what it opened goes`()
        async throws
    {
        let (world, client) = try await connected()
        let first = try await client.openOnly("f", .both, [.read, .write], creation)
        client.sequences["o"] = 5_000
        let second = try await client.openOnly("f", .read)
        #expect(second.needsConfirmation && second.stateID.otherLow != first.stateID.otherLow)
        #expect(world.parts.store.read { $0.opens.count } == 1)
        #expect(try await client.status([second.file, client.confirm(second)]) == .ok)
        await world.fileSystem.close()
    }

    @Test func `16_18: an owner that never confirms is forgotten, and others wait no longer`()
        async throws
    {
        let (world, client) = try await connected()
        _ = try await client.openOnly("f", .both, [.read, .write], creation)
        world.clock.advance(seconds: world.parts.limits.leaseSeconds)
        #expect(try await client.status([.renew(client.id)]) == .ok)
        world.clock.advance(seconds: 1)
        await world.parts.store.change { state, now in state.sweep(at: now) }
        #expect(world.parts.store.read { $0.opens.isEmpty })
        #expect(world.parts.store.read { $0.clients[client.id]?.v40?.openOwners.isEmpty } == true)
        await world.fileSystem.close()
    }

    @Test func `9_1_10: an owner without opens is forgotten after a lease, and confirms anew`()
        async throws
    {
        let (world, client) = try await connected()
        let open = try await client.make("f")
        _ = try await client.last([open.file, client.close(open)])
        world.clock.advance(seconds: world.parts.limits.leaseSeconds + 1)
        #expect(try await client.status([.renew(client.id)]) == .ok)
        await world.parts.store.change { state, now in state.sweep(at: now) }
        #expect(world.parts.store.read { $0.clients[client.id]?.v40?.closed.isEmpty } == true)
        client.sequences["o"] = 7
        #expect(try await client.openOnly("f").needsConfirmation)
        await world.fileSystem.close()
    }

    @Test func `as many open owners as there may be, and no more`() async throws {
        var limits = ServerLimits()
        limits.opensPerClientMax = 2
        let world = try await NFSWorld.make(limits: limits)
        let client = WireClientV40(world.parts)
        try await client.connect()
        let open = try await client.make("a", by: "1")
        _ = try await client.open("a", by: "2")
        await #expect(throws: NFSStatus.delay) { try await client.openOnly("a", by: "3") }
        _ = try await client.last([open.file, client.close(open)])
        // What has nothing open makes room.
        _ = try await client.open("a", by: "3")
        await world.fileSystem.close()
    }

    // MARK: OPEN_DOWNGRADE

    @Test func `16_19: an open goes back to what was opened, under the owner's number`()
        async throws
    {
        let (world, client) = try await connected()
        _ = try await client.make("f")
        var open = try await client.open("f", .read)
        func downgrade(_ access: UInt32) -> [OperationArguments] {
            [
                open.file,
                .openDowngrade(
                    OpenDowngradeArguments(
                        stateID: open.stateID,
                        sequence: client.next("o"),
                        access: ShareAccess(rawValue: access),
                        deny: []
                    )
                ),
            ]
        }
        #expect(try await client.status(downgrade(2)) == .invalid, "never opened for writing alone")
        #expect(try await client.status(downgrade(0x101)) == .invalid, "4.0 has no wishes")
        let less = downgrade(1)
        let reply = try await client.send(less)
        #expect(reply.status == .ok)
        #expect(try await client.send(less) == reply)
        guard case .openDowngrade(let stateID)? = reply.results.last else { throw reply.status }
        #expect(stateID.sequence == open.stateID.sequence + 1)
        #expect(try await client.status(downgrade(1)) == .oldStateID)
        open.stateID = stateID
        #expect(try await client.status([open.file, client.close(open)]) == .ok)
        await world.fileSystem.close()
    }
}

/// A client of 4.1 beside those of 4.0.
enum WireClient41 {
    static func make(_ parts: ServerParts, _ name: String) async throws -> WireClient {
        let client = WireClient(parts)
        try await client.connect(owner: "sessions")
        _ = try await client.make(name, mode: 0o666)
        return client
    }
}
