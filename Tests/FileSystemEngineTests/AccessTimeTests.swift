import Disk
import MetadataStore
import TestKit
import Testing
import VarveModel

@testable import FileSystemEngine

/// The access times that reads leave: coarse, of the present alone, and never written by a read.
@Suite struct AccessTimeTests {
    private static let hour: Int64 = 3_600

    private static func world(recording: Bool = false) async throws -> EngineWorld {
        try await EngineWorld.make(disk: SimulatedDisk(recording: recording))
    }

    private static func accessed(
        _ world: EngineWorld,
        _ inode: InodeNumber,
        at view: View = .live
    ) async throws -> Timestamp {
        try await world.fileSystem.attributes(of: inode, at: view).accessed
    }

    /// What a listing, a lookup, an attribute change of the mode and an empty write show.
    private static func shownElsewhere(
        _ world: EngineWorld,
        _ inode: InodeNumber
    ) async throws -> Set<Timestamp> {
        let fileSystem = world.fileSystem
        let page = try await fileSystem.readDirectory(.root, limit: 10, as: .root)
        let listed = page.entries.first { $0.attributes.inode == inode }
        let found = try await fileSystem.lookup(try name("f"), in: .root, as: .root)
        let written = try await fileSystem.write(inode, [], at: 0, stability: .stable, as: .root)
        let set = try await fileSystem.setAttributes(
            inode,
            AttributeChanges(permissions: 0o640),
            as: .root
        )
        let live = try await fileSystem.history(of: inode).first(where: \.isLive)
        return Set(
            [listed?.attributes, found, written.attributes, set, live?.attributes]
                .compactMap { $0?.accessed }
        )
    }

    @Test(arguments: [100, 9_000])
    func `a read shows at once, everywhere, and in no past view`(bytes: Int) async throws {
        var world = try await Self.world()
        let inode = try await world.fileSystem.makeFile("f", [UInt8](repeating: 1, count: bytes))
        world.clock.advance(seconds: 10)
        let before = try await world.fileSystem.createSnapshot("before").epoch
        world.clock.advance(seconds: 10)
        _ = try await world.fileSystem.contents(inode)
        let read = world.clock.now()
        #expect(try await Self.accessed(world, inode) == read)
        #expect(try await Self.shownElsewhere(world, inode) == [read])
        #expect(try await Self.accessed(world, inode, at: .past(before)) == EngineWorld.start)
        world.clock.advance(seconds: 10)
        let after = try await world.fileSystem.createSnapshot("after").epoch
        try await world.reopen()
        #expect(try await Self.accessed(world, inode) == read, "a restart keeps it")
        #expect(try await Self.shownElsewhere(world, inode) == [read])
        #expect(try await Self.accessed(world, inode, at: .past(after)) == EngineWorld.start)
        await world.fileSystem.close()
    }

    @Test func `it is coarse: again after an hour, or after a change`() async throws {
        let world = try await Self.world()
        let inode = try await world.fileSystem.makeFile("f", [1, 2, 3])
        world.clock.advance(seconds: 1)
        _ = try await world.fileSystem.contents(inode)
        let first = world.clock.now()
        world.clock.advance(seconds: Self.hour - 1)
        _ = try await world.fileSystem.contents(inode)
        #expect(try await Self.accessed(world, inode) == first, "not an hour yet")
        world.clock.advance(seconds: 1)
        _ = try await world.fileSystem.contents(inode)
        #expect(try await Self.accessed(world, inode) == first.adding(seconds: Self.hour))
        world.clock.advance(seconds: 1)
        _ = try await world.fileSystem.write(inode, [9], at: 0, stability: .stable, as: .root)
        world.clock.advance(seconds: 1)
        _ = try await world.fileSystem.contents(inode)
        #expect(try await Self.accessed(world, inode) == world.clock.now(), "older than mtime")
        await world.fileSystem.close()
    }

    @Test func `what is set stands exactly, however old, until the next read that is due`()
        async throws
    {
        var world = try await Self.world()
        let inode = try await world.fileSystem.makeFile("f", [1, 2, 3])
        world.clock.advance(seconds: 100)
        _ = try await world.fileSystem.contents(inode)
        let old = Timestamp(seconds: 1_000_000_000, nanoseconds: 7)
        let changes = AttributeChanges(accessed: .exactly(old))
        let set = try await world.fileSystem.setAttributes(inode, changes, as: .root)
        #expect(set.accessed == old)
        #expect(try await Self.accessed(world, inode) == old)
        try await world.reopen()
        #expect(try await Self.accessed(world, inode) == old)
        world.clock.advance(seconds: 1)
        _ = try await world.fileSystem.contents(inode)
        #expect(try await Self.accessed(world, inode) == world.clock.now())
        let later = world.clock.now().adding(seconds: 5_000)
        let ahead = AttributeChanges(accessed: .exactly(later))
        _ = try await world.fileSystem.setAttributes(inode, ahead, as: .root)
        world.clock.advance(seconds: 1)
        _ = try await world.fileSystem.contents(inode)
        #expect(try await Self.accessed(world, inode) == later)
        await world.fileSystem.close()
    }

