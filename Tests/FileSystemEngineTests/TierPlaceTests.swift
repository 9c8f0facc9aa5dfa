import Disk
import MetadataStore
import TestKit
import Testing
import VarveModel

@testable import FileSystemEngine

/// Where bytes lie after moves that others meet: writers, compaction, merges, clones and rollback.
@Suite struct TierPlaceTests {
    /// Bytes that live files show in a tier; what two share counts for both.
    private static func shown(_ world: EngineWorld, _ tier: Tier) async throws -> UInt64 {
        try await world.fileSystem.statistics().tierBytes[tier] ?? 0
    }

    @inline(never)
    private static func place(
        _ world: EngineWorld,
        _ inode: InodeNumber
    ) async throws -> DataPlace {
        let tier = try await world.fileSystem.tier(of: inode)
        return try await world.fileSystem.dataPlace(of: inode, in: tier)
    }

    @inline(never)
    private static func write(
        _ world: EngineWorld,
        _ inode: InodeNumber,
        _ bytes: [UInt8],
        at offset: UInt64
    ) async throws(FileSystemError) {
        _ = try await world.fileSystem.write(
            inode,
            bytes,
            at: offset,
            stability: .stable,
            as: .root
        )
    }

    @inline(never)
    private static func clone(
        _ world: EngineWorld,
        _ source: InodeNumber,
        to target: InodeNumber
    ) async throws(FileSystemError) {
        let request = CloneRequest(
            source: source,
            offset: 0,
            count: nil,
            target: target,
            targetOffset: 0,
            as: .root
        )
        _ = try await world.fileSystem.clone(request)
    }

    // MARK: Moves

    /// Goal: compaction that rewrites a file's records between copy and swap does not leave them behind.
    @Test func `what compaction rewrites during a move comes along, and is counted once`()
        async throws
    {
        var limits = EngineWorld.smallLimits
        limits.segmentBytes = 256 << 10
        let world = try await EngineWorld.make(limits: limits)
        var generator = SeededGenerator(seed: testSeed(default: 71))
        let target = try await world.fileSystem.makeFile("target")
        var wanted: [UInt8] = []
        for index in 0..<60 {
            _ = try await world.fileSystem.makeFile("junk\(index)", generator.bytes(6_000))
            let bytes = generator.bytes(2_500)
            try await Self.write(world, target, bytes, at: UInt64(wanted.count))
            wanted += bytes
        }
        for index in 0..<60 {
            try await world.fileSystem.unlink(try name("junk\(index)"), in: .root, as: .root)
        }
        world.clock.advance(seconds: 8_000)
        try await world.fileSystem.flush()
        for _ in 0..<2 {
            while try await world.fileSystem.collectGarbage().isMoreDue {}
            while try await world.fileSystem.reap().isMoreDue {}
        }
        let counter = CompactionCounter()
        let result = try await world.fileSystem.move(target, to: .infrequentAccess) {
            _ throws(FileSystemError) in
            try await counter.compact(world.fileSystem)
        }
        let compacted = await counter.records
        #expect(compacted > 0, "nothing was rewritten during the move")
        #expect(result.missed == 0)
        #expect(result.bytes == UInt64(wanted.count))
        #expect(try await Self.shown(world, .standard) == 0)
        #expect(try await Self.shown(world, .infrequentAccess) == UInt64(wanted.count))
        #expect(try await Self.place(world, target).elsewhere == 0)
        #expect(try await world.fileSystem.contents(target) == wanted)
        try await CompactionTests.checkAccounts(world.fileSystem)
        #expect(try await world.fileSystem.verify().map(\.message) == [])
        await world.fileSystem.close()
    }

    /// Goal: what is written between copy and swap is found, though the file's times are older than the move.
    @Test func `what is written during a move is told, and a second move copies that alone`()
        async throws
    {
        let world = try await EngineWorld.make()
        let fileSystem = world.fileSystem
        let inode = try await fileSystem.makeFile("f", [UInt8](repeating: 3, count: 60_000))
        world.clock.advance(seconds: 100)
        let written = world.clock.now()
        let first = try await fileSystem.move(inode, to: .archive) { _ throws(FileSystemError) in
            try await Self.write(world, inode, [UInt8](repeating: 4, count: 5_000), at: 20_000)
            world.clock.advance(seconds: 7_200)
        }
        #expect(first.bytes == 60_000 && first.missed == 0)
        let place = try await Self.place(world, inode)
        #expect(place.elsewhere == 5_000)
        #expect(place.written?.seconds == written.seconds)
        #expect(place.lastWrite?.seconds == written.seconds)
        let since = try #require(try await fileSystem.tierPlaces(of: [inode])[0]?.since)
        #expect(since.seconds == written.seconds + 7_200)
        world.clock.advance(seconds: 1_000)
        let second = try await fileSystem.move(inode, to: .archive)
        #expect(second.bytes == 5_000)
        #expect(try await Self.place(world, inode).elsewhere == 0)
        // It has been in its tier all the while.
        #expect(try await fileSystem.tierPlaces(of: [inode])[0]?.since == since)
        let third = try await fileSystem.move(inode, to: .archive)
        #expect(third.bytes == 0 && third.records == 0)
        await fileSystem.close()
    }

