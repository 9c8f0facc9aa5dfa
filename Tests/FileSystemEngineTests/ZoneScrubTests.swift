import Disk
import MetadataStore
import SegmentStore
import TestKit
import Testing
import VarveModel

@testable import FileSystemEngine

/// What a scrub heals, what it names, and what a file system does whose zones are gone.
@Suite struct ZoneScrubTests {
    /// The one segment of Standard, and where a file's only record begins in it.
    private static func place(
        of inode: InodeNumber,
        _ fileSystem: FileSystem
    ) async throws -> RecordPointer {
        let rows = try await fileSystem.readers.run { context in
            try context.begin(.live)
            return try context.reader.slices(after: nil, limit: 1_000)
        }
        return try #require(rows.first { $0.inode == inode }?.record)
    }

    private static func path(_ segment: SegmentID, _ world: EngineWorld) -> String {
        SegmentZone(name: "", directory: world.configuration.zones[0])
            .path(of: segment, tier: .standard)
    }

    @Test func `a scrub heals what any zone has and names what none has by path and bytes`()
        async throws
    {
        let zones = try ZoneWorld()
        var limits = FileSystemLimits()
        limits.flushSeconds = nil
        let world = try await zones.makeFileSystem(limits)
        let fileSystem = world.fileSystem
        var generator = SeededGenerator(seed: 6)
        let bytes = generator.bytes(100_000)
        let directory = try await fileSystem.create(
            try name("dir"),
            in: .root,
            NewInode(.directory, permissions: 0o755),
            as: .root
        )
        let file = try await fileSystem.create(
            try name("lost"),
            in: directory.inode,
            NewInode(.regular, permissions: 0o644),
            as: .root
        ).inode
        _ = try await fileSystem.write(file, bytes, at: 5_000, stability: .stable, as: .root)
        let good = try await fileSystem.makeFile("good", generator.bytes(50_000))
        let twin = try await fileSystem.makeFile("healed", generator.bytes(50_000))
        let record = try await Self.place(of: file, fileSystem)
        let segment = Self.path(record.segment, world)
        // Block 2 of the file in every zone; a block of another file in two.
        for disk in zones.disks {
            try disk.corrupt(segment, at: record.offset + 40_000, mask: 1)
        }
        let other = try await Self.place(of: twin, fileSystem)
        for disk in zones.disks.prefix(2) {
            try disk.corrupt(segment, at: other.offset + 20_000, mask: 1)
        }
        let told = ZoneReports()
        let report = try await fileSystem.scrub { told.add("\($0.stage) \($0.bytesRead)") }
        #expect(report.isComplete)
        #expect(report.lostCount == 1, "\(report.losses)")
        let lost = try #require(report.lost.first)
        #expect(lost.path == "/dir/lost" && lost.inode == file)
        let range: Range<UInt64> = 37_768..<54_152
        #expect(lost.range == range)
        #expect(lost.segment == record.segment && lost.zones == ZoneWorld.names)
        #expect(lost.message.contains("/dir/lost, bytes 37768-54151: segment "))
        for zone in ZoneWorld.names { #expect(lost.message.contains("zone '\(zone)'")) }
        #expect(report.healed.map(\.zone) == ["local-a", "local-b"], "\(report.healed)")
        #expect(report.healedBytes > 0 && report.bytesRead > 3 * 200_000)
        for stage in ScrubProgress.Stage.allCases {
            #expect(told.all.contains { $0.hasPrefix("\(stage) ") }, "\(stage)")
        }
        // No byte of the lost block comes out, and all others do.
        let failure = await #expect(throws: FileSystemError.self) {
            _ = try await fileSystem.contents(file)
        }
        #expect(failure?.code == .corrupt)
        let before = try await fileSystem.read(file, 5_000..<37_768, as: .root).bytes
        #expect(before == Array(bytes[0..<32_768]))
        let after = try await fileSystem.read(file, 54_152..<105_000, as: .root).bytes
        #expect(after == Array(bytes[49_152...]))
        #expect(try await fileSystem.contents(good).count == 50_000)
        #expect(try await fileSystem.scrub().healedCount == 0)
        await fileSystem.close()
    }

    @Test func `a scrub of one zone verifies and heals nothing`() async throws {
        let world = try await EngineWorld.make()
        let file = try await world.fileSystem.makeFile("f", [UInt8](repeating: 5, count: 30_000))
        var report = try await world.fileSystem.scrub()
        #expect(report.isComplete && report.lostCount == 0 && report.healedCount == 0)
        #expect(report.bytesRead > 30_000)
        let record = try await Self.place(of: file, world.fileSystem)
        let path = Self.path(record.segment, world)
        try world.disk.corrupt(path, at: record.offset + 8_000, mask: 4)
        report = try await world.fileSystem.scrub()
        #expect(report.lost.map(\.path) == ["/f"])
        #expect(report.healedCount == 0)
        await world.fileSystem.close()
    }