    @Test func `copies, checks and reads of the past are no access`() async throws {
        let uses = UseLog()
        let world = try await EngineWorld.make(observer: uses)
        let fileSystem = world.fileSystem
        let inode = try await fileSystem.makeFile("f", [UInt8](repeating: 1, count: 9_000))
        let snapshot = try await fileSystem.createSnapshot("s").epoch
        world.clock.advance(seconds: 100)
        #expect(Set(uses.take()) == [inode], "it was written")
        _ = try await fileSystem.bulkRead(inode, 0..<9_000, at: .live)
        _ = try await fileSystem.read(inode, 0..<9_000, as: .root, isAccess: false)
        _ = try await fileSystem.contents(inode, at: .past(snapshot))
        _ = try await fileSystem.read(inode, 10_000..<10_001, as: .root)
        _ = try await fileSystem.verify()
        _ = try await fileSystem.scrub()
        _ = try await fileSystem.move(inode, to: .infrequentAccess)
        #expect(try await Self.accessed(world, inode) == EngineWorld.start)
        #expect(!fileSystem.core.accessTimes.isWaiting)
        #expect(uses.take() == [])
        _ = try await fileSystem.read(inode, 0..<1, as: .root)
        #expect(uses.take() == [inode])
        await fileSystem.close()
    }

    @Test func `a clone is a use of both files, unless it is of no bytes`() async throws {
        let uses = UseLog()
        let world = try await EngineWorld.make(observer: uses)
        let source = try await world.fileSystem.makeFile("f", [UInt8](repeating: 1, count: 9_000))
        let target = try await world.fileSystem.makeFile("g", [2])
        _ = uses.take()
        for count: UInt64 in [0, 4_096] {
            let request = CloneRequest(
                source: source,
                offset: 9_000 - count,
                count: count,
                target: target,
                targetOffset: 0,
                as: .root
            )
            #expect(try await world.fileSystem.clone(request).count == count)
            #expect(uses.take() == (count == 0 ? [] : [source, target]))
        }
        await world.fileSystem.close()
    }

    /// Goal: a read begins no write, and many reads of one file cost one row.
    @Test func `a million reads of one file write one row, and none by themselves`() async throws {
        let world = try await Self.world()
        let fileSystem = world.fileSystem
        let inode = try await fileSystem.makeFile("f", [1, 2, 3])
        world.clock.advance(seconds: 1)
        let before = world.disk.operations
        for read in 0..<TestSizes.current.accessReads {
            // An hour has 3,600 seconds: the reads fill it, and do not pass it.
            if read.isMultiple(of: 1 + TestSizes.current.accessReads / 3_000) {
                world.clock.advance(seconds: 1)
            }
            _ = try await fileSystem.read(inode, 0..<3, as: .root)
        }
        #expect(world.disk.operations == before, "reads write nothing")
        for _ in 0..<3 { _ = try await fileSystem.collectGarbage() }
        #expect(fileSystem.core.accessTimes.rowsWritten == 1)
        print("access times: \(TestSizes.current.accessReads) reads, 1 row")
        await fileSystem.close()
    }

    @Test func `it is not versioned: no change is listed, nothing is kept of the past`()
        async throws
    {
        let world = try await Self.world()
        let fileSystem = world.fileSystem
        let inode = try await fileSystem.makeFile("f", [1, 2, 3])
        let first = try await fileSystem.createSnapshot("a").epoch
        for _ in 0..<5 {
            world.clock.advance(seconds: Self.hour)
            _ = try await fileSystem.contents(inode)
            _ = try await fileSystem.collectGarbage()
        }
        #expect(fileSystem.core.accessTimes.rowsWritten == 5)
        let last = try await fileSystem.createSnapshot("b").epoch
        let page = try await fileSystem.changes(after: first, through: last, limit: 100)
        #expect(page.changes.isEmpty)
        #expect(try await fileSystem.history(of: inode).count == 1)
        await fileSystem.close()
    }

    @Test func `a removed file takes its access time along`() async throws {
        let world = try await Self.world()
        let fileSystem = world.fileSystem
        let inode = try await fileSystem.makeFile("f", [1, 2, 3])
        world.clock.advance(seconds: 1)
        _ = try await fileSystem.contents(inode)
        try await fileSystem.unlink(try name("f"), in: .root, as: .root)
        #expect(!fileSystem.core.accessTimes.isWaiting)
        _ = try await fileSystem.collectGarbage()
        let row = try await fileSystem.readers.run { context in
            try context.begin(.live)
            return try context.reader.implicitAccessTime(inode)
        }
        #expect(row == nil)
        await fileSystem.close()
    }

    @Test func `a flush that fails is made again by the next`() async throws {
        let times = AccessTimes(hasRows: false)
        let (one, two) = (InodeNumber(rawValue: 5), InodeNumber(rawValue: 6))
        times.note(one, EngineWorld.start)
        #expect(times.take().map(\.inode) == [one])
        times.note(two, EngineWorld.start)
        times.restore()
        #expect(times.take().map(\.inode) == [one, two])
        times.settle()
        #expect(times.take().isEmpty && times.rowsWritten == 2)
        #expect(times.look(one).known == EngineWorld.start)
        times.forget(one)
        #expect(times.look(one).known == nil && times.look(one).mayBeStored)
    }

    @Test func `many files that wait are flushed by themselves, and memory stays bounded`() {
        let times = AccessTimes(hasRows: false)
        for number in 1...200_000 as ClosedRange<UInt64> {
            times.note(InodeNumber(rawValue: number), EngineWorld.start)
            guard times.takeCrowded() else { continue }
            #expect(times.take().count == 4_096)
            times.settle()
        }
        #expect(times.rowsWritten >= 190_000)
        #expect(times.look(InodeNumber(rawValue: 1)).known == nil, "its row has it")
    }
}
