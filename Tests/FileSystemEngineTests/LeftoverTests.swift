import Disk
import MetadataStore
import SegmentStore
import TestKit
import Testing
import VarveModel

@testable import FileSystemEngine

/// Nothing unreachable is kept for ever (I6), whatever a crash leaves.
@Suite struct LeftoverTests {
    /// Goal: after a crash at any point, a start and maintenance bring the bytes on disk back to what rows name.
    ///
    /// Method: random work, some of it unstable or half-moved, is cut by kill at random points in turn.
    @Test func `after kills at random points the bytes on disk are those that rows name`()
        async throws
    {
        var limits = EngineWorld.smallLimits
        limits.segmentBytes = 128 << 10
        limits.wastePercentMin = 5
        let world = try await EngineWorld.make(limits: limits)
        var generator = SeededGenerator(seed: testSeed(default: 19))
        for round in 0..<12 {
            for step in 0..<40 {
                try await Self.work(world, "\(round)-\(step)", &generator)
            }
            // A kill: the disk as it is, no orderly end.
            var configuration = world.configuration
            configuration.disk = world.disk.restarted()
            let reopened = try await FileSystem.open(configuration)
            world.clock.advance(seconds: 8_000)
            try await reopened.flush()
            try await reopened.maintainAll()
            try await reopened.maintainAll()
            try await Self.check(reopened, "round \(round)")
            #expect(try await reopened.verify().isEmpty)
            await reopened.close()
        }
        await world.fileSystem.close()
    }

    private static func work(
        _ world: EngineWorld,
        _ text: String,
        _ generator: inout SeededGenerator
    ) async throws {
        let fileSystem = world.fileSystem
        let bytes = generator.bytes(Int.random(in: 2_100..<20_000, using: &generator))
        let made = try await fileSystem.makeFile("f" + text)
        let stability: Stability = Bool.random(using: &generator) ? .stable : .unstable
        _ = try await fileSystem.write(made, bytes, at: 0, stability: stability, as: .root)
        switch Int.random(in: 0..<6, using: &generator) {
        case 0: _ = try await fileSystem.move(made, to: .infrequentAccess)
        case 1, 2: try await fileSystem.unlink(try name("f" + text), in: .root, as: .root)
        case 3:
            world.clock.advance(seconds: 4_000)
            _ = try await fileSystem.collectGarbage()
        case 4: _ = try await fileSystem.compact()
        default: _ = try await fileSystem.reap()
        }
    }

    /// Files hold the records that rows name, their headers and tables, and what compaction may leave.
    private static func check(_ fileSystem: FileSystem, _ when: String) async throws {
        let (rows, counters) = try await fileSystem.readers.run { context in
            try context.begin(.live)
            return (try context.reader.segments(), try context.reader.counters())
        }
        let stored = counters.stored.reduce(0, +)
        let named = rows.reduce(0) { $0 + $1.bytes - min($1.bytes, $1.dead) }
        #expect(named == stored, "\(when): segments name \(named), the counters \(stored)")
        var files: UInt64 = 0
        for (tier, bytes) in try await fileSystem.statistics().storedBytes {
            let spares = try fileSystem.core.configuration.disk
                .list(fileSystem.core.configuration.zones[0] + "/" + tier.folder)
                .count { $0.hasSuffix(".spare") }
            files += bytes - UInt64(spares) * 128 << 10
        }
        let segments = UInt64(fileSystem.core.segments.usage().count)
        // Of each segment: header, table and partial pages, under 64 KiB or 5 % of it; open ones reserve.
        let bound = stored + stored / 10 + segments * (32 << 10) + 3 * 128 << 10
        #expect(
            files <= bound,
            "\(when): \(files) bytes for \(stored) named in \(segments) segments"
        )
    }

    /// Goal: a start after a crash looks at the segments that were open, never at all files.
    @Test func `a start after a crash costs the same however many files there are`() async throws {
        var costs: [UInt64] = []
        for others in [200, TestSizes.current.costTreeFiles / 4] {
            var limits = EngineWorld.smallLimits
            limits.segmentBytes = 128 << 10
            limits.nameHashBits = 55
            let world = try await EngineWorld.make(limits: limits)
            let fileSystem = world.fileSystem
            let bytes = [UInt8](repeating: 3, count: 3_000)
            for index in 0..<others { _ = try await fileSystem.makeFile("o\(index)", bytes) }
            fileSystem.core.segments.finishSegment(.standard)
            _ = try await fileSystem.makeFile("last", bytes)
            // Closed segments are noted: all of their records are named.
            _ = try await fileSystem.collectGarbage()
            for index in 0..<20 { _ = try await fileSystem.makeFile("f\(index)", bytes) }
            try await fileSystem.checkpoint()
            var configuration = world.configuration
            configuration.disk = world.disk.restarted()
            let reopened = try await FileSystem.open(configuration)
            costs.append(try await reopened.committer.run { $0.writer.rowsStepped })
            #expect(try await reopened.verify().isEmpty)
            await reopened.close()
            await fileSystem.close()
        }
        print("start after a crash, rows stepped by the writer:", costs)
        // A few steps for the row of each closed segment: of 128 KiB here, of 64 MiB elsewhere.
        let segments = UInt64(TestSizes.current.costTreeFiles / 4 * 3_300 / (128 << 10))
        #expect(costs[1] <= costs[0] + 64 * segments)
    }
}
