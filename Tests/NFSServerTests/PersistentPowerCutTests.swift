import Disk
import FileSystemEngine
import NFSWire
import TestKit
import Testing
import VarveModel

@testable import NFSServer

/// Goal: there is no moment at which a change is durable and its answer is not, nor the other way round (RFC 8881 §2.10.6.5).
///
/// Method: one run on a recording disk; after each of its writes the disk is rebuilt as a power cut leaves it, a server
/// started on it, and the request sent again: it was done and is answered as before, or it was not and is refused.
@Suite struct PersistentPowerCutTests {
    private typealias Sessions = PersistentSessionTests

    /// A file system that is recorded, and a client of a persistent session whose files `a` and `b` are there.
    private struct Stage {
        let world: NFSWorld
        let disk: SimulatedDisk
        let client: WireClient

        init() async throws {
            world = try await NFSWorld.make(recording: true)
            disk = try #require(world.configuration.disk as? SimulatedDisk)
            client = WireClient(world.parts)
            client.version = .v42
            try await client.connect(flags: [.persist])
        }

        /// Opens what a power cut leaves, and serves it.
        func open(_ image: SimulatedDisk) async throws -> (FileSystem, ServerParts) {
            var configuration = world.configuration
            configuration.disk = image
            let fileSystem = try await FileSystem.open(configuration)
            let exports = Exports(root: .fileSystem(fileSystem.id))
            exports.replace(with: [fileSystem])
            let parts = ServerParts(
                exports: exports,
                identity: Array("test".utf8),
                clock: world.clock
            )
            client.turn(to: parts)
            return (fileSystem, parts)
        }
    }

    /// All that the changes change of the root's names and what they lead to.
    private struct Look: Hashable {
        struct Entry: Hashable {
            let name: FileName
            let inode: InodeNumber
            let links: UInt32
            let change: UInt64
        }

        let entries: [Entry]
        let change: UInt64

        init(_ fileSystem: FileSystem) async throws {
            let page = try await fileSystem.readDirectory(.root, limit: 100, as: .root)
            entries = page.entries.map {
                Entry(
                    name: $0.name,
                    inode: $0.attributes.inode,
                    links: $0.attributes.links,
                    change: $0.attributes.change
                )
            }
            change = page.directory.change
        }
    }

    private static func fates(_ cut: Int) -> [CutFate] {
        [.keepUnsynced, .dropUnsynced, .tear(seed: UInt64(cut))]
    }

    /// Results without what the restart took: the session's slots and the open's state id.
    private static func lasting(_ reply: CompoundReply) -> [OperationReply] {
        reply.results.dropFirst().map { result in
            guard case .open(var open) = result else { return result }
            open.stateID = .anonymous
            return .open(open)
        }
    }

    private static var requests: [(String, [OperationArguments])] {
        Sessions.changes.map { ($0.0, $0.1) }
            + Sessions.creations.map { ("OPEN", [Sessions.open($0), .getFileHandle]) }
    }

    @Test(arguments: 0..<10)
    func `a change and its answer survive a power cut together`(index: Int) async throws {
        #expect(Self.requests.count == 10, "each of them has its run")
        let (name, operations) = Self.requests[index]
        let stage = try await Stage()
        for file in ["a", "b"] { _ = try await stage.client.make(file) }
        let attribute = SetXattrArguments(option: .create, name: [0x78], value: [1])
        _ = try await stage.client.run(WireClient.walk("b") + [.setXattr(attribute)])
        let bytes = Sessions.Stage.bytes(
            [stage.client.sequence(cache: true), .putRootFileHandle] + operations
        )
        let (start, before) = (stage.disk.operations, try await Look(stage.world.fileSystem))
        let first = try await stage.client.answer(bytes: bytes).reply
        let (end, after) = (stage.disk.operations, try await Look(stage.world.fileSystem))
        try #require(first.status == .ok && before != after, "\(name)")
        var replay = stage.disk.replay()
        var outcomes: [NFSStatus: Int] = [:]
        for cut in start...end {
            replay.advance(to: cut)
            for fate in Self.fates(cut) {
                let (fileSystem, _) = try await stage.open(replay.image(fate))
                let reply = try await stage.client.answer(bytes: bytes, isRetry: true).reply
                let look = try await Look(fileSystem)
                outcomes[reply.status, default: 0] += 1
                if reply.status == .ok {
                    #expect(Self.lasting(reply) == Self.lasting(first))
                    #expect(look == after, "\(name), cut after write \(cut), \(fate)")
                } else {
                    #expect(reply.status == .badSession || reply.status == .deadSession)
                    #expect(look == before, "\(name), cut after write \(cut), \(fate)")
                    #expect(cut < end)
                }
                await fileSystem.close()
            }
        }
        print("power cut in \(name): \(outcomes)")
        #expect(outcomes[.ok] ?? 0 > 0 && outcomes.keys.contains { $0 != .ok })
        await stage.world.fileSystem.close()
    }

    /// The same of requests of all slots, half of them at one time and then the others: they share transactions as they come.
    @Test func `changes of many slots survive a power cut, each with its answer`() async throws {
        let stage = try await Stage()
        let names = (0..<8).map { "n\($0)" }
        for name in names { _ = try await stage.client.make(name) }
        let requests = names.enumerated().map { slot, name in
            Sessions.Stage.bytes([
                stage.client.sequence(slot: UInt32(slot), cache: true), .putRootFileHandle,
                .remove(WireClient.name(name)),
            ])
        }
        let start = stage.disk.operations
        var replies: [CompoundReply] = []
        for half in [requests[..<4], requests[4...]] {
            replies += try await Self.answers(
                Array(half),
                stage.world.parts,
                stage.client.credential
            )
        }
        let end = stage.disk.operations
        #expect(replies.allSatisfy { $0.status == .ok })
        var replay = stage.disk.replay()
        var counts: Set<Int> = []
        for cut in start...end {
            replay.advance(to: cut)
            for fate in Self.fates(cut) {
                let (fileSystem, parts) = try await stage.open(replay.image(fate))
                let again = try await Self.answers(requests, parts, stage.client.credential)
                let left = Set(try await Look(fileSystem).entries.map { "\($0.name)" })
                for (index, reply) in again.enumerated() {
                    let isDone = !left.contains(names[index])
                    #expect(isDone == (reply.status == .ok), "cut after write \(cut), \(fate)")
                    guard isDone else { continue }
                    #expect(reply.results.last == replies[index].results.last)
                }
                if cut == end { #expect(left.isEmpty) }
                counts.insert(left.count)
                await fileSystem.close()
            }
        }
        print("power cut in 8 removes: names left \(counts.sorted())")
        #expect(counts.isSuperset(of: [0, 4, 8]))
        await stage.world.fileSystem.close()
    }

    /// What becomes of requests that are sent all at once.
    private static func answers(
        _ requests: [ByteChain],
        _ parts: ServerParts,
        _ credential: RPCCredential
    ) async throws -> [CompoundReply] {
        let records = await withTaskGroup(of: (Int, ByteChain).self) { group in
            for (index, bytes) in requests.enumerated() {
                let request = CompoundRequest(
                    transaction: UInt32(index),
                    credential: credential,
                    arguments: XDRReader(bytes),
                    byteCount: bytes.count + 100
                )
                group.addTask { (index, await parts.answer(request)) }
            }
            return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
        return try requests.indices.map { index in
            var reader = XDRReader(try #require(records[index]))
            _ = try reader.uint32("record mark")
            _ = try RPCMessage(from: &reader)
            return try CompoundReply(from: &reader)
        }
    }
}