    @Test func `a file removed beside a scrub is not called lost, and its record not put back`()
        async throws
    {
        let zones = try ZoneWorld()
        let world = try await zones.makeFileSystem()
        let fileSystem = world.fileSystem
        var generator = SeededGenerator(seed: 12)
        for number in 0..<60 {
            _ = try await fileSystem.makeFile("f\(number)", generator.bytes(100_000))
        }
        // Each step of the scrub is followed by removals, collections and compaction.
        var walk = ScrubWalk()
        var next = 0
        while !walk.isComplete {
            let before = walk
            walk = try await fileSystem.readers.run { context in
                var step = before
                try step.step(context)
                return step
            }
            for _ in 0..<20 where next < 60 {
                try await fileSystem.unlink(try name("f\(next)"), in: .root, as: .root)
                next += 1
            }
            world.clock.advance(seconds: 100_000)
            try await fileSystem.maintainAll()
        }
        #expect(walk.report.lostCount == 0, "\(walk.report.losses)")
        #expect(walk.report.healedCount == 0, "\(walk.report.healed)")
        #expect(next == 60)
        // And at once.
        for number in 0..<20 {
            _ = try await fileSystem.makeFile("g\(number)", generator.bytes(100_000))
        }
        async let scrubbed = fileSystem.scrub()
        for number in 0..<20 {
            try await fileSystem.unlink(try name("g\(number)"), in: .root, as: .root)
            _ = try await fileSystem.makeFile("h\(number)", generator.bytes(50_000))
            world.clock.advance(seconds: 100_000)
            while try await fileSystem.collectGarbage().isMoreDue {}
            _ = try await fileSystem.compact()
        }
        let report = try await scrubbed
        #expect(report.lostCount == 0, "\(report.losses)")
        #expect(report.healedCount == 0, "\(report.healed)")
        await fileSystem.close()
    }

    @Test func `a cancelled scrub ends with what it has, and one with a rate waits for it`()
        async throws
    {
        let world = try await EngineWorld.make()
        _ = try await world.fileSystem.makeFile("f", [UInt8](repeating: 5, count: 300_000))
        let fileSystem = world.fileSystem
        let task = Task {
            // A byte a second: it would take days.
            try await fileSystem.scrub(options: ScrubOptions(bytesPerSecond: 1)) { progress in
                guard progress.bytesRead > 0 else { return }
                withUnsafeCurrentTask { $0?.cancel() }
            }
        }
        let report = try await task.value
        #expect(!report.isComplete && report.bytesRead > 0)
        await world.fileSystem.close()
        let start = ContinuousClock.now
        let pace = ScrubPace(bytesPerSecond: 1_000, from: start)
        #expect(pace.due(after: 5_000, now: start) == start + .seconds(5))
        #expect(pace.due(after: 5_000, now: start + .seconds(6)) == nil)
        let free = ScrubPace(bytesPerSecond: nil, from: start)
        #expect(free.due(after: 5_000, now: start) == nil)
    }

    @Test func `without a majority of zones writes are refused, reads go on, and it opens again`()
        async throws
    {
        var zones = try ZoneWorld()
        var world = try await zones.makeFileSystem()
        let bytes = SeededGenerator(seed: 3).copyBytes(40_000)
        let file = try await world.fileSystem.makeFile("kept", bytes)
        for disk in zones.disks.prefix(2) { disk.fail(after: 0, lasting: true) }
        // One after another: each is synced within its COMMIT, which is undone where the sync fails.
        let fileSystem = world.fileSystem
        var codes: [FileSystemError.Code?] = []
        for number in 0..<5 {
            do {
                _ = try await fileSystem.makeFile("n\(number)")
                codes.append(nil)
            } catch {
                codes.append((error as? FileSystemError)?.code)
            }
        }
        #expect(codes.allSatisfy { $0 == .readOnly || $0 == .failed }, "\(codes)")
        #expect(!zones.zoned.standing.mayWrite)
        let refused = await #expect(throws: FileSystemError.self) {
            _ = try await fileSystem.makeFile("late")
        }
        #expect(refused?.code == .readOnly, "\(refused?.description ?? "")")
        #expect(
            refused?.description.contains("zone 'local-") == true,
            "\(refused?.description ?? "")"
        )
        #expect(try await fileSystem.contents(file) == bytes)
        let unstable = await #expect(throws: FileSystemError.self) {
            _ = try await fileSystem.write(file, [9], at: 0, stability: .unstable, as: .root)
            _ = try await fileSystem.commit(file)
        }
        #expect(unstable?.code == .readOnly)
        #expect(try await fileSystem.contents(file) == bytes)
        // The zones are back: what was open goes on refusing, and is opened anew.
        for disk in zones.disks { disk.clearFaults() }
        try zones.zoned.look()
        #expect(zones.zoned.standing.mayWrite && !zones.zoned.standing.isDegraded)
        await fileSystem.close()
        world = try await zones.reopen(world)
        #expect(try await world.fileSystem.contents(file) == bytes)
        let late = try await world.fileSystem.makeFile("late", bytes)
        #expect(try await world.fileSystem.contents(late) == bytes)
        #expect(try await world.fileSystem.verify().isEmpty)
        #expect(try await world.fileSystem.scrub().lostCount == 0)
        await world.fileSystem.close()
        zones.zoned.close()
        try zones.restart()
        world = try await zones.reopen(world)
        #expect(try await world.fileSystem.contents(late) == bytes)
        await world.fileSystem.close()
    }
}

extension SeededGenerator {
    fileprivate func copyBytes(_ count: Int) -> [UInt8] {
        var copy = self
        return copy.bytes(count)
    }
}
