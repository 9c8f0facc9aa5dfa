import Disk
import MetadataStore
import TestKit
import Testing
import VarveModel

@testable import FileSystemEngine

/// Cost claims by counters: what should not depend on the number of files does not.
@Suite struct CostTests {
    struct Cost: Equatable {
        var syncs = 0
        var rowSteps: UInt64 = 0
        /// Bytes of pages and segments that the disk was asked for.
        var bytesRead: UInt64 = 0
    }

    static func world(files: Int) async throws -> EngineWorld {
        var limits = EngineWorld.smallLimits
        limits.nameHashBits = 55
        limits.readers = 1
        // Whether a transaction was still open would make steps; so it is, however loaded the machine.
        limits.readerLingerMilliseconds = 600_000
        let world = try await EngineWorld.make(limits: limits)
        let fileSystem = world.fileSystem
        try await withThrowingTaskGroup(of: Void.self) { group in
            for lane in 0..<50 {
                group.addTask { try await fill(fileSystem, from: lane, to: files) }
            }
            try await group.waitForAll()
        }
        try await fileSystem.checkpoint()
        world.clock.advance(seconds: 1)
        return world
    }

    /// Apart from the task's closure: Swift 6.3.1 does not compile the loop there in release.
    private static func fill(_ fileSystem: FileSystem, from lane: Int, to files: Int) async throws {
        for index in stride(from: lane, to: files, by: 50) {
            _ = try await fileSystem.makeFile("f\(index)")
        }
    }

    /// The steps that the reader has made when it begins a transaction for the next question.
    ///
    /// With many files memory does not know all, and the reader was asked before: ending what it then keeps open makes
    /// steps too.
    private static func rowsStepped(before fileSystem: FileSystem) async throws -> UInt64 {
        try await fileSystem.readers.run { context in
            context.rest()
            return context.reader.rowsStepped
        }
    }

    @Test func `a snapshot costs the same however many files there are`() async throws {
        var costs: [Cost] = []
        for files in [1_000, TestSizes.current.costTreeFiles] {
            let world = try await Self.world(files: files)
            let rows = try await world.fileSystem.committer.run { $0.writer.rowsStepped }
            let (before, bytes) = (world.disk.syncs.count, world.disk.bytesRead)
            _ = try await world.fileSystem.createSnapshot("s")
            let read = world.disk.bytesRead - bytes
            let syncs = world.disk.syncs[before...].map(\.path)
            let after = try await world.fileSystem.committer.run { $0.writer.rowsStepped }
            print("snapshot of \(files) files syncs", syncs)
            costs.append(Cost(syncs: syncs.count, rowSteps: after - rows, bytesRead: read))
            await world.fileSystem.close()
        }
        print("snapshot:", costs)
        #expect(costs[0] == costs[1])
        #expect(costs[0].rowSteps > 0)
    }

    @Test func `comparing both ends of 100 changes costs the same however many files there are`()
        async throws
    {
        var costs: [UInt64] = []
        for files in [1_000, TestSizes.current.costTreeFiles] {
            let world = try await Self.world(files: files)
            let fileSystem = world.fileSystem
            // A name beneath another directory comes behind all of the root's. Where a name that is asked for is the last of the
            // table, SQLite finds its end a step sooner; by its hash it may be, of 1,000 more often than of many.
            let kind = NewInode(.directory, permissions: 0o755)
            let behind = try await fileSystem.create(try name("behind"), in: .root, kind, as: .root)
            _ = try await fileSystem.create(try name("last"), in: behind.inode, kind, as: .root)
            let first = try await fileSystem.createSnapshot("a").epoch
            for index in 0..<100 {
                let found = try await fileSystem.lookup(try name("f\(index)"), in: .root, as: .root)
                let changes = AttributeChanges(permissions: 0o600)
                _ = try await fileSystem.setAttributes(found.inode, changes, as: .root)
            }
            let second = try await fileSystem.createSnapshot("b").epoch
            let steps = try await Self.rowsStepped(before: fileSystem)
            let page = try await fileSystem.changes(after: first, through: second, limit: 1_000)
            let inodes = page.changes.compactMap { change in
                if case .inode(let inode) = change { inode } else { nil }
            }
            let before = try await fileSystem.attributes(of: inodes, at: first)
            let after = try await fileSystem.attributes(of: inodes, at: second)
            let paths = try await fileSystem.paths(of: inodes, at: second)
            costs.append(try await fileSystem.readers.run { $0.reader.rowsStepped } - steps)
            #expect(before.map { $0?.permissions } == inodes.map { _ in 0o644 })
            #expect(after.map { $0?.permissions } == inodes.map { _ in 0o600 })
            #expect(paths.count == 100 && paths.allSatisfy { $0?.count == 1 })
            await fileSystem.close()
        }
        print("both ends of 100 changes, rows stepped:", costs)
        #expect(costs[0] == costs[1])
    }

