import Disk
import FileSystemEngine
import Lifecycle
import MetadataStore
import Policies
import TestKit
import Testing
import VarveModel

@Suite struct LifecycleTests {
    @Test func `what nobody reads for 30 days moves, what is read stays, and a plan moves nothing`()
        async throws
    {
        let world = try await LifecycleWorld()
        let policy = try world.policy()
        let idle = try await world.makeFile("idle", text(300_000, seed: 1))
        let used = try await world.makeFile("used", text(300_000, seed: 2))
        let small = try await world.makeFile("small", text(10_000, seed: 3))
        try await world.pass(days: 29)
        #expect(try await world.service.plan(world.fileSystem, policy).files == 0)
        _ = try await world.read(used)
        try await world.pass(days: 1)
        let plan = try await world.service.plan(world.fileSystem, policy)
        #expect(plan.moves.map(\.inode) == [idle])
        #expect(plan.moves.first?.path.map(\.description) == ["idle"])
        #expect(plan.bytes == 300_000)
        #expect(try await world.fileSystem.tier(of: idle) == .standard)
        let outcome = try await world.service.run(world.fileSystem, policy)
        #expect(outcome.moves.map(\.inode) == [idle])
        #expect(outcome.bytes == plan.bytes)
        #expect(outcome.storedAfter < outcome.storedBefore)
        #expect(outcome.failures == [])
        #expect(try await world.fileSystem.tier(of: idle) == .infrequentAccess)
        #expect(try await world.fileSystem.tier(of: used) == .standard)
        #expect(try await world.fileSystem.tier(of: small) == .standard)
        let again = try await world.service.run(world.fileSystem, policy)
        #expect(again.files == 0)
        // The small one was looked at once; the moved one is looked at tomorrow.
        #expect(again.candidates == 0)
        #expect(outcome.candidates == 2)
        await world.fileSystem.close()
    }

    @Test func `a moved file reads the same, and comes back after one access`() async throws {
        let world = try await LifecycleWorld()
        let policy = try world.policy()
        let bytes = text(500_000, seed: 4)
        let inode = try await world.makeFile("file", bytes)
        try await world.pass(days: 31)
        #expect(try await world.service.run(world.fileSystem, policy).files == 1)
        let stat = try await world.fileSystem.attributes(of: inode)
        _ = stat
        try await world.pass(days: 1)
        #expect(try await world.service.run(world.fileSystem, policy).files == 0)
        #expect(try await world.read(inode) == bytes)
        try await world.pass(days: 0)
        let back = try await world.service.promoteAccessed(world.fileSystem, policy)
        #expect(back.promoted == 1)
        #expect(try await world.fileSystem.tier(of: inode) == .standard)
        #expect(try await world.read(inode) == bytes)
        let states = try await world.journal.transitions(world.fileSystem.id.text, limit: 9)
        #expect(states.map(\.state) == [.committed, .committed])
        #expect(states.map(\.to) == [.standard, .infrequentAccess])
        await world.fileSystem.close()
    }

    @Test func `IA goes on to Archive after 90 days`() async throws {
        let world = try await LifecycleWorld()
        let policy = try world.policy()
        let bytes = text(200_000, seed: 5)
        let inode = try await world.makeFile("file", bytes)
        try await world.pass(days: 30)
        _ = try await world.service.run(world.fileSystem, policy)
        try await world.pass(days: 59)
        #expect(try await world.service.run(world.fileSystem, policy).files == 0)
        try await world.pass(days: 1)
        #expect(try await world.service.run(world.fileSystem, policy).files == 1)
        #expect(try await world.fileSystem.tier(of: inode) == .archive)
        #expect(try await world.read(inode) == bytes)
        await world.fileSystem.close()
    }

