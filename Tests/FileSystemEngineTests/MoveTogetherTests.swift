import Disk
import MetadataStore
import SegmentStore
import Synchronization
import TestKit
import Testing
import VarveModel

@testable import FileSystemEngine

/// Several files that move as one.
@Suite struct MoveTogetherTests {
    @inline(never)
    private static func results(
        _ fileSystem: FileSystem,
        _ inodes: [InodeNumber],
        to tier: Tier
    ) async -> [MoveOutcome] {
        await fileSystem.moveTogether(inodes, to: tier) { $0.map { _ in nil } }
    }

    /// Goal: what is to be copied of a file is found by its own rows.
    ///
    /// Method: rows stepped and the plan, of the first file made, before others of one record each follow it.
    @Test func `planning a file's copies costs the same however many files follow it`()
        async throws
    {
        var costs: [UInt64] = []
        for others in [2, 600] {
            let world = try await EngineWorld.make()
            let fileSystem = world.fileSystem
            let first = try await fileSystem.makeFile("f", [UInt8](repeating: 1, count: 20_000))
            for number in 0..<others {
                _ = try await fileSystem.makeFile("g\(number)", [UInt8](repeating: 2, count: 3_000))
            }
            try await fileSystem.checkpoint()
            let (steps, planned) = try await fileSystem.readers.run { context in
                // What a first question of a transaction and a statement's making cost is left out.
                _ = context.planCopies(of: [first], to: .infrequentAccess)
                let before = context.reader.rowsStepped
                let piece = context.planCopies(of: [first], to: .infrequentAccess)
                return (context.reader.rowsStepped - before, try piece.plans[0].copies.get())
            }
            #expect(!planned.isEmpty && planned.allSatisfy { $0.row.inode == first })
            costs.append(steps)
            await fileSystem.close()
        }
        #expect(costs[0] == costs[1], "rows stepped")
        #expect(costs[0] > 0)
    }

    @Test func `files move as one, and what holds one back holds no other`() async throws {
        let world = try await EngineWorld.make()
        let fileSystem = world.fileSystem
        var generator = SeededGenerator(seed: testSeed(default: 81))
        var inodes: [InodeNumber] = []
        var wanted: [[UInt8]] = []
        for number in 0..<12 {
            wanted.append(generator.bytes(2_100 + 700 * number))
            inodes.append(try await fileSystem.makeFile("f\(number)", wanted[number]))
        }
        let directory = try await fileSystem.create(
            try name("d"),
            in: .root,
            NewInode(.directory, permissions: 0o755),
            as: .root
        ).inode
        try await fileSystem.unlink(try name("f3"), in: .root, as: .root)
        var told: [InodeNumber] = []
        let asked = inodes + [directory]
        let results = await fileSystem.moveTogether(asked, to: .infrequentAccess) { copied in
            told = copied.map(\.inode)
            do {
                // Once it is copied one loses its name, and one is used.
                try await fileSystem.unlink(try name("f5"), in: .root, as: .root)
            } catch {
                Issue.record("\(error)")
            }
            return copied.map {
                $0.inode == inodes[7] ? FileSystemError(.busy, "it was used") : nil
            }
        }
        #expect(told == inodes.enumerated().filter { $0.offset != 3 }.map(\.element))
        let codes = results.map { $0.failure?.code }
        var expected = [FileSystemError.Code?](repeating: nil, count: 13)
        (expected[3], expected[5], expected[7]) = (.stale, .stale, .busy)
        expected[12] = .isDirectory
        #expect(codes == expected)
        for (number, inode) in inodes.enumerated() where codes[number] == nil {
            #expect(try results[number].get().bytes == UInt64(wanted[number].count))
            #expect(try await fileSystem.tier(of: inode) == .infrequentAccess)
            #expect(try await fileSystem.contents(inode) == wanted[number])
        }
        #expect(try await fileSystem.tier(of: inodes[7]) == .standard)
        #expect(try await fileSystem.contents(inodes[7]) == wanted[7])
        try await CompactionTests.checkAccounts(fileSystem)
        #expect(try await fileSystem.verify().map(\.message) == [])
        await fileSystem.close()
    }

