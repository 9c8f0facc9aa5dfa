import Backup
import BackupVault
import Disk
import TestKit
import Testing
import VarveModel

/// What copies cost, by counters: an increment costs what changed between two points, never what there is.
@Suite struct PointCopyCostTests {
    /// What one increment cost, counted where it happens.
    private struct Cost {
        let statistics: CopyStatistics
        let chunksChanged: UInt64
        let sourceBytesRead: UInt64
        let targetBytesRead: UInt64
        let syncs: Int
    }

    /// Entries of four chunks each, stored by a writer.
    private func entries(_ numbers: some Sequence<Int>, version: UInt8, _ writer: VaultWriter)
        throws
        -> [MapEdit]
    {
        try numbers.map { number in
            let chunks = try (0..<4).map { part in
                var bytes = [UInt8](repeating: UInt8(part), count: 200)
                withUnsafeBytes(of: number.bigEndian) { bytes.replaceSubrange(0..<8, with: $0) }
                // Of what is written over, one part of four is other bytes.
                if part == 2 { bytes[100] = version }
                return try writer.store(bytes)
            }
            let key = withUnsafeBytes(of: UInt64(number).bigEndian) { Array($0) }
            return MapEdit(key, MapValue([version], chunks: chunks))
        }
    }

    private func point(
        _ edits: (VaultWriter) throws -> [MapEdit],
        _ world: CopyWorld,
        _ vault: Vault,
        after base: RecoveryPoint? = nil
    ) throws -> RecoveryPoint {
        world.clock.advance(seconds: 3_600)
        let writer = try vault.beginWrite()
        let map = try writer.update(base?.maps["files"], edits: try edits(writer))
        return try writer.publish(
            RecoveryPointDraft(
                source: "fs",
                instant: UInt64(world.clock.now().seconds),
                instantTime: world.clock.now(),
                created: world.clock.now(),
                maps: ["files": map]
            )
        )
    }

    private func incrementOf100(entries count: Int) async throws -> Cost {
        let world = CopyWorld()
        let settings = VaultSettings(packBytes: 4 << 20, compressionLevel: 1)
        func make(_ name: String) throws -> CopyWorld.Place {
            let disk = SimulatedDisk(recording: false)
            let vault = try Vault.create(
                disk: disk,
                directory: CopyWorld.directory(name),
                name: name,
                root: world.root,
                clock: world.clock,
                settings: settings
            )
            return CopyWorld.Place(disk: disk, vault: vault)
        }
        let (a, b) = (try make("a"), try make("b"))
        let first = try point({ try entries(0..<count, version: 0, $0) }, world, a.vault)
        let full = try await world.copy(first, from: a.vault, to: b.vault)
        #expect(full.cost.chunksRead == UInt64(4 * count) && full.cost.entries == UInt64(count))
        let changed = (0..<100).map { $0 * (count / 100) }
        let second = try point(
            { try entries(changed, version: 1, $0) },
            world,
            a.vault,
            after: first
        )
        // As after a restart: nothing of the vaults is in memory.
        let from = try Vault.open(
            disk: a.disk,
            directory: CopyWorld.directory("a"),
            root: world.root
        )
        let to = try Vault.open(disk: b.disk, directory: CopyWorld.directory("b"), root: world.root)
        let (read, written, syncs) = (a.disk.bytesRead, b.disk.bytesRead, b.disk.syncs.count)
        let copied = try await world.copy(second, from: from, to: to)
        #expect(copied.base == first.id)
        return Cost(
            statistics: copied.cost,
            chunksChanged: 100,
            sourceBytesRead: a.disk.bytesRead - read,
            targetBytesRead: b.disk.bytesRead - written,
            syncs: b.disk.syncs.count - syncs
        )
    }

    @Test func `an increment of 100 entries costs the same beside few others and beside many`()
        async throws
    {
        let small = try await incrementOf100(entries: 1_000)
        let large = try await incrementOf100(entries: TestSizes.current.costTreeFiles)
        print("copy of 100 changes:", small, large)
        for cost in [small, large] {
            #expect(cost.statistics.entries == 100)
            // Three of four chunks of each changed entry are known from the copy before.
            #expect(cost.statistics.chunksRead == cost.chunksChanged)
            #expect(cost.statistics.bytesRead == 100 * 200)
            // Of two maps a path from the root to a leaf a change, at most: logarithmic, not equal.
            #expect(cost.statistics.nodesRead <= 2 * 100 * 5)
            #expect(cost.statistics.targetNodesRead <= 100 * 3 * 6)
            #expect(cost.statistics.targetNodesWritten <= 100 * 5)
            let nodes = cost.statistics.targetNodesWritten
            #expect(cost.statistics.chunksStored == 100 + nodes)
            #expect(cost.sourceBytesRead <= 2 * 100 * 5 * 8_192 + 100 * 4_096)
            #expect(cost.targetBytesRead <= 100 * 5 * 8_192 + 100 * 4_096)
        }
        #expect(small.syncs == large.syncs)
    }

    /// Goal: however much is copied, little is held.
    @Test func `what a copy holds is bounded`() async throws {
        let world = CopyWorld()
        let (a, b) = (try world.makeVault("a").vault, try world.makeVault("b").vault)
        var generator = SeededGenerator(seed: 17)
        let bytes = generator.bytes(1 << 20)
        let large = try point(
            { writer in
                try (0..<64).map { number in
                    var bytes = bytes
                    bytes[0] = UInt8(number)
                    let chunk = try writer.store(bytes)
                    return MapEdit([UInt8(number)], MapValue([0], chunks: [chunk]))
                }
            },
            world,
            a
        )
        let copied = try await world.copy(large, from: a, to: b)
        #expect(copied.cost.bytesRead == 64 << 20)
        #expect(copied.cost.bytesHeldMax <= 40 << 20, "\(copied.cost.bytesHeldMax)")
        #expect(copied.cost.bytesHeldMax >= 2 << 20)
    }
}