    @Test func `excluded paths stay, and why says so`() async throws {
        let world = try await LifecycleWorld()
        let inode = try await world.makeFile("keep.db", text(200_000, seed: 6))
        let other = try await world.makeFile("other", text(200_000, seed: 7))
        let policy = try world.policy(exclude: [try PathGlob("/*.db")])
        try await world.pass(days: 40)
        #expect(try await world.service.run(world.fileSystem, policy).moves.map(\.inode) == [other])
        let kept = try await world.service.why(world.fileSystem, inode, [policy])
        #expect(kept.tier == .standard)
        #expect(kept.reasons.contains { $0.contains("excluded by") })
        let moved = try await world.service.why(world.fileSystem, other, [policy])
        #expect(moved.tier == .infrequentAccess)
        #expect(moved.reasons.contains { $0.contains("last move") })
        #expect(moved.lastAccess == Timestamp(seconds: 20_000 * 86_400))
        await world.fileSystem.close()
    }

    @Test func `a file that is gone is forgotten`() async throws {
        let world = try await LifecycleWorld()
        let policy = try world.policy()
        let inode = try await world.makeFile("file", text(200_000, seed: 8))
        try await world.pass(days: 40)
        try await world.fileSystem.unlink(
            try #require(FileName("file")),
            in: .root,
            as: .root
        )
        #expect(try await world.service.run(world.fileSystem, policy).candidates == 1)
        #expect(try await world.journal.accessDay(world.fileSystem.id.text, inode) == nil)
        await world.fileSystem.close()
    }

    @Test func `transitions that a crash left open are ended as the file system says`()
        async throws
    {
        let world = try await LifecycleWorld()
        let done = try await world.makeFile("done", text(200_000, seed: 9))
        let undone = try await world.makeFile("undone", text(200_000, seed: 10))
        try await world.pass(days: 40)
        let id = world.fileSystem.id.text
        for inode in [done, undone] {
            _ = try await world.journal.planTransition(
                id,
                inode,
                from: .standard,
                to: .infrequentAccess,
                at: world.clock.now(),
                bytes: 200_000,
                policy: "cold",
                reason: "idle"
            )
        }
        // The engine's transaction had committed for one of them when the daemon died.
        _ = try await world.fileSystem.move(done, to: .infrequentAccess)
        #expect(try await world.service.resume(world.fileSystem) == 2)
        #expect(try await world.journal.lastTransition(id, done)?.state == .committed)
        #expect(try await world.journal.lastTransition(id, undone)?.state == .abandoned)
        #expect(try await world.journal.accessDay(id, done)?.tier == .infrequentAccess)
        #expect(try await world.service.resume(world.fileSystem) == 0)
        let outcome = try await world.service.run(world.fileSystem, try world.policy())
        #expect(outcome.moves.map(\.inode) == [undone])
        await world.fileSystem.close()
    }

    @Test func `a full disk ends a run, and the next one goes on`() async throws {
        let world = try await LifecycleWorld()
        let policy = try world.policy()
        var generator = SeededGenerator(seed: 11)
        for number in 0..<4 { _ = try await world.makeFile("f\(number)", generator.bytes(2 << 20)) }
        try await world.pass(days: 40)
        world.disk.failAfter(bytes: 1_000_000)
        do throws(LifecycleError) {
            _ = try await world.service.run(world.fileSystem, policy)
            Issue.record("the disk is full")
        } catch {
            #expect(error.code == .noSpace, "\(error)")
        }
        world.disk.setCapacity(1 << 40)
        let outcome = try await world.service.run(world.fileSystem, policy)
        #expect(outcome.failures == [])
        #expect(outcome.files == 4)
        await world.fileSystem.close()
    }

    @Test func `backup and lifecycle reads are no accesses`() async throws {
        let world = try await LifecycleWorld()
        let inode = try await world.makeFile("file", text(200_000, seed: 12))
        try await world.pass(days: 40)
        _ = try await world.fileSystem.bulkRead(inode, 0..<200_000, at: .live)
        _ = try await world.fileSystem.attributes(of: inode)
        #expect(try await world.recorder.flush(to: world.journal, as: world.fileSystem.id) == 0)
        #expect(try await world.service.run(world.fileSystem, try world.policy()).files == 1)
        #expect(try await world.recorder.flush(to: world.journal, as: world.fileSystem.id) == 0)
        await world.fileSystem.close()
    }

    // MARK: Races and changes of mind