    @Test func `a new mode, owner or name puts no byte elsewhere; an unstable write does`()
        async throws
    {
        let world = try await EngineWorld.make()
        let fileSystem = world.fileSystem
        let inode = try await fileSystem.makeFile("f", [UInt8](repeating: 3, count: 60_000))
        _ = try await fileSystem.move(inode, to: .infrequentAccess)
        world.clock.advance(seconds: 10)
        let changes = AttributeChanges(permissions: 0o600, uid: 7)
        _ = try await fileSystem.setAttributes(inode, changes, as: .root)
        try await fileSystem.rename(
            try name("f"),
            in: .root,
            to: try name("g"),
            in: .root,
            as: .root
        )
        #expect(try await Self.place(world, inode).elsewhere == 0)
        _ = try await fileSystem.write(
            inode,
            [UInt8](repeating: 9, count: 700),
            at: 100,
            stability: .unstable,
            as: .root
        )
        #expect(try await Self.place(world, inode).elsewhere == 700)
        try await fileSystem.flush()
        #expect(try await Self.place(world, inode).elsewhere == 700)
        await fileSystem.close()
    }

    @Test func `a merge of a cold tile puts it elsewhere, and the next move brings it back`()
        async throws
    {
        let world = try await EngineWorld.make()
        let fileSystem = world.fileSystem
        let inode = try await fileSystem.makeFile("f", [UInt8](repeating: 3, count: 50_000))
        _ = try await fileSystem.move(inode, to: .archive)
        for index in 0..<600 {
            _ = try await fileSystem.write(
                inode,
                [5],
                at: UInt64(index * 11 % 16_000),
                stability: .unstable,
                as: .root
            )
        }
        try await fileSystem.flush()
        _ = try await fileSystem.collectGarbage()
        let wanted = try await fileSystem.contents(inode)
        // The whole tile, not the bytes that were written.
        #expect(try await Self.place(world, inode).elsewhere == 16 << 10)
        _ = try await fileSystem.move(inode, to: .archive)
        #expect(try await Self.place(world, inode).elsewhere == 0)
        #expect(try await fileSystem.contents(inode) == wanted)
        await fileSystem.close()
    }

    // MARK: Clones

    @Test func `a demotion leaves alone what a warmer file shows, and takes it when all have gone`()
        async throws
    {
        let world = try await EngineWorld.make()
        let fileSystem = world.fileSystem
        var generator = SeededGenerator(seed: testSeed(default: 72))
        let bytes = generator.bytes(80_000)
        let hot = try await fileSystem.makeFile("hot", bytes)
        let idle = try await fileSystem.makeFile("idle")
        try await Self.clone(world, hot, to: idle)
        let own = generator.bytes(3_000)
        try await Self.write(world, idle, own, at: 80_000)
        let moved = try await fileSystem.move(idle, to: .archive)
        #expect(moved.bytes == 3_000, "only its own")
        #expect(try await fileSystem.tier(of: idle) == .archive)
        #expect(try await Self.place(world, hot).elsewhere == 0)
        var place = try await Self.place(world, idle)
        #expect(place.elsewhere == 0 && place.held == 80_000)
        // IA is warmer than Archive: the file there decides.
        #expect(try await fileSystem.move(hot, to: .infrequentAccess).bytes == 80_000)
        place = try await Self.place(world, idle)
        #expect(place.elsewhere == 0 && place.held == 80_000)
        #expect(try await fileSystem.move(hot, to: .archive).bytes == 80_000)
        place = try await Self.place(world, idle)
        #expect(place.elsewhere == 0 && place.held == 0)
        #expect(try await Self.shown(world, .archive) == 163_000)
        // The first that is wanted brings the bytes back for both; what is cold alone stays.
        let back = try await fileSystem.move(hot, to: .standard)
        #expect(back.bytes == 80_000 && back.sharers == [idle])
        #expect(try await Self.place(world, hot).elsewhere == 0)
        #expect(try await Self.shown(world, .archive) == 3_000)
        try await fileSystem.unlink(try name("hot"), in: .root, as: .root)
        place = try await Self.place(world, idle)
        #expect(place.elsewhere == 80_000 && place.held == 0, "nobody holds them any more")
        #expect(try await fileSystem.contents(idle) == bytes + own)
        try await CompactionTests.checkAccounts(fileSystem)
        #expect(try await fileSystem.verify().map(\.message) == [])
        await fileSystem.close()
    }

