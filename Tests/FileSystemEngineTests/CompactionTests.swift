import Disk
import MetadataStore
import SegmentStore
import TestKit
import Testing
import VarveModel

@testable import FileSystemEngine

/// Half-dead segments are emptied: their space comes back, nothing reads otherwise (I4, I6).
@Suite struct CompactionTests {
    typealias Files = [InodeNumber: [UInt8]]

    /// Many small records, scattered dead ones among them: no run of 64 KiB to punch.
    static func fill(
        _ fileSystem: FileSystem,
        _ generator: inout SeededGenerator,
        count: Int
    ) async throws -> Files {
        var files: Files = [:]
        for index in 0..<count {
            let bytes = generator.bytes(Int.random(in: 3_000..<9_000, using: &generator))
            files[try await fileSystem.makeFile("f\(index)", bytes)] = bytes
        }
        return files
    }

    /// Overwrites most files whole; the past keeps what they held.
    static func overwrite(
        _ fileSystem: FileSystem,
        _ files: inout Files,
        _ generator: inout SeededGenerator
    ) async throws {
        for inode in files.keys.sorted()
        where !Int.random(in: 0..<4, using: &generator).isMultiple(of: 4) {
            let bytes = generator.bytes(files[inode]?.count ?? 1)
            _ = try await fileSystem.write(inode, bytes, at: 0, stability: .stable, as: .root)
            files[inode] = bytes
        }
    }

    static func check(
        _ fileSystem: FileSystem,
        _ files: Files,
        at view: View = .live
    ) async throws {
        for (inode, bytes) in files {
            let found = try await fileSystem.contents(inode, at: view)
            #expect(found == bytes, "inode \(inode.rawValue) at \(view)")
        }
    }

    /// The accounts of segments, of tiers and of the store agree.
    static func checkAccounts(_ fileSystem: FileSystem) async throws {
        let (rows, counters) = try await fileSystem.readers.run { context in
            try context.begin(.live)
            return (try context.reader.segments(), try context.reader.counters())
        }
        for tier in Tier.allCases {
            let live = rows.filter { $0.tier == tier }.reduce(0) { $0 + $1.bytes - $1.dead }
            #expect(counters.stored[Int(tier.rawValue)] == live, "\(tier)")
        }
        let known = Set(fileSystem.core.segments.usage().map(\.segment))
        for row in rows where row.bytes > row.dead {
            #expect(known.contains(row.id), "segment \(row.id.rawValue) holds records and is gone")
        }
    }

    @Test func `what lives and every retained instant read the same, and the space comes back`()
        async throws
    {
        var limits = EngineWorld.smallLimits
        limits.segmentBytes = 256 << 10
        var world = try await EngineWorld.make(limits: limits)
        var generator = SeededGenerator(seed: testSeed(default: 41))
        var files = try await Self.fill(world.fileSystem, &generator, count: 200)
        var instants: [(view: View, files: Files)] = []
        for round in 0..<4 {
            if round == 1 {
                let snapshot = try await world.fileSystem.createSnapshot("s")
                instants.append((.past(snapshot.epoch), files))
            }
            world.clock.advance(seconds: 5)
            try await Self.overwrite(world.fileSystem, &files, &generator)
            if round == 2 { try await world.reopen() }
        }
        let cold = files.keys.sorted().prefix(40)
        for inode in cold {
            _ = try await world.fileSystem.move(inode, to: .infrequentAccess)
        }
        let hold = try await world.fileSystem.hold()
        instants.append((.past(hold.epoch), files))
        try await Self.overwrite(world.fileSystem, &files, &generator)
        world.clock.advance(seconds: 8_000)
        try await world.fileSystem.flush()
        while try await world.fileSystem.collectGarbage().isMoreDue {}
        let before = try await world.fileSystem.statistics()
        let changes = try await Self.changeCount(world.fileSystem)
        let report = try await world.fileSystem.compactAll()
        let after = try await world.fileSystem.statistics()
        print("compaction: \(report), standard \(before.storedBytes) -> \(after.storedBytes)")
        #expect(report.recordsCompacted > 0)
        let (old, new) = (before.storedBytes[.standard] ?? 0, after.storedBytes[.standard] ?? 0)
        #expect(new < old)
        #expect(try await Self.changeCount(world.fileSystem) == changes)
        try await Self.check(world.fileSystem, files)
        for instant in instants {
            try await Self.check(world.fileSystem, instant.files, at: instant.view)
        }
        try await Self.checkAccounts(world.fileSystem)
        #expect(try await world.fileSystem.verify().isEmpty)
        #expect(try await world.fileSystem.compactAll().recordsCompacted == 0)
        try await world.reopen()
        try await Self.check(world.fileSystem, files)
        try await Self.check(world.fileSystem, instants[0].files, at: instants[0].view)
        #expect(try await world.fileSystem.verify().isEmpty)
        await world.fileSystem.close()
    }

    static func changeCount(_ fileSystem: FileSystem) async throws -> Int {
        try await fileSystem.committer.run { try $0.writer.audit().changes }
    }