    @Test func `a policy of more days brings nothing back that nobody used`() async throws {
        let world = try await LifecycleWorld()
        let idle = try await world.makeFile("idle", text(200_000, seed: 13))
        let used = try await world.makeFile("used", text(200_000, seed: 14))
        try await world.pass(days: 31)
        #expect(try await world.service.run(world.fileSystem, try world.policy()).files == 2)
        try await world.pass(days: 10)
        _ = try await world.read(used)
        try await world.pass(days: 0)
        let later = LifecyclePolicy(
            name: "cold",
            transitions: try LifecycleTransitions(
                toInfrequentAccess: .days60,
                toArchive: nil,
                isPromotedOnAccess: true
            ),
            minimumSize: 64 << 10,
            exclude: []
        )
        let outcome = try await world.service.run(world.fileSystem, later)
        #expect(outcome.moves.map(\.inode) == [used])
        #expect(try await world.fileSystem.tier(of: idle) == .infrequentAccess)
        await world.fileSystem.close()
    }

    @Test func `a file read on the day of its demotion comes back, and goes again after its days`()
        async throws
    {
        let world = try await LifecycleWorld()
        let policy = try world.policy()
        let bytes = text(200_000, seed: 15)
        let inode = try await world.makeFile("file", bytes)
        var moves: [Tier] = []
        for _ in 0..<3 {
            try await world.pass(days: 30)
            moves += try await world.service.run(world.fileSystem, policy).moves.map(\.to)
            #expect(try await world.read(inode) == bytes)
            try await world.pass(days: 0)
            moves += try await world.service.run(world.fileSystem, policy).moves.map(\.to)
            moves += try await world.service.run(world.fileSystem, policy).moves.map(\.to)
        }
        // Once there and once back for each read, and no further.
        #expect(
            moves == [
                .infrequentAccess, .standard, .infrequentAccess, .standard,
                .infrequentAccess, .standard,
            ]
        )
        await world.fileSystem.close()
    }

    /// Goal: a move and a client that writes, cuts or deletes the same file do each other no harm.
    @Test func `moves race with writes, truncation and deletion`() async throws {
        let world = try await LifecycleWorld()
        let policy = try world.policy()
        var expected: [InodeNumber: [UInt8]] = [:]
        var inodes: [InodeNumber] = []
        for number in 0..<24 {
            let bytes = text(300_000, seed: UInt64(number))
            let inode = try await world.makeFile("f\(number)", bytes)
            inodes.append(inode)
            expected[inode] = bytes
        }
        try await world.pass(days: 40)
        let fileSystem = world.fileSystem
        let service = world.service
        let files = inodes
        let outcome = try await withThrowingTaskGroup(of: LifecycleOutcome?.self) { group in
            group.addTask { try await service.run(fileSystem, policy) }
            for (number, inode) in files.enumerated() where number % 4 != 0 {
                group.addTask {
                    try await LifecycleTests.disturb(inode, number, in: fileSystem)
                    return nil
                }
            }
            return try await group.reduce(nil) { $0 ?? $1 }
        }
        #expect((outcome?.files ?? 0) >= 6, "those that nobody touched have moved")
        for (number, inode) in inodes.enumerated() {
            guard var bytes = expected[inode] else { continue }
            switch number % 4 {
            case 1: bytes.replaceSubrange(100_000..<100_010, with: [UInt8](repeating: 7, count: 10))
            case 2: bytes.removeSubrange(150_000...)
            case 3: continue
            default: break
            }
            #expect(try await world.read(inode) == bytes, "file \(number)")
        }
        #expect(try await fileSystem.verify().isEmpty)
        await fileSystem.close()
    }

    private static func disturb(
        _ inode: InodeNumber,
        _ number: Int,
        in fileSystem: FileSystem
    ) async throws {
        switch number % 4 {
        case 1:
            _ = try await fileSystem.write(
                inode,
                [UInt8](repeating: 7, count: 10),
                at: 100_000,
                stability: .stable,
                as: .root
            )
        case 2: _ = try await fileSystem.setAttributes(inode, .init(size: 150_000), as: .root)
        default:
            try await fileSystem.unlink(
                try #require(FileName("f\(number)")),
                in: .root,
                as: .root
            )
        }
    }
}
