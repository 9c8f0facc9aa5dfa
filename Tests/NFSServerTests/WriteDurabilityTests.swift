import Disk
import FileSystemEngine
import NFSWire
import TestKit
import Testing
import VarveModel

@testable import NFSServer

/// Goal: what a WRITE's answer promises survives power loss at that moment, and of unstable data no more waits than is allowed
/// (RFC 8881 §18.32.3).
///
/// Method: a recording disk, of which all is dropped that was not synced when the answer came.
@Suite struct WriteDurabilityTests {
    private static let piece = [UInt8](repeating: 7, count: 20_000)

    /// What is left of the file `f` after a power cut now.
    private func left(of world: NFSWorld) async throws -> [UInt8] {
        let disk = try #require(world.configuration.disk as? SimulatedDisk)
        var configuration = world.configuration
        configuration.disk = disk.image(
            cuttingAfter: disk.operations,
            fate: .dropUnsynced
        )
        let fileSystem = try await FileSystem.open(configuration)
        let exports = Exports(root: .fileSystem(fileSystem.id))
        exports.replace(with: [fileSystem])
        let client = WireClient(
            ServerParts(exports: exports, identity: Array("test".utf8), clock: world.clock)
        )
        try await client.connect(owner: "judge")
        let read = ReadArguments(stateID: .anonymous, offset: 0, count: 1 << 20)
        let found = try await client.last(WireClient.walk("f") + [.read(read)])
        guard case .read(let reply) = found else { throw found.status }
        await fileSystem.close()
        return reply.data.bytes
    }

    @Test(arguments: [StableHow.unstable, .dataSync, .fileSync])
    func `a WRITE is as durable as its answer says`(stability: StableHow) async throws {
        let world = try await NFSWorld.make(recording: true)
        let client = WireClient(world.parts)
        try await client.connect()
        let (stateID, handle) = try await client.make("f")
        let reply = try await client.write(handle, stateID, Self.piece, stability)
        #expect(reply.count == UInt32(Self.piece.count))
        // DATA_SYNC may be answered with more than was asked.
        #expect(reply.committed == (stability == .unstable ? .unstable : .fileSync))
        #expect(try await left(of: world) == (stability == .unstable ? [] : Self.piece))
        let commit = CommitArguments(offset: 0, count: 0)
        let committed = try await client.last([.putFileHandle(handle), .commit(commit)])
        #expect(committed == .commit(reply.verifier))
        #expect(try await left(of: world) == Self.piece)
        await world.fileSystem.close()
    }

    /// A client that writes faster than the disk is held back by the write that goes over the limit.
    @Test func `unstable data over the limit is committed at once`() async throws {
        let world = try await NFSWorld.make(recording: true, pendingBytesMax: 50_000)
        let client = WireClient(world.parts)
        try await client.connect()
        let (stateID, handle) = try await client.make("f")
        var durable: [Int] = []
        for number in 0..<6 {
            let offset = UInt64(number * Self.piece.count)
            _ = try await client.write(handle, stateID, Self.piece, at: offset, .unstable)
            durable.append(try await left(of: world).count / Self.piece.count)
        }
        #expect(durable == [0, 0, 3, 3, 3, 6])
        await world.fileSystem.close()
    }
}
