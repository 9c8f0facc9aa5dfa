import Disk
import MetadataStore
import SegmentStore
import TestKit
import Testing
import VarveModel

@testable import FileSystemEngine

/// Goal: a clone reads as its source did, shares its records, and neither outlives nor outstays what it needs (I4, I6).
@Suite struct CloneTests {
    private static func clone(
        _ fileSystem: FileSystem,
        _ source: InodeNumber,
        view: View = .live,
        _ range: Range<UInt64>? = nil,
        to target: InodeNumber,
        at offset: UInt64 = 0
    ) async throws {
        let request = CloneRequest(
            source: source,
            at: view,
            offset: range?.lowerBound ?? 0,
            count: range.map { UInt64($0.count) },
            target: target,
            targetOffset: offset,
            as: .root
        )
        let result = try await fileSystem.clone(request)
        if let range { #expect(result.count == UInt64(range.count)) }
    }

    /// Sealed bytes of all records that rows name.
    private static func stored(_ fileSystem: FileSystem) async throws -> UInt64 {
        try await fileSystem.readers.run { context in
            try context.begin(.live)
            return try context.reader.counters().stored.reduce(0, +)
        }
    }

    @Test func `a clone writes no data and reads none, and the two go their own ways`() async throws
    {
        let world = try await EngineWorld.make()
        let fileSystem = world.fileSystem
        var generator = SeededGenerator(seed: testSeed(default: 51))
        let bytes = generator.bytes(200_000)
        let source = try await fileSystem.makeFile("source", bytes)
        let target = try await fileSystem.makeFile("target")
        let (stored, meter) = (
            try await Self.stored(fileSystem), fileSystem.core.segments.counters
        )
        try await Self.clone(fileSystem, source, to: target)
        #expect(try await Self.stored(fileSystem) == stored)
        #expect(fileSystem.core.segments.counters.appends == meter.appends)
        #expect(fileSystem.core.segments.counters.reads == meter.reads)
        #expect(try await fileSystem.contents(target) == bytes)
        let new = generator.bytes(30_000)
        _ = try await fileSystem.write(source, new, at: 5_000, stability: .stable, as: .root)
        #expect(try await fileSystem.contents(target) == bytes)
        _ = try await fileSystem.write(target, new, at: 90_000, stability: .unstable, as: .root)
        let changed = Array(bytes[..<90_000] + new + bytes[120_000...])
        #expect(try await fileSystem.contents(target) == changed)
        let wanted = Array(bytes[..<5_000] + new + bytes[35_000...])
        #expect(try await fileSystem.contents(source) == wanted)
        #expect(try await fileSystem.verify().isEmpty)
        await fileSystem.close()
    }

    /// Goal: it costs what the source has of slices, whatever their bytes.
    @Test func `a clone costs the same however long the slices are`() async throws {
        var steps: [UInt64] = []
        for size in [3_000, 16_000] {
            var limits = EngineWorld.smallLimits
            limits.readers = 1
            let world = try await EngineWorld.make(limits: limits)
            let fileSystem = world.fileSystem
            let source = try await fileSystem.makeFile("source", [1])
            let target = try await fileSystem.makeFile("target")
            for tile in 0..<20 {
                let bytes = [UInt8](repeating: 7, count: size)
                _ = try await fileSystem.write(
                    source,
                    bytes,
                    at: UInt64(tile) * 16 << 10,
                    stability: .stable,
                    as: .root
                )
            }
            let before = try await fileSystem.committer.run { $0.writer.rowsStepped }
            try await Self.clone(fileSystem, source, to: target)
            steps.append(try await fileSystem.committer.run { $0.writer.rowsStepped } - before)
            await fileSystem.close()
        }
        print("clone of 20 slices:", steps)
        #expect(steps[0] == steps[1] && steps[0] > 0)
    }

    /// Goal: the records stay while anybody shows them, over a start too, and go with the last.
    @Test func `the source may go, then the clone, and nothing is left`() async throws {
        var world = try await EngineWorld.make()
        var generator = SeededGenerator(seed: testSeed(default: 52))
        let bytes = generator.bytes(150_000)
        let source = try await world.fileSystem.makeFile("source", bytes)
        let target = try await world.fileSystem.makeFile("target")
        let empty = try await Self.stored(world.fileSystem)
        #expect(empty > 150_000)
        try await Self.clone(world.fileSystem, source, to: target, at: 777)
        try await world.fileSystem.unlink(try name("source"), in: .root, as: .root)
        world.clock.advance(seconds: 8_000)
        try await world.fileSystem.flush()
        try await world.fileSystem.maintainAll()
        #expect(try await Self.stored(world.fileSystem) == empty)
        // A kill: the next start sweeps what no row names, and must see that these are named.
        var configuration = world.configuration
        configuration.disk = world.disk.restarted()
        let reopened = try await FileSystem.open(configuration)
        let wanted = [UInt8](repeating: 0, count: 777) + bytes
        #expect(try await reopened.contents(target) == wanted)
        #expect(try await reopened.verify().isEmpty)
        await reopened.close()
        try await world.reopen()
        #expect(try await world.fileSystem.contents(target) == wanted)
        try await world.fileSystem.unlink(try name("target"), in: .root, as: .root)
        world.clock.advance(seconds: 8_000)
        try await world.fileSystem.flush()
        try await world.fileSystem.maintainAll()
        #expect(try await Self.stored(world.fileSystem) == 0)
        await world.fileSystem.close()
    }

    /// Goal: compaction finds the rows of a record whose own file shows it no more.
    @Test func `what only clones show is compacted, and reads the same`() async throws {
        var limits = EngineWorld.smallLimits
        limits.segmentBytes = 256 << 10
        var world = try await EngineWorld.make(limits: limits)
        var generator = SeededGenerator(seed: testSeed(default: 53))
        var files = try await CompactionTests.fill(world.fileSystem, &generator, count: 120)
        let all = try await world.fileSystem.makeFile("all")
        var (wanted, end): ([UInt8], UInt64) = ([], 0)
        for (index, inode) in files.keys.sorted().enumerated() where index.isMultiple(of: 2) {
            try await Self.clone(world.fileSystem, inode, to: all, at: end)
            wanted += files[inode] ?? []
            end = UInt64(wanted.count)
        }
        let snapshot = try await world.fileSystem.createSnapshot("s")
        for index in 0..<120 {
            let text = "f\(index)"
            let found = try await world.fileSystem.lookup(try name(text), in: .root, as: .root)
            files[found.inode] = nil
            try await world.fileSystem.unlink(try name(text), in: .root, as: .root)
        }
        try await world.fileSystem.deleteSnapshot("s")
        world.clock.advance(seconds: 8_000)
        try await world.fileSystem.flush()
        while try await world.fileSystem.collectGarbage().isMoreDue {}
        while try await world.fileSystem.reap().isMoreDue {}
        #expect(snapshot.epoch > .zero)
        let report = try await world.fileSystem.compactAll()
        print("clone, compacted:", report)
        #expect(report.recordsCompacted > 0)
        #expect(try await world.fileSystem.contents(all) == wanted)
        #expect(try await world.fileSystem.verify().isEmpty)
        try await CompactionTests.checkAccounts(world.fileSystem)
        try await world.reopen()
        #expect(try await world.fileSystem.contents(all) == wanted)
        _ = try await world.fileSystem.move(all, to: .infrequentAccess)
        #expect(try await world.fileSystem.contents(all) == wanted)
        #expect(try await world.fileSystem.verify().isEmpty)
        await world.fileSystem.close()
    }

    @Test func `a clone of a clone, of a part, of holes, over tiles`() async throws {
        let world = try await EngineWorld.make()
        let fileSystem = world.fileSystem
        var generator = SeededGenerator(seed: testSeed(default: 54))
        let first = try await fileSystem.makeFile("first", generator.bytes(40_000))
        // A hole of 60,000 bytes, then data that is not flushed yet.
        _ = try await fileSystem.write(
            first,
            generator.bytes(20_000),
            at: 100_000,
            stability: .unstable,
            as: .root
        )
        var bytes = try await fileSystem.contents(first)
        let second = try await fileSystem.makeFile("second", generator.bytes(130_000))
        var wanted = try await fileSystem.contents(second)
        try await Self.clone(fileSystem, first, 10_001..<111_000, to: second, at: 5)
        wanted.replaceSubrange(5..<5 + 100_999, with: bytes[10_001..<111_000])
        #expect(try await fileSystem.contents(second) == wanted)
        let third = try await fileSystem.makeFile("third")
        try await Self.clone(fileSystem, second, 3..<120_000, to: third, at: 70_000)
        let far = [UInt8](repeating: 0, count: 70_000) + wanted[3..<120_000]
        #expect(try await fileSystem.contents(third) == far)
        try await Self.clone(fileSystem, first, 0..<40_000, to: first, at: 50_000)
        bytes.replaceSubrange(50_000..<90_000, with: bytes[..<40_000])
        #expect(try await fileSystem.contents(first) == bytes)
        #expect(try await fileSystem.verify().isEmpty)
        // A hole stays one.
        let hole = try await fileSystem.seek(.hole, from: 29_000, in: second, as: .root).offset
        #expect(hole == 5 + 40_000 - 10_001)
        await fileSystem.close()
    }

    @Test func `small files are cloned as bytes`() async throws {
        let world = try await EngineWorld.make()
        let fileSystem = world.fileSystem
        let small = try await fileSystem.makeFile("small", Array("hello".utf8))
        let other = try await fileSystem.makeFile("other", Array("a longer text".utf8))
        try await Self.clone(fileSystem, small, to: other, at: 2)
        #expect(try await fileSystem.contents(other) == Array("a hellor text".utf8))
        #expect(try await Self.stored(fileSystem) == 0)
        let long = try await fileSystem.makeFile("long", [UInt8](repeating: 9, count: 50_000))
        try await Self.clone(fileSystem, small, 1..<4, to: long, at: 49_999)
        #expect(try await fileSystem.contents(long).suffix(3) == Array("ell".utf8))
        // Small bytes before a long hole.
        _ = try await fileSystem.setAttributes(small, AttributeChanges(size: 30_000), as: .root)
        try await Self.clone(fileSystem, small, to: long)
        let wanted = Array("hello".utf8) + [UInt8](repeating: 0, count: 29_995)
        #expect(try await fileSystem.contents(long).prefix(30_000) == wanted[...])
        try await Self.clone(fileSystem, long, 0..<40_000, to: small, at: 1)
        let now = try await fileSystem.contents(small)
        #expect(now.prefix(30_001) == ([UInt8(ascii: "h")] + wanted)[...])
        #expect(try await fileSystem.verify().isEmpty)
        await fileSystem.close()
    }

    @Test func `a file of the past comes back without its bytes being copied`() async throws {
        let world = try await EngineWorld.make()
        let fileSystem = world.fileSystem
        var generator = SeededGenerator(seed: testSeed(default: 55))
        let bytes = generator.bytes(80_000)
        let file = try await fileSystem.makeFile("file", bytes)
        let then = try await fileSystem.createSnapshot("s").epoch
        let stored = try await Self.stored(fileSystem)
        try await fileSystem.unlink(try name("file"), in: .root, as: .root)
        let back = try await fileSystem.makeFile("back")
        try await Self.clone(fileSystem, file, view: .past(then), to: back)
        #expect(try await Self.stored(fileSystem) == stored)
        try await fileSystem.deleteSnapshot("s")
        world.clock.advance(seconds: 8_000)
        try await fileSystem.flush()
        try await fileSystem.maintainAll()
        #expect(try await fileSystem.contents(back) == bytes)
        #expect(try await fileSystem.verify().isEmpty)
        await #expect(throws: FileSystemError.self) {
            try await Self.clone(fileSystem, file, view: .past(then), to: back)
        }
        await fileSystem.close()
    }

