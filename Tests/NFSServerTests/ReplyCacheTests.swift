import FileSystemEngine
import NFSWire
import NIOCore
import Testing
import VarveModel

@testable import NFSServer

/// Goal: a request of NFSv4.0 that changes something runs once, however often it is sent.
@Suite struct ReplyCacheTests {
    private let here: SocketAddress
    private let there: SocketAddress

    init() throws {
        here = try SocketAddress(ipAddress: "10.0.0.1", port: 700)
        there = try SocketAddress(ipAddress: "10.0.0.1", port: 701)
    }

    private func key(_ transaction: UInt32, _ hash: Int = 1) -> ReplyCache.Key {
        ReplyCache.Key(
            transaction: transaction,
            fingerprint: RequestFingerprint(byteCount: 100, hash: hash)
        )
    }

    private func reply(_ bytes: Int) -> ByteChain {
        ByteChain(copying: [UInt8](repeating: 1, count: bytes))
    }

    // MARK: The table

    @Test func `what ran is answered again to the one who sent it, and to nobody else`() async {
        let cache = ReplyCache(ServerLimits())
        #expect(await cache.begin(key(1), from: here) == nil)
        cache.finish(key(1), from: here, reply(10))
        for _ in 0..<2 { #expect(await cache.begin(key(1), from: here) == reply(10)) }
        #expect(await cache.begin(key(1), from: there) == nil, "from elsewhere")
        #expect(await cache.begin(key(1, 2), from: here) == nil, "another request")
        #expect(await cache.begin(key(2), from: here) == nil, "another number")
    }

    @Test func `one that comes while the first still runs gets its reply`() async {
        let cache = ReplyCache(ServerLimits())
        #expect(await cache.begin(key(1), from: here) == nil)
        async let second = cache.begin(key(1), from: here)
        async let third = cache.begin(key(1), from: here)
        cache.finish(key(1), from: here, reply(10))
        #expect(await second == reply(10))
        #expect(await third == reply(10))
    }

    @Test func `a sender's oldest replies go, and no other's`() async {
        var limits = ServerLimits()
        limits.keptRepliesPerSenderMax = 3
        let cache = ReplyCache(limits)
        _ = await cache.begin(key(0), from: there)
        cache.finish(key(0), from: there, reply(10))
        for number in UInt32(1)...5 {
            _ = await cache.begin(key(number), from: here)
            cache.finish(key(number), from: here, reply(10))
        }
        #expect(cache.byteCount == 40)
        #expect(await cache.begin(key(3), from: here) == reply(10))
        #expect(await cache.begin(key(0), from: there) == reply(10))
        #expect(await cache.begin(key(2), from: here) == nil)
    }

    @Test func `beyond the bound of bytes the sender that was silent for longest goes`() async {
        var limits = ServerLimits()
        limits.keptReplyBytesMax = 250
        let cache = ReplyCache(limits)
        for (number, sender) in [(UInt32(1), here), (2, there), (3, here)] {
            _ = await cache.begin(key(number), from: sender)
            cache.finish(key(number), from: sender, reply(100))
        }
        #expect(cache.byteCount == 200)
        #expect(await cache.begin(key(3), from: here) == reply(100))
        #expect(await cache.begin(key(2), from: there) == nil)
    }

    @Test func `so many senders and no more; one whose request runs stays`() async throws {
        var limits = ServerLimits()
        limits.keptReplySendersMax = 2
        let cache = ReplyCache(limits)
        _ = await cache.begin(key(1), from: here)
        for port in 1...9 {
            let other = try SocketAddress(ipAddress: "10.0.0.2", port: port)
            _ = await cache.begin(key(1), from: other)
            cache.finish(key(1), from: other, reply(10))
        }
        #expect(cache.byteCount == 10)
        cache.finish(key(1), from: here, reply(10))
        #expect(await cache.begin(key(1), from: here) == reply(10))
    }

    @Test func `a reply that is too long is not kept`() async {
        let limits = ServerLimits()
        let cache = ReplyCache(limits)
        _ = await cache.begin(key(1), from: here)
        cache.finish(key(1), from: here, reply(limits.cachedReplyBytesMax + 1))
        #expect(cache.byteCount == 0)
        #expect(await cache.begin(key(1), from: here) == nil)
    }

    // MARK: The server

    private func encoded(_ operations: [OperationArguments]) -> ByteChain {
        var writer = XDRWriter()
        Compound(version: .v40, operations: operations).encode(to: &writer)
        return writer.finish()
    }

    @Test func `names are made, moved and removed once`() async throws {
        let world = try await NFSWorld.make()
        let client = WireClient(world.parts)
        client.sender = here
        let root = OperationArguments.putRootFileHandle
        let directory = CreateArguments(
            kind: .directory,
            name: Array("d".utf8),
            attributes: FileAttributes([.mode(0o755)])
        )
        let moved = RenameArguments(oldName: Array("d".utf8), newName: Array("e".utf8))
        for operations: [OperationArguments] in [
            [root, .create(directory), .getFileHandle],
            [root, .saveFileHandle, root, .rename(moved)],
            [root, .remove(WireClient.name("e"))],
        ] {
            let bytes = encoded(operations)
            let first = try await client.answer(bytes: bytes)
            #expect(first.reply.status == .ok)
            for _ in 0..<2 {
                let again = try await client.answer(bytes: bytes, isRetry: true)
                #expect(again.bytes == first.bytes)
            }
            // Under a new number it is a new request.
            #expect(try await client.answer(bytes: bytes).reply.status != .ok)
        }
        await world.fileSystem.close()
    }

    @Test func `SETCLIENTID that is sent again is confirmed by what it got first`() async throws {
        let world = try await NFSWorld.make()
        let client = WireClient(world.parts)
        client.sender = here
        let bytes = encoded([.setClientID(WireClientV40.introduction("x"))])
        let first = try await client.answer(bytes: bytes).reply
        #expect(try await client.answer(bytes: bytes, isRetry: true).reply == first)
        guard case .setClientID(let known)? = first.results.first else { throw first.status }
        let confirm = try await client.send([.setClientIDConfirm(known)], version: .v40)
        #expect(confirm.status == .ok)
        await world.fileSystem.close()
    }

    @Test func `of the same REMOVE sent eight times at once one runs`() async throws {
        let world = try await NFSWorld.make()
        let (parts, sender) = (world.parts, here)
        let maker = WireClient(parts)
        try await maker.connect()
        _ = try await maker.make("f")
        let bytes = encoded([.putRootFileHandle, .remove(WireClient.name("f"))])
        let statuses = try await withThrowingTaskGroup(of: NFSStatus.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    let client = WireClient(parts)
                    client.sender = sender
                    return try await client.answer(bytes: bytes).reply.status
                }
            }
            var statuses: [NFSStatus] = []
            for try await status in group { statuses.append(status) }
            return statuses
        }
        #expect(statuses == Array(repeating: .ok, count: 8))
        await world.fileSystem.close()
    }

    @Test func `reading leaves nothing behind`() async throws {
        let world = try await NFSWorld.make()
        let client = WireClient(world.parts)
        client.sender = here
        _ = try await client.answer(bytes: encoded([.putRootFileHandle, .getFileHandle]))
        #expect(world.parts.replies.byteCount == 0)
        await world.fileSystem.close()
    }
}