    /// Goal: a difference reads what changed, to the page, however many files there are.
    ///
    /// Method: every page that is read is found in SQLite's own account of its trees (`dbstat`). Leaves hold
    /// the rows: theirs are equal. Above them a search passes one page a level, and the journal's tree has
    /// a level more where it has a hundred times the keys: exactly these may be more, and nothing else.
    @Test func `a difference of 100 changes costs the same however many files there are`()
        async throws
    {
        var costs: [Cost] = []
        var reads: [PageReads] = []
        for files in [1_000, TestSizes.current.costTreeFiles] {
            let world = try await Self.world(files: files)
            let (cost, read) = try await Self.differenceOf100Changes(in: world)
            costs.append(cost)
            reads.append(read)
            #expect(cost.bytesRead == read.bytes, "every byte read is a page's")
            await world.fileSystem.close()
        }
        print("difference of 100 changes:", costs)
        for read in reads { print(" ", read) }
        #expect(costs[0].syncs == 0 && costs[1].syncs == 0)
        #expect(costs[0].rowSteps == costs[1].rowSteps)
        #expect(reads[0].leaves == reads[1].leaves)
        #expect(reads[0].leafBytes == reads[1].leafBytes)
        #expect(reads[0].leaves["chg"] ?? 0 > 0)
        for read in reads { #expect(read.inner["chg"] ?? 0 == read.depth(of: "chg") - 1) }
        func others(_ read: PageReads) -> [String: Int] { read.inner.filter { $0.key != "chg" } }
        #expect(others(reads[0]) == others(reads[1]))
    }

    private static func differenceOf100Changes(
        in world: EngineWorld
    ) async throws -> (Cost, PageReads) {
        let fileSystem = world.fileSystem
        try await beginJournalPage(of: fileSystem)
        let first = try await fileSystem.createSnapshot("a")
        for index in 0..<100 { try await touch("f\(index)", in: fileSystem) }
        let second = try await fileSystem.createSnapshot("b")
        let before = try await rowsStepped(before: fileSystem)
        let (syncs, bytes) = (world.disk.syncs.count, world.disk.bytesRead)
        world.disk.beginRecordingReads()
        let page = try await fileSystem.changes(
            after: first.epoch,
            through: second.epoch,
            limit: 1_000
        )
        let reads = world.disk.endRecordingReads()
        let after = try await fileSystem.readers.run { $0.reader.rowsStepped }
        #expect(page.changes.count == 100 && page.resumeAfter == nil)
        let cost = Cost(
            syncs: world.disk.syncs.count - syncs,
            rowSteps: after - before,
            bytesRead: world.disk.bytesRead - bytes
        )
        return (cost, try PageReads(reads, in: world))
    }

    /// Changes files until the journal's last page has just been begun.
    ///
    /// A hundred keys fill half a page; whether they begin in the middle of one is chance, and would be a
    /// page more or less.
    private static func beginJournalPage(of fileSystem: FileSystem) async throws {
        for index in 200..<700 {
            let room = try PageReads.room(inLastLeafOf: "chg", fileSystem)
            if room >= 1_950 { return }
            try await touch("f\(index)", in: fileSystem)
        }
        Issue.record("the journal's last page was never half empty")
    }

    @inline(never)  // Inlined into a loop, Swift 6.3.1 in release crashes on it.
    private static func touch(_ text: String, in fileSystem: FileSystem) async throws {
        let found = try await fileSystem.lookup(try name(text), in: .root, as: .root)
        let changes = AttributeChanges(permissions: 0o600)
        _ = try await fileSystem.setAttributes(found.inode, changes, as: .root)
    }

    @Test func `operations in flight share their syncs`() async throws {
        let world = try await EngineWorld.make(disk: SimulatedDisk(recording: true))
        let fileSystem = world.fileSystem
        let before = world.disk.syncs.count
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<256 {
                group.addTask { _ = try await fileSystem.makeFile("f\(index)") }
            }
            try await group.waitForAll()
        }
        let syncs = world.disk.syncs.count - before
        print("256 creates in flight: \(syncs) syncs")
        #expect(syncs < 128)
        await fileSystem.close()
    }
}