    @Test func `a clone that is made during a demotion keeps its bytes`() async throws {
        let world = try await EngineWorld.make()
        let fileSystem = world.fileSystem
        var generator = SeededGenerator(seed: testSeed(default: 73))
        let bytes = generator.bytes(50_000)
        let idle = try await fileSystem.makeFile("idle", bytes)
        let hot = try await fileSystem.makeFile("hot")
        let result = try await fileSystem.move(idle, to: .infrequentAccess) {
            _ throws(FileSystemError) in
            try await Self.clone(world, idle, to: hot)
        }
        #expect(result.bytes == 0 && result.records == 0 && result.missed == 0)
        #expect(result.storedBefore == 0 && result.storedAfter == 0)
        #expect(try await Self.place(world, hot).elsewhere == 0)
        #expect(try await Self.place(world, idle).held == 50_000)
        #expect(try await Self.shown(world, .standard) == 100_000)
        #expect(try await fileSystem.contents(hot) == bytes)
        try await CompactionTests.checkAccounts(fileSystem)
        await fileSystem.close()
    }

    @Test func `a cold file that shows colder bytes of another warms nothing by its own demotion`()
        async throws
    {
        let world = try await EngineWorld.make()
        let fileSystem = world.fileSystem
        var generator = SeededGenerator(seed: testSeed(default: 74))
        let old = try await fileSystem.makeFile("old", generator.bytes(50_000))
        _ = try await fileSystem.move(old, to: .archive)
        let copy = try await fileSystem.makeFile("copy")
        try await Self.clone(world, old, to: copy)
        #expect(try await Self.place(world, copy).elsewhere == 50_000)
        #expect(try await fileSystem.move(copy, to: .infrequentAccess).bytes == 0)
        #expect(try await Self.shown(world, .archive) == 100_000)
        let place = try await Self.place(world, copy)
        #expect(place.elsewhere == 0 && place.held == 0)
        await fileSystem.close()
    }

    // MARK: The past

    @Test func `a file that a rollback brings back is where its bytes are`() async throws {
        let world = try await EngineWorld.make()
        let fileSystem = world.fileSystem
        var generator = SeededGenerator(seed: testSeed(default: 75))
        let cold = try await fileSystem.makeFile("cold", generator.bytes(60_000))
        let plain = try await fileSystem.makeFile("plain", generator.bytes(60_000))
        _ = try await fileSystem.move(cold, to: .archive)
        try await Self.write(world, cold, generator.bytes(4_000), at: 1_000)
        let wanted = try await fileSystem.contents(cold)
        let snapshot = try await fileSystem.createSnapshot("s").epoch
        for text in ["cold", "plain"] {
            try await fileSystem.unlink(try name(text), in: .root, as: .root)
        }
        #expect(try await fileSystem.isShownByPast(cold))
        while try await fileSystem.reap().isMoreDue {}
        world.clock.advance(seconds: 60)
        for text in ["cold", "plain"] {
            _ = try await fileSystem.restoreInPlace(try name(text), in: .root, to: snapshot)
        }
        #expect(try await fileSystem.tier(of: cold) == .archive)
        #expect(try await fileSystem.tier(of: plain) == .standard)
        #expect(try await Self.place(world, cold).elsewhere == 4_000)
        #expect(try await Self.place(world, plain).elsewhere == 0)
        #expect(try await fileSystem.contents(cold) == wanted)
        // Another way back: all of it.
        try await fileSystem.unlink(try name("cold"), in: .root, as: .root)
        _ = try await fileSystem.restoreInPlace(.root, to: snapshot)
        #expect(try await fileSystem.tier(of: cold) == .archive)
        let places = try await fileSystem.tierPlaces(of: [cold])
        #expect(places[0]?.since?.seconds == world.clock.now().seconds)
        await fileSystem.close()
    }

    @Test func `the past forgets an inode with the last instant that shows it`() async throws {
        let world = try await EngineWorld.make()
        let fileSystem = world.fileSystem
        let inode = try await fileSystem.makeFile("f", [UInt8](repeating: 1, count: 5_000))
        _ = try await fileSystem.createSnapshot("s")
        try await fileSystem.unlink(try name("f"), in: .root, as: .root)
        world.clock.advance(seconds: 8_000)
        try await fileSystem.maintainAll()
        #expect(try await fileSystem.isShownByPast(inode))
        try await fileSystem.deleteSnapshot("s")
        world.clock.advance(seconds: 8_000)
        try await fileSystem.maintainAll()
        #expect(try await !fileSystem.isShownByPast(inode))
        await fileSystem.close()
    }
}

/// Compacts all there is in the midst of something else.
private actor CompactionCounter {
    private(set) var records = 0

    func compact(_ fileSystem: FileSystem) async throws(FileSystemError) {
        var isMoreDue = true
        while isMoreDue {
            let report = try await fileSystem.compact()
            records += report.recordsCompacted
            isMoreDue = report.isMoreDue
        }
    }
}
