import NFSWire
import NIOCore
import NIOPosix
import Testing
import VarveModel

@testable import FileSystemEngine
@testable import NFSServer

/// Goal: what memory can answer is answered where it arrived, whole and the same; what cannot be goes on from where it stood.
@Suite struct AnswerNowTests {
    /// How far requests came without waiting; the rest is done behind.
    private final class Witness {
        var answered = 0
        var waited = 0
    }

    private static func world() async throws -> (NFSWorld, WireClient, Witness) {
        let world = try await NFSWorld.make()
        let (parts, witness) = (world.parts, Witness())
        let client = WireClient { transaction, credential, bytes in
            let request = CompoundRequest(
                transaction: transaction,
                credential: credential,
                arguments: XDRReader(bytes),
                byteCount: bytes.count + 100
            )
            let record: ByteChain
            switch parts.begin(request) {
            case .answered(let answer):
                witness.answered += 1
                record = answer
            case .waiting(let progress):
                witness.waited += 1
                record = await progress.finish()
            case .ofV40(let reader): record = await parts.answerV40(request, reader)
            }
            var reader = XDRReader(record)
            _ = try reader.uint32("record mark")
            return reader.takeRest()
        }
        try await client.connect()
        return (world, client, witness)
    }

    /// Goal: files that move leave the machine also to clients who only look (docs/decisions/0050).
    @Test func `while a file moves, who asks for attributes is heeded`() async throws {
        let (world, client, _) = try await Self.world()
        let (made, handle) = try await client.make("f")
        _ = try await client.write(handle, made, [UInt8](repeating: 1, count: 8_192))
        let name = try #require(FileName("f"))
        let file = try await world.fileSystem.lookup(name, in: .root, as: .root)
        let pace = world.fileSystem.core.copyPace
        let asked: [OperationArguments] = [
            .putFileHandle(handle), .getAttributes(GetAttributesArguments(attributes: [1, 4])),
        ]
        let before = pace.callsNoted
        #expect(try await client.status(asked) == .ok)
        #expect(pace.callsNoted == before)
        let moved = await world.fileSystem.moveTogether([file.inode], to: .infrequentAccess) {
            copied in
            do {
                #expect(try await client.status(asked) == .ok)
            } catch {
                Issue.record("\(error)")
            }
            return copied.map { _ in nil }
        }
        #expect(moved.allSatisfy { $0.failure == nil })
        #expect(pace.callsNoted > before)
    }

    @Test func `a file that is known is found, opened, read and closed without waiting`()
        async throws
    {
        let (world, client, witness) = try await Self.world()
        let plain = (0..<1 << 20).map { UInt8(truncatingIfNeeded: $0 / 4_096 ^ $0) }
        let (made, handle) = try await client.make("f")
        for start in stride(from: 0, to: plain.count, by: 256 << 10) {
            let part = Array(plain[start..<start + (256 << 10)])
            _ = try await client.write(handle, made, part, at: UInt64(start))
        }
        _ = try await client.read(handle, made, count: 4_096)
        _ = try await client.open("f", owner: "again")
        let waited = witness.waited
        let attributes = GetAttributesArguments(attributes: [1, 3, 4, 20, 33, 36, 37, 45, 53])
        for _ in 0..<20 {
            let found = try await client.run([
                .putRootFileHandle, .lookup(WireClient.name("f")), .getFileHandle,
                .getAttributes(attributes),
                .access(AccessArguments(rights: [.read, .modify])),
            ])
            #expect(found.map(\.status) == [.ok, .ok, .ok, .ok, .ok])
            let (opened, file) = try await client.open("f", owner: "again")
            #expect(file == handle)
            let close = CloseArguments(sequence: 0, stateID: opened)
            #expect(try await client.status([.putFileHandle(file), .close(close)]) == .ok)
        }
        #expect(witness.waited == waited)
        var now = 0
        for start in stride(from: 0, to: plain.count, by: 4_096) {
            let before = witness.waited
            let read = try await client.read(handle, made, count: 4_096, at: UInt64(start))
            #expect(read.data.bytes == Array(plain[start..<start + 4_096]))
            #expect(read.isAtEnd == (start + 4_096 == plain.count))
            now += witness.waited == before ? 1 : 0
        }
        // The simulated disk holds every second run of 16 KiB in its page cache.
        #expect(now >= 100 && now < 256)
        await world.fileSystem.close()
    }

    @Test func `what must wait goes on behind what was done, once`() async throws {
        let (world, client, witness) = try await Self.world()
        _ = try await client.make("f")
        _ = try await client.open("f", owner: "o")
        let (answered, waited) = (witness.answered, witness.waited)
        // OPEN and SAVEFH are done where the request arrived, LINK by a task, and the last again from memory.
        let results = try await client.run([
            .putRootFileHandle, .open(WireClient.openArguments("f", owner: "p")), .saveFileHandle,
            .putRootFileHandle, .link(WireClient.name("g")), .lookup(WireClient.name("f")),
            .getFileHandle,
        ])
        #expect(results.map(\.status) == Array(repeating: .ok, count: 7))
        #expect((witness.answered, witness.waited) == (answered, waited + 1))
        guard case .open(let opened) = results[1], case .getFileHandle(let handle) = results[6]
        else {
            Issue.record("\(results)")
            return
        }
        // Opened once: the state id is its first.
        #expect(opened.stateID.sequence == 1)
        let close = CloseArguments(sequence: 0, stateID: opened.stateID)
        #expect(try await client.status([.putFileHandle(handle), .close(close)]) == .ok)
        let refused = try await client.run([
            .putRootFileHandle, .lookup(WireClient.name("none")), .getFileHandle,
        ])
        #expect(refused.map(\.status) == [.ok, .noEntry])
        await world.fileSystem.close()
    }

    /// Goal: a request that was begun is answered though the listener stops: its slot must not stay busy.
    @Test func `a queue that is closed ends what was begun`() async throws {
        let world = try await NFSWorld.make()
        let (parts, queue) = (world.parts, RequestQueue())
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let outbox = try await loop.submit {
            ReplyOutbox(NFSConnection(parts: parts, queue: queue, ended: {}), on: loop)
        }.get()
        var writer = XDRWriter()
        Compound(version: .v40, operations: []).encode(to: &writer)
        let compound = XDRReader(writer.finish())
        let request = CompoundRequest(
            transaction: 1,
            credential: .none,
            arguments: compound,
            byteCount: 0
        )
        let pending = PendingRequest(
            parts: parts,
            request: request,
            rest: .ofV40(try CompoundReader(compound)),
            bytes: 0,
            outbox: outbox
        )
        #expect(queue.begin() && queue.begin())
        queue.close()
        #expect(!queue.begin())
        async let first = queue.next()
        async let second = queue.next()
        queue.end(pending)
        queue.end(nil)
        let taken = await [first, second]
        #expect(taken.count { $0 != nil } == 1)
        #expect(await queue.next() == nil)
        await world.fileSystem.close()
    }
}
