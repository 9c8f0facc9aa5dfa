import Disk
import FileSystemEngine
import Lifecycle
import MetadataStore
import TestKit
import Testing
import VarveModel

/// What becomes of uses until they are written down.
@Suite struct AccessRecorderTests {
    private static func inode(_ number: Int) -> InodeNumber {
        InodeNumber(rawValue: 1_000 + UInt64(number))
    }

    /// Files that the journal knows of.
    private static func written(_ world: LifecycleWorld) async throws -> Int {
        try await world.journal.accessDays(world.fileSystem.id.text, after: nil, limit: 100_000)
            .count
    }

    /// Goal: who has flushed finds in the journal all that was gathered before, also what another flush had taken.
    ///
    /// Method: two flush at once some ten transactions' worth; each counts what is there once its own has returned.
    @Test func `a flush waits for the one before it`() async throws {
        let world = try await LifecycleWorld()
        let files = 40_000
        for number in 0..<files { world.recorder.accessed(Self.inode(number), day: 20_000) }
        let (recorder, journal, id) = (world.recorder, world.journal, world.fileSystem.id)
        let counts = try await withThrowingTaskGroup(of: Int.self) { group in
            // Two children at once are what the test is about; the group waits for both.
            for _ in 0..<2 {
                group.addTask {
                    try await recorder.flush(to: journal, as: id)
                    return try await journal.accessDays(id.text, after: nil, limit: 100_000).count
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(counts == [files, files])
        await world.fileSystem.close()
    }

    @Test func `uses of one day are told once, and those of another again`() async throws {
        let world = try await LifecycleWorld()
        func use(_ day: Int64) async throws -> Int {
            for number in 0..<3 { world.recorder.accessed(Self.inode(number), day: day) }
            return try await world.recorder.flush(to: world.journal, as: world.fileSystem.id)
        }
        #expect(try await use(20_000) == 3)
        #expect(try await use(20_000) == 0)
        #expect(try await use(20_001) == 3)
        // A clock that was put right: the day is told, and then no more; the journal's days do not go back by it.
        #expect(try await use(20_000) == 3)
        #expect(try await use(20_000) == 0)
        let id = world.fileSystem.id.text
        #expect(try await world.journal.accessDay(id, Self.inode(0))?.day == 20_001)
        await world.fileSystem.close()
    }

    /// Goal: without a policy too, files that come and go leave no days behind, and what that costs is what was used.
    @Test func `days of files that are gone are forgotten as others are used`() async throws {
        let world = try await LifecycleWorld()
        let sweep = AccessSweep()
        var live: [InodeNumber] = []
        for round in 0..<12 {
            for file in 0..<50 { live.append(try await world.makeFile("\(round) \(file)", [1])) }
            for inode in live { world.recorder.accessed(inode, day: 20_000 + Int64(round)) }
            let used = try await world.recorder.flush(to: world.journal, as: world.fileSystem.id)
            sweep.owe(forUses: used)
            // All but the last few are removed.
            for file in 0..<48 {
                let name = try #require(FileName("\(round) \(file)"))
                try await world.fileSystem.unlink(name, in: .root, as: .root)
            }
            while try await world.fileSystem.reap().isMoreDue {}
            live = live.filter { inode in !live.suffix(50).prefix(48).contains(inode) }
            try await world.service.forgetGone(world.fileSystem, sweep)
            #expect(try await world.service.forgetGone(world.fileSystem, sweep) == 0, "paid")
            let rows = try await Self.written(world)
            #expect(rows <= live.count + 100, "round \(round): \(rows) of \(live.count)")
        }
        let id = world.fileSystem.id.text
        for inode in live { #expect(try await world.journal.accessDay(id, inode) != nil) }
        await world.fileSystem.close()
    }

    @Test func `uses pay for a look at twice as many rows, up to the last one`() async throws {
        let world = try await LifecycleWorld()
        let sweep = AccessSweep()
        for number in 0..<1_000 { world.recorder.accessed(Self.inode(number), day: 20_000) }
        try await world.recorder.flush(to: world.journal, as: world.fileSystem.id)
        for (uses, forgotten) in [(200, 400), (0, 0), (200, 400), (10_000, 200), (0, 0)] {
            sweep.owe(forUses: uses)
            let count = try await world.service.forgetGone(world.fileSystem, sweep)
            #expect(count == forgotten, "after \(uses) uses")
        }
        await world.fileSystem.close()
    }

    @Test func `more files than are kept are left out until the next flush`() async throws {
        let world = try await LifecycleWorld()
        let recorder = AccessRecorder(filesMax: 3)
        for number in 0..<5 { recorder.accessed(Self.inode(number), day: 20_000) }
        #expect(try await recorder.flush(to: world.journal, as: world.fileSystem.id) == 3)
        for number in 0..<5 { recorder.accessed(Self.inode(number), day: 20_000) }
        #expect(try await recorder.flush(to: world.journal, as: world.fileSystem.id) == 2)
        #expect(try await Self.written(world) == 5)
        await world.fileSystem.close()
    }

    @Test func `what a flush could not write is kept for the next`() async throws {
        let world = try await LifecycleWorld()
        for number in 0..<10_000 { world.recorder.accessed(Self.inode(number), day: 20_000) }
        world.disk.fail(after: 0, with: .noSpace, lasting: true) { _, path in
            path.contains("journal.sqlite")
        }
        let error = await #expect(throws: LifecycleError.self) {
            try await world.recorder.flush(to: world.journal, as: world.fileSystem.id)
        }
        #expect(error?.code == .noSpace)
        #expect(world.recorder.unwritten(Self.inode(9_999)) == 20_000)
        world.disk.clearFaults()
        let files = try await world.recorder.flush(to: world.journal, as: world.fileSystem.id)
        #expect(files == 10_000)
        #expect(try await Self.written(world) == 10_000)
        #expect(world.recorder.unwritten(Self.inode(9_999)) == nil)
        await world.fileSystem.close()
    }

    @Test func `nothing is written of a file system that is deleted`() async throws {
        let world = try await LifecycleWorld()
        world.recorder.accessed(Self.inode(1), day: 20_000)
        await world.recorder.retire()
        world.recorder.accessed(Self.inode(2), day: 20_000)
        #expect(try await world.recorder.flush(to: world.journal, as: world.fileSystem.id) == 0)
        #expect(try await Self.written(world) == 0)
        await world.fileSystem.close()
    }
}