    /// Goal: a file of more rows than one turn takes (two of them here) comes over whole, whatever its records show besides.
    ///
    /// Method: hundreds of slices, of which a snapshot keeps what later ones hide; a clone's rows share them. Both files
    /// move, the clone first, which finds its bytes held.
    @Test func `a file of many slices comes over in turns, with its past`() async throws {
        let world = try await EngineWorld.make()
        let fileSystem = world.fileSystem
        var generator = SeededGenerator(seed: testSeed(default: 82))
        let inode = try await fileSystem.makeFile("f", generator.bytes(60_000))
        func overwrite(_ count: Int) async throws {
            for _ in 0..<count {
                _ = try await fileSystem.write(
                    inode,
                    generator.bytes(300),
                    at: generator.next() % 59_000,
                    stability: .unstable,
                    as: .root
                )
            }
            try await fileSystem.flush()
        }
        try await overwrite(150)
        let old = try await fileSystem.contents(inode)
        let snapshot = try await fileSystem.createSnapshot("s").epoch
        world.clock.advance(seconds: 10)
        try await overwrite(150)
        let new = try await fileSystem.contents(inode)
        let clone = try await fileSystem.makeFile("clone")
        _ = try await fileSystem.clone(
            CloneRequest(
                source: inode,
                offset: 0,
                count: nil,
                target: clone,
                targetOffset: 0,
                as: .root
            )
        )
        for tier in [Tier.archive, .infrequentAccess, .standard] {
            let both = await Self.results(fileSystem, [clone, inode], to: tier)
            for result in both { #expect(try result.get().missed == 0) }
            // Who went first was held back by the other, which is there now too.
            for result in await Self.results(fileSystem, [clone, inode], to: tier) {
                #expect(try result.get().missed == 0)
            }
            for file in [inode, clone] {
                #expect(try await fileSystem.tier(of: file) == tier)
                #expect(try await fileSystem.contents(file) == new)
                let place = try await fileSystem.dataPlace(of: file, in: tier)
                #expect(place.elsewhere == 0 && place.held == 0)
            }
            let range = 0..<UInt64(old.count)
            let then = try await fileSystem.bulkRead(inode, range, at: .past(snapshot))
            #expect(then.bytes == old)
            try await CompactionTests.checkAccounts(fileSystem)
        }
        #expect(try await fileSystem.verify().map(\.message) == [])
        await fileSystem.close()
    }

    @Test func `what commits free while files move is given back when they have`() async throws {
        let world = try await EngineWorld.make()
        let fileSystem = world.fileSystem
        var generator = SeededGenerator(seed: testSeed(default: 83))
        let moved = try await fileSystem.makeFile("moved", generator.bytes(50_000))
        _ = try await fileSystem.makeFile("gone", generator.bytes(50_000))
        world.clock.advance(seconds: 8_000)
        try await fileSystem.maintainAll()
        let gone = try name("gone")
        _ = try await fileSystem.move(moved, to: .infrequentAccess) {
            _ throws(FileSystemError) in
            try await fileSystem.unlink(gone, in: .root, as: .root)
            world.clock.advance(seconds: 8_000)
            while try await fileSystem.reap().isMoreDue {}
        }
        #expect(fileSystem.core.moves.load(ordering: .relaxed) == 0)
        #expect(!fileSystem.core.fence.isWaiting)
        try await fileSystem.maintainAll()
        try await CompactionTests.checkAccounts(fileSystem)
        await fileSystem.close()
    }

    /// Goal: a client's commit does not wait for the disk to take what a move copies.
    ///
    /// Method: a client writes durably when a move's copies are written and not synced: the disk's record has no sync of a
    /// segment of IA from then on until the move's own.
    @Test func `a client's sync leaves copies alone`() async throws {
        let disk = SimulatedDisk(recording: true)
        let world = try await EngineWorld.make(disk: disk)
        let fileSystem = world.fileSystem
        let inode = try await fileSystem.makeFile("f", [UInt8](repeating: 3, count: 5_000))
        let core = fileSystem.core
        let piece = try await fileSystem.readers.run { $0.planCopies(of: [inode], to: .archive) }
        let copies = core.copies(piece.plans, to: .archive, CopiedRecords())[0].copies
        #expect(copies.swaps.count == 1)
        func syncs() -> Int { disk.syncs.count { $0.path.contains("/archive/") } }
        let begun = syncs()
        _ = try await fileSystem.makeFile("other", [UInt8](repeating: 4, count: 5_000))
        #expect(syncs() == begun)
        try core.syncCopies()
        #expect(syncs() == begun + 1)
        core.discard(copies.swaps.map(\.new))
        await fileSystem.close()
    }

    /// Goal: files that share hold one another back for no longer than the move, and store what they share once.
    @Test func `clones that move as one take along what they share, copied once`() async throws {
        let world = try await EngineWorld.make()
        let fileSystem = world.fileSystem
        var generator = SeededGenerator(seed: testSeed(default: 85))
        let bytes = generator.bytes(50_000)
        var inodes = [try await fileSystem.makeFile("f", bytes)]
        for number in 0..<5 {
            let clone = try await fileSystem.makeFile("c\(number)")
            let request = CloneRequest(
                source: inodes[0],
                offset: 0,
                count: nil,
                target: clone,
                targetOffset: 0,
                as: .root
            )
            _ = try await fileSystem.clone(request)
            inodes.append(clone)
        }
        for tier in [Tier.infrequentAccess, .archive, .standard] {
            let begun = fileSystem.core.segments.counters.appends
            let outcomes = await Self.results(fileSystem, inodes, to: tier)
            #expect(outcomes.map { $0.failure?.message } == inodes.map { _ in nil })
            #expect(outcomes.reduce(0) { $0 + $1.result.bytes } == 50_000)
            #expect(outcomes.allSatisfy { $0.result.missed == 0 })
            // A record a tile of 16 KiB.
            #expect(fileSystem.core.segments.counters.appends - begun == 4)
            for inode in inodes {
                #expect(try await fileSystem.tier(of: inode) == tier)
                let place = try await fileSystem.dataPlace(of: inode, in: tier)
                #expect(place.elsewhere == 0 && place.held == 0)
                #expect(try await fileSystem.contents(inode) == bytes)
            }
            try await CompactionTests.checkAccounts(fileSystem)
        }
        #expect(try await fileSystem.verify().map(\.message) == [])
        await fileSystem.close()
    }

    /// Goal: while a large file is copied what others free comes back: the fence is held for a piece at a time.
    @Test func `a large file is copied in pieces, each row in one of them`() async throws {
        var limits = EngineWorld.smallLimits
        limits.fileBytesMax = 64 << 20
        limits.swapRowsMax = 64
        let world = try await EngineWorld.make(limits: limits)
        let fileSystem = world.fileSystem
        var generator = SeededGenerator(seed: testSeed(default: 86))
        let small = try await fileSystem.makeFile("small", generator.bytes(3_000))
        let large = try await fileSystem.makeFile("large")
        let part = generator.bytes(1 << 20)
        for number in 0..<UInt64(20) {
            let offset = number << 20
            _ = try await fileSystem.write(large, part, at: offset, stability: .stable, as: .root)
        }
        var pieces: [[PlannedCopy]] = []
        var position: CopyPosition? = CopyPosition()
        while let from = position {
            let piece = try await fileSystem.readers.run {
                $0.planCopies(of: [small, large], from: from, to: .infrequentAccess)
            }
            pieces.append(try piece.plans.flatMap { try $0.copies.get() })
            position = piece.next
        }
        #expect(pieces.count == 6)
        for piece in pieces {
            let bytes = piece.reduce(0) { $0 + $1.old.length }
            #expect(bytes < CopyPiece.bytesMax + (32 << 10))
        }
        let keys = pieces.joined().map { SliceKey($0.row) }
        #expect(keys.count == 1 + 20 * 64 && Set(keys).count == keys.count)
        let outcomes = await Self.results(fileSystem, [small, large], to: .infrequentAccess)
        #expect(try outcomes[1].get().bytes == 20 << 20)
        #expect(try await fileSystem.dataPlace(of: large, in: .infrequentAccess).elsewhere == 0)
        for number in 0..<UInt64(20) {
            let range = number << 20..<number << 20 + 50_000
            let found = try await fileSystem.read(large, range, at: .live, as: .root).bytes
            #expect(found == Array(part[..<50_000]))
        }
        #expect(try await fileSystem.verify().map(\.message) == [])
        await fileSystem.close()
    }

    /// Goal: a file system that is closed while files move is as one whose files moved, or did not.
    @Test func `closing waits for moves, and refuses those that come`() async throws {
        var world = try await EngineWorld.make()
        let fileSystem = world.fileSystem
        var generator = SeededGenerator(seed: testSeed(default: 87))
        var wanted: [InodeNumber: [UInt8]] = [:]
        for number in 0..<8 {
            let bytes = generator.bytes(20_000)
            wanted[try await fileSystem.makeFile("f\(number)", bytes)] = bytes
        }
        let inodes = wanted.keys.sorted()
        let (copied, signal) = AsyncStream<Void>.makeStream()
        async let moved = fileSystem.moveTogether(inodes, to: .archive) { files in
            signal.finish()
            return files.map { _ in nil }
        }
        for await _ in copied {}
        await fileSystem.close()
        let outcomes = await moved
        let late = await Self.results(fileSystem, inodes, to: .archive)
        #expect(late.allSatisfy { $0.failure?.code == .busy })
        world.fileSystem = try await FileSystem.open(world.configuration)
        for (inode, outcome) in zip(inodes, outcomes) {
            #expect(try await world.fileSystem.contents(inode) == wanted[inode])
            let tier = try await world.fileSystem.tier(of: inode)
            #expect((tier == .archive) == (outcome.failure == nil))
        }
        try await CompactionTests.checkAccounts(world.fileSystem)
        #expect(try await world.fileSystem.verify().map(\.message) == [])
        await world.fileSystem.close()
    }

    @Test func `a move that fails tells what its turns did`() {
        func record(_ segment: UInt64, _ length: UInt64) -> RecordPointer {
            RecordPointer(segment: SegmentID(rawValue: segment), offset: 4_096, length: length)
        }
        var move = FileMove(inode: InodeNumber(rawValue: 7))
        for number in UInt64(1)...3 {
            let (old, new) = (record(number, 100), record(10 + number, 60))
            move.copies.swaps.append(
                RecordSwap(
                    inode: move.inode,
                    tile: Int64(number),
                    sequence: number,
                    old: old,
                    new: new
                )
            )
            move.copies.plainBytes[new] = 90
        }
        move.group()
        let turn = move.next(1)
        let sharer = InodeNumber(rawValue: 9)
        move.took(turn.swaps.map(\.new), groups: turn.groups, for: [sharer])
        move.failure = FileSystemError(.noSpace, "the disk is full")
        let outcome = [move].outcomes[0]
        #expect(outcome.failure?.code == .noSpace)
        var wanted = MoveResult()
        (wanted.records, wanted.bytes, wanted.sharers) = (1, 90, [sharer])
        (wanted.storedBefore, wanted.storedAfter) = (100, 60)
        #expect(outcome.result == wanted)
        #expect(Set([move].unused) == [record(12, 60), record(13, 60)])
    }
}
