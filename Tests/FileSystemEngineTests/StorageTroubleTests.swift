import Disk
import Keyring
import SegmentStore
import TestKit
import Testing
import VarveModel

@testable import FileSystemEngine

/// A disk that fills or fails: each answer is true, nothing that was answered is lost.
@Suite struct StorageTroubleTests {
    @Test func `a full disk refuses writes, keeps serving, and takes them again with room`()
        async throws
    {
        var world = try await EngineWorld.make()
        let fileSystem = world.fileSystem
        var kept: [(InodeNumber, [UInt8])] = []
        var generator = SeededGenerator(seed: 3)
        world.disk.failAfter(bytes: 3 << 20)
        var refused = 0
        for index in 0..<400 where refused < 5 {
            let bytes = generator.bytes(30_000)
            do {
                let made = try await fileSystem.makeFile("f\(index)")
                _ = try await fileSystem.write(made, bytes, at: 0, stability: .stable, as: .root)
                kept.append((made, bytes))
            } catch let error as FileSystemError {
                #expect(error.code == .noSpace, "\(error)")
                refused += 1
            }
        }
        #expect(refused == 5 && !kept.isEmpty)
        for (inode, bytes) in kept {
            let found = try await fileSystem.contents(inode)
            #expect(found == bytes)
        }
        world.disk.setCapacity(1 << 40)
        let late = try await fileSystem.makeFile("late", generator.bytes(50_000))
        #expect(try await fileSystem.attributes(of: late).size == 50_000)
        try await world.reopen()
        for (inode, bytes) in kept {
            let found = try await world.fileSystem.contents(inode)
            #expect(found == bytes)
        }
        #expect(try await world.fileSystem.verify().isEmpty)
        await world.fileSystem.close()
    }

    @Test func `on a full disk files can be removed, and their space comes back`() async throws {
        let world = try await EngineWorld.make()
        let fileSystem = world.fileSystem
        var generator = SeededGenerator(seed: 4)
        world.disk.failAfter(bytes: 6 << 20)
        var made = 0
        var isFull = false
        while !isFull {
            do {
                let file = try await fileSystem.makeFile("f\(made)")
                made += 1
                let bytes = generator.bytes(60_000)
                _ = try await fileSystem.write(file, bytes, at: 0, stability: .stable, as: .root)
            } catch let error as FileSystemError {
                #expect(error.code == .noSpace, "\(error)")
                isFull = true
            }
        }
        for index in 0..<made {
            try await fileSystem.unlink(try name("f\(index)"), in: .root, as: .root)
        }
        world.clock.advance(seconds: 100_000)
        try await fileSystem.flush()
        world.clock.advance(seconds: 100_000)
        for _ in 0..<3 {
            while try await fileSystem.collectGarbage().isMoreDue {}
            while try await fileSystem.reap().isMoreDue {}
        }
        let again = generator.bytes(1 << 20)
        let file = try await fileSystem.makeFile("again", again)
        #expect(try await fileSystem.contents(file) == again)
        await fileSystem.close()
    }