    /// Goal: a record that several rows share goes with all of them, whichever of them is left.
    @Test func `records that a rollback shares are moved with every row`() async throws {
        var limits = EngineWorld.smallLimits
        limits.segmentBytes = 64 << 10
        limits.wastePercentMin = 1
        let world = try await EngineWorld.make(limits: limits)
        let fileSystem = world.fileSystem
        var generator = SeededGenerator(seed: 5)
        let old = try await Self.fill(fileSystem, &generator, count: 40)
        let snapshot = try await fileSystem.createSnapshot("s")
        world.clock.advance(seconds: 2)
        for inode in old.keys.sorted() {
            _ = try await fileSystem.write(
                inode,
                generator.bytes(500),
                at: 1_000,
                stability: .stable,
                as: .root
            )
        }
        world.clock.advance(seconds: 2)
        _ = try await fileSystem.restoreInPlace(.root, to: snapshot.epoch)
        // Other files' records die beside them, so that the segments are worth it.
        for index in stride(from: 0, to: 40, by: 3) {
            try await fileSystem.unlink(try name("f\(index)"), in: .root, as: .root)
        }
        world.clock.advance(seconds: 8_000)
        try await fileSystem.flush()
        try await fileSystem.maintainAll()
        let live = old.keys.sorted().enumerated().filter { !$0.offset.isMultiple(of: 3) }.map(
            \.element
        )
        try await Self.check(fileSystem, old.filter { live.contains($0.key) })
        try await Self.check(fileSystem, old, at: .past(snapshot.epoch))
        try await fileSystem.deleteSnapshot("s")
        try await fileSystem.maintainAll()
        try await Self.check(fileSystem, old.filter { live.contains($0.key) })
        try await Self.checkAccounts(fileSystem)
        #expect(try await fileSystem.verify().isEmpty)
        await fileSystem.close()
    }

    /// Goal: the cost is that of the chosen segments, whatever else the file system holds.
    ///
    /// Method: the same segment is compacted in a small and in a large file system; rows and reads are counted.
    @Test func `compaction costs the same however many files there are`() async throws {
        var costs: [(rows: UInt64, reads: UInt64, records: Int)] = []
        for others in [100, TestSizes.current.costTreeFiles / 4] {
            var limits = EngineWorld.smallLimits
            limits.segmentBytes = 256 << 10
            limits.nameHashBits = 55
            limits.readers = 1
            let world = try await EngineWorld.make(limits: limits)
            let fileSystem = world.fileSystem
            let bytes = [UInt8](repeating: 3, count: 3_000)
            for index in 0..<others { _ = try await fileSystem.makeFile("o\(index)", bytes) }
            fileSystem.core.segments.finishSegment(.standard)
            for index in 0..<60 { _ = try await fileSystem.makeFile("f\(index)", bytes) }
            fileSystem.core.segments.finishSegment(.standard)
            _ = try await fileSystem.makeFile("last", bytes)
            for index in stride(from: 0, to: 60, by: 2) {
                try await fileSystem.unlink(try name("f\(index)"), in: .root, as: .root)
            }
            world.clock.advance(seconds: 8_000)
            try await fileSystem.flush()
            for _ in 0..<2 {
                while try await fileSystem.collectGarbage().isMoreDue {}
                while try await fileSystem.reap().isMoreDue {}
            }
            let before = try await Self.cost(of: fileSystem)
            let report = try await fileSystem.compactAll()
            let after = try await Self.cost(of: fileSystem)
            costs.append(
                (after.rows - before.rows, after.reads - before.reads, report.recordsCompacted)
            )
            await fileSystem.close()
        }
        print("compaction of one segment:", costs)
        #expect(costs[0].records == 30 && costs[1].records == 30)
        #expect(costs[0].reads == costs[1].reads)
        // Whether a reader's transaction was still open makes a few steps.
        #expect(max(costs[0].rows, costs[1].rows) - min(costs[0].rows, costs[1].rows) < 32)
    }

    static func cost(of fileSystem: FileSystem) async throws -> (rows: UInt64, reads: UInt64) {
        let written = try await fileSystem.committer.run { $0.writer.rowsStepped }
        let read = try await fileSystem.readers.run { $0.reader.rowsStepped }
        return (written + read, fileSystem.core.segments.counters.reads)
    }

    @Test func `space comes back to a host directory`() async throws {
        let directory = try TemporaryDirectory()
        let clock = SimulatedClock(EngineWorld.start)
        var configuration = try EngineWorld.configuration(disk: HostDisk(), clock: clock)
        configuration.directory = directory.path + "/fs"
        configuration.zones = [directory.path + "/zone"]
        configuration.limits.segmentBytes = 1 << 20
        let fileSystem = try await FileSystem.create(configuration)
        var generator = SeededGenerator(seed: 6)
        let files = try await Self.fill(fileSystem, &generator, count: 2_000)
        var kept: Files = [:]
        for (index, inode) in files.keys.sorted().enumerated() {
            if index.isMultiple(of: 5) {
                kept[inode] = files[inode]
            } else {
                try await fileSystem.unlink(try name("f\(index)"), in: .root, as: .root)
            }
        }
        clock.advance(seconds: 8_000)
        try await fileSystem.flush()
        for _ in 0..<2 {
            while try await fileSystem.collectGarbage().isMoreDue {}
            while try await fileSystem.reap().isMoreDue {}
        }
        let before = try await fileSystem.statistics().storedBytes[.standard] ?? 0
        let report = try await fileSystem.compactAll()
        let after = try await fileSystem.statistics().storedBytes[.standard] ?? 0
        let live = kept.values.reduce(0) { $0 + $1.count }
        print("host directory: \(before) -> \(after) bytes on disk for \(live) live, \(report)")
        try await Self.check(fileSystem, kept)
        #expect(report.recordsCompacted > 0)
        // Two spares and two open segments come on top, and the survivors' padding.
        #expect(after < UInt64(live) + 5 << 20)
        #expect(before > UInt64(live) + 6 << 20)
        await fileSystem.close()
    }
}