    @Test func `a clone of too many slices is refused whole, or is short`() async throws {
        var limits = EngineWorld.smallLimits
        limits.cloneSlicesMax = 5
        let world = try await EngineWorld.make(limits: limits)
        let fileSystem = world.fileSystem
        let source = try await fileSystem.makeFile("source", [1])
        for tile in 0..<9 {
            let bytes = [UInt8](repeating: UInt8(tile + 1), count: 16 << 10)
            let offset = UInt64(tile) * 16 << 10
            _ = try await fileSystem.write(
                source,
                bytes,
                at: offset,
                stability: .stable,
                as: .root
            )
        }
        let target = try await fileSystem.makeFile("target")
        var request = CloneRequest(
            source: source,
            offset: 0,
            count: nil,
            target: target,
            targetOffset: 0,
            as: .root
        )
        let refused = await #expect(throws: FileSystemError.self) {
            try await fileSystem.clone(request)
        }
        #expect(refused?.code == .unsupported)
        #expect(try await fileSystem.contents(target).isEmpty)
        request.mayBeShort = true
        #expect(try await fileSystem.clone(request).count == 5 * 16 << 10)
        request.offset = 5 * 16 << 10
        request.targetOffset = request.offset
        #expect(try await fileSystem.clone(request).count == 4 * 16 << 10)
        #expect(try await fileSystem.contents(target) == fileSystem.contents(source))
        await fileSystem.close()
    }
}