    @Test func `one operation without room does not take its batch with it`() async throws {
        let world = try await EngineWorld.make()
        let fileSystem = world.fileSystem
        world.disk.failAfter(bytes: 2 << 20)
        let results = await withTaskGroup(of: Bool.self) { group in
            for index in 0..<100 {
                group.addTask {
                    let bytes = [UInt8](repeating: UInt8(index), count: 40_000)
                    do {
                        let file = try await fileSystem.makeFile("f\(index)", bytes)
                        return try await fileSystem.contents(file) == bytes
                    } catch {
                        return (error as? FileSystemError)?.code == .noSpace
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(results.allSatisfy { $0 })
        world.disk.setCapacity(1 << 40)
        try await fileSystem.flush()
        #expect(try await fileSystem.verify().isEmpty)
        await fileSystem.close()
    }

    @Test func `a failed sync makes it read-only, and a restart has what was answered`()
        async throws
    {
        var world = try await EngineWorld.make()
        let file = try await world.fileSystem.makeFile("f", [1, 2, 3])
        world.disk.fail(after: 0, lasting: true) { kind, _ in
            if case .sync = kind { true } else { false }
        }
        await #expect(throws: FileSystemError.self) {
            _ = try await world.fileSystem.makeFile("g")
        }
        let refused = await #expect(throws: FileSystemError.self) {
            _ = try await world.fileSystem.makeFile("h")
        }
        #expect(refused?.code == .readOnly)
        #expect(try await world.fileSystem.contents(file) == [1, 2, 3])
        await world.fileSystem.close()
        var configuration = world.configuration
        configuration.disk = world.disk.restarted()
        world.fileSystem = try await FileSystem.open(configuration)
        #expect(try await world.fileSystem.contents(file) == [1, 2, 3])
        await world.fileSystem.close()
    }

    /// Goal: rows that a failed sync of the log leaves there find the copies that they name.
    ///
    /// Method: a log whose sync fails, or is refused as by zones, and whose bytes reach the medium all the same: a
    /// compaction's swap is among them.
    @Test(arguments: [false, true])
    func `what rows in a log may name whose sync failed is not given back`(isRefused: Bool)
        async throws
    {
        let disk = SimulatedDisk(recording: false)
        let door = LogDoor()
        let clock = SimulatedClock(EngineWorld.start)
        var limits = EngineWorld.smallLimits
        limits.segmentBytes = 256 << 10
        var configuration = try EngineWorld.configuration(
            disk: door.watch(disk),
            clock: clock,
            limits: limits
        )
        var fileSystem = try await FileSystem.create(configuration)
        var generator = SeededGenerator(seed: testSeed(default: 84))
        var files = try await CompactionTests.fill(fileSystem, &generator, count: 200)
        clock.advance(seconds: 5)
        try await CompactionTests.overwrite(fileSystem, &files, &generator)
        clock.advance(seconds: 8_000)
        try await fileSystem.flush()
        while try await fileSystem.collectGarbage().isMoreDue {}
        let copied = fileSystem.core.segments.counters.appends
        let refusal = DiskError(.denied, "zone b is out", remedy: "Bring it back.", errno: 30)
        door.open(failing: true, with: isRefused ? refusal : nil)
        let failure = await #expect(throws: FileSystemError.self) {
            _ = try await fileSystem.compactAll()
        }
        #expect(failure?.code == (isRefused ? .readOnly : .failed))
        let refused = #expect(throws: FileSystemError.self) {
            try fileSystem.core.requireWritable()
        }
        #expect(refused?.code == .readOnly)
        #expect(fileSystem.core.segments.counters.appends > copied)
        #expect(!fileSystem.core.mayGiveBack)
        await fileSystem.close()
        configuration.disk = disk.restarted()
        fileSystem = try await FileSystem.open(configuration)
        try await CompactionTests.check(fileSystem, files)
        try await CompactionTests.checkAccounts(fileSystem)
        #expect(try await fileSystem.verify().map(\.message) == [])
        await fileSystem.close()
    }

    @Test func `a flipped bit in a segment is an error that names it, never bytes`() async throws {
        let world = try await EngineWorld.make()
        let fileSystem = world.fileSystem
        let file = try await fileSystem.makeFile("f", [UInt8](repeating: 5, count: 30_000))
        let good = try await fileSystem.makeFile("good", [UInt8](repeating: 6, count: 30_000))
        let folder = "/state/zones/local-1a/fs/standard"
        for segment in try world.disk.list(folder) where segment.hasSuffix(".seg") {
            try world.disk.corrupt(folder + "/" + segment, at: 4_096 + 8_000, mask: 0x10)
        }
        let failure = await #expect(throws: FileSystemError.self) {
            _ = try await fileSystem.contents(file)
        }
        #expect(failure?.code == .corrupt)
        #expect(try await fileSystem.contents(good).count == 30_000)
        let findings = try await fileSystem.verify()
        #expect(findings.contains { $0.kind == .damage && $0.inode == file && $0.segment != nil })
        await fileSystem.close()
    }

    @Test func `the wrong key is refused`() async throws {
        let world = try await EngineWorld.make()
        await world.fileSystem.close()
        var configuration = world.configuration
        configuration.dataKey = .random()
        let failure = await #expect(throws: FileSystemError.self) {
            _ = try await FileSystem.open(configuration)
        }
        #expect(failure?.code == .corrupt)
    }
}
