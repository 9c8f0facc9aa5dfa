import Disk
import FileSystemEngine
import Lifecycle
import MetadataStore
import Policies
import TestKit
import Testing
import VarveModel

/// Runs go by where bytes lie: not by times, not by what a file was before it was gone.
@Suite struct LifecyclePlaceTests {
    private static func policy(
        back: Bool = false,
        infrequent: LifecycleTransitions.Age = .days30,
        pins: [PathGlob] = [],
        limits: LifecycleLimits = LifecycleLimits()
    ) throws -> LifecyclePolicy {
        LifecyclePolicy(
            name: "cold",
            transitions: try LifecycleTransitions(
                toInfrequentAccess: infrequent,
                toArchive: .days90,
                isPromotedOnAccess: back
            ),
            minimumSize: 4_000,
            pins: pins,
            limits: limits
        )
    }

    @discardableResult
    private static func run(
        _ world: LifecycleWorld,
        _ policy: LifecyclePolicy
    ) async throws -> Set<InodeNumber> {
        let outcome = try await world.service.run(world.fileSystem, policy)
        #expect(outcome.failures == [])
        return Set(outcome.moves.map(\.inode))
    }

    private static func shown(_ world: LifecycleWorld, _ tier: Tier) async throws -> UInt64 {
        try await world.fileSystem.statistics().tierBytes[tier] ?? 0
    }

    private static func name(_ text: String) throws -> FileName {
        try #require(FileName(text))
    }

    // MARK: What follows a cold file

    /// Goal: a change of mode of many cold files moves nothing, and takes nothing of the rate from those that are due.
    @Test func `chmod and chown of cold files are no writes, and cost no rate and no residency`()
        async throws
    {
        let world = try await LifecycleWorld()
        let limits = LifecycleLimits(
            minimumResidency: 7 * 86_400,
            demotion: ByteRate(bytes: 150_000, hours: 24)
        )
        let policy = try Self.policy(back: true, limits: limits)
        var cold: [InodeNumber] = []
        for number in 0..<2 {
            cold.append(try await world.makeFile("c\(number)", text(100_000, seed: UInt64(number))))
        }
        try await world.pass(days: 30)
        #expect(try await Self.run(world, policy) == Set(cold))
        let idle = try await world.makeFile("idle", text(100_000, seed: 9))
        try await world.pass(days: 29)
        for inode in cold {
            let changes = AttributeChanges(permissions: 0o600, uid: 8)
            _ = try await world.fileSystem.setAttributes(inode, changes, as: .root)
        }
        try await world.pass(days: 1)
        #expect(try await Self.run(world, policy) == [idle])
        let history = try await world.journal.transitions(world.fileSystem.id.text, limit: 99)
        #expect(history.count == 3, "a transition each, and none for the modes")
        // Their residency began with the move: a use brings them back.
        _ = try await world.read(cold[0])
        try await world.pass(days: 0)
        #expect(try await Self.run(world, policy) == [cold[0]])
        await world.fileSystem.close()
    }

    /// Goal: what a client writes while its file is copied does not stay behind.
    @Test func `what was written during a move follows it, though the move took hours`()
        async throws
    {
        let world = try await LifecycleWorld()
        let policy = try Self.policy()
        let inode = try await world.makeFile("f", text(200_000, seed: 1))
        try await world.pass(days: 30)
        _ = try await world.fileSystem.move(inode, to: .infrequentAccess) {
            _ throws(FileSystemError) in
            try await LifecyclePlaceTests.write(world.fileSystem, inode, 50_000)
            world.clock.advance(seconds: 7_200)
        }
        #expect(try await Self.shown(world, .standard) == 50_000)
        try await world.pass(days: 0)
        // As a run that moves it notes.
        try await world.journal.setTier(
            world.fileSystem.id.text,
            inode,
            .infrequentAccess,
            day: world.clock.now().day
        )
        #expect(try await Self.run(world, policy) == [], "in quarantine")
        try await world.pass(days: 2)
        let outcome = try await world.service.run(world.fileSystem, policy)
        #expect(outcome.moves.map(\.inode) == [inode])
        #expect(outcome.bytes == 50_000 && outcome.moves.first?.bytes == 50_000)
        #expect(try await Self.shown(world, .standard) == 0)
        await world.fileSystem.close()
    }

    @inline(never)
    private static func write(
        _ fileSystem: FileSystem,
        _ inode: InodeNumber,
        _ count: Int
    ) async throws(FileSystemError) {
        let bytes = [UInt8](repeating: 7, count: count)
        _ = try await fileSystem.write(inode, bytes, at: 100_000, stability: .stable, as: .root)
    }

    // MARK: Clones

    @Test func `a file that is pinned keeps its bytes while a clone of it goes cold`() async throws
    {
        let world = try await LifecycleWorld()
        let policy = try Self.policy()
        let pinned = try await world.makeFile("pinned", text(100_000, seed: 1))
        try await world.service.pin(world.fileSystem, pinned, by: "uid 0")
        let copy = try await world.clone(pinned, as: "copy")
        try await world.pass(days: 40)
        #expect(try await Self.run(world, policy) == [copy])
        #expect(try await world.tier(copy) == .infrequentAccess)
        #expect(try await Self.shown(world, .infrequentAccess) == 0)
        let why = try await world.service.why(world.fileSystem, copy, [policy])
        #expect(why.reasons.contains { $0.hasPrefix("100000 bytes of it stay") }, "\(why)")
        // Nothing of it is moved again and again.
        try await world.pass(days: 1)
        #expect(try await Self.run(world, policy) == [])
        try await world.service.unpin(world.fileSystem, pinned)
        #expect(try await Self.run(world, policy) == [pinned])
        #expect(try await Self.shown(world, .standard) == 0)
        await world.fileSystem.close()
    }

    @Test func `what a gone file held back follows within a month`() async throws {
        let world = try await LifecycleWorld()
        let policy = try Self.policy()
        let hot = try await world.makeFile("hot", text(100_000, seed: 1))
        let copy = try await world.clone(hot, as: "copy")
        for _ in 0..<7 {
            _ = try await world.read(hot)
            try await world.pass(days: 5)
            _ = try await Self.run(world, policy)
        }
        #expect(try await world.tier(copy) == .infrequentAccess)
        #expect(try await Self.shown(world, .standard) == 200_000)
        try await world.fileSystem.unlink(try Self.name("hot"), in: .root, as: .root)
        while try await world.fileSystem.reap().isMoreDue {}
        var moved: Set<InodeNumber> = []
        for _ in 0..<32 {
            try await world.pass(days: 1)
            moved.formUnion(try await Self.run(world, policy))
        }
        #expect(moved == [copy])
        #expect(try await Self.shown(world, .infrequentAccess) == 100_000)
        await world.fileSystem.close()
    }

    @Test func `what came back for one file follows the other, once the first is gone`()
        async throws
    {
        let world = try await LifecycleWorld()
        let policy = try Self.policy(back: true)
        let first = try await world.makeFile("first", text(100_000, seed: 1))
        let second = try await world.clone(first, as: "second")
        try await world.pass(days: 100)
        #expect(try await Self.run(world, policy) == [first, second])
        // Moved at one time they may hold back each other's bytes, which the next look finds.
        try await world.pass(days: 2)
        try await Self.run(world, policy)
        try await world.pass(days: 2)
        #expect(try await Self.run(world, policy) == [])
        #expect(try await Self.shown(world, .archive) == 200_000)
        _ = try await world.read(first)
        try await world.pass(days: 0)
        #expect(try await Self.run(world, policy) == [first])
        #expect(try await Self.shown(world, .standard) == 200_000)
        try await world.pass(days: 1)
        #expect(try await Self.run(world, policy) == [])
        try await world.fileSystem.unlink(try Self.name("first"), in: .root, as: .root)
        while try await world.fileSystem.reap().isMoreDue {}
        try await world.pass(days: 31)
        #expect(try await Self.run(world, policy) == [second])
        #expect(try await Self.shown(world, .archive) == 100_000)
        await world.fileSystem.close()
    }

    @Test func `a clone of cold bytes that is pinned gets them back`() async throws {
        let world = try await LifecycleWorld()
        let policy = try Self.policy()
        let old = try await world.makeFile("old", text(100_000, seed: 1))
        try await world.pass(days: 40)
        #expect(try await Self.run(world, policy) == [old])
        let copy = try await world.clone(old, as: "copy")
        try await world.pass(days: 1)
        #expect(try await Self.shown(world, .standard) == 0)
        try await world.service.pin(world.fileSystem, copy, by: "uid 0")
        try await world.pass(days: 40)
        let outcome = try await world.service.run(world.fileSystem, policy)
        #expect(outcome.moves.map(\.inode).contains(copy))
        #expect(outcome.promoted == 0, "it has been in Standard all the while")
        let place = try await world.fileSystem.dataPlace(of: copy, in: .standard)
        #expect(place.elsewhere == 0)
        await world.fileSystem.close()
    }

    // MARK: Rollback

    @Test func `a file that a rollback brings back is known, and a use brings its bytes back`()
        async throws
    {
        let world = try await LifecycleWorld()
        let policy = try Self.policy(back: true)
        let bytes = text(100_000, seed: 1)
        let inode = try await world.makeFile("f", bytes)
        try await world.pass(days: 100)
        #expect(try await Self.run(world, policy) == [inode])
        #expect(try await world.tier(inode) == .archive)
        let snapshot = try await world.fileSystem.createSnapshot("s").epoch
        try await world.fileSystem.unlink(try Self.name("f"), in: .root, as: .root)
        try await world.pass(days: 1)
        #expect(try await Self.run(world, policy) == [])
        let id = world.fileSystem.id.text
        #expect(try await world.journal.accessDay(id, inode) == nil)
        _ = try await world.fileSystem.restoreInPlace(try Self.name("f"), in: .root, to: snapshot)
        #expect(try await world.tier(inode) == .archive)
        #expect(try await Self.run(world, policy) == [])
        let row = try #require(try await world.journal.accessDay(id, inode))
        #expect(row.tier == .archive && row.day == world.clock.now().day)
        #expect(try await world.service.status(world.fileSystem).tiers[.archive]?.files == 1)
        #expect(try await world.read(inode) == bytes)
        try await world.pass(days: 0)
        let back = try await world.service.promoteAccessed(world.fileSystem, policy)
        #expect(back.promoted == 1)
        #expect(try await Self.shown(world, .archive) == 0)
        #expect(try await world.read(inode) == bytes)
        await world.fileSystem.close()
    }

    @Test func `a pin outlives its file while the past shows it, and no longer`() async throws {
        let world = try await LifecycleWorld()
        let policy = try Self.policy()
        let fileSystem = world.fileSystem
        let directory = try await world.makeDirectory("db")
        let inside = try await world.makeFile("a", text(100_000, seed: 1), in: directory)
        let file = try await world.makeFile("b", text(100_000, seed: 2))
        for inode in [directory, file] {
            try await world.service.pin(fileSystem, inode, by: "uid 0")
        }
        let snapshot = try await fileSystem.createSnapshot("s").epoch
        func remove() async throws {
            try await fileSystem.unlink(try Self.name("a"), in: directory, as: .root)
            try await fileSystem.removeDirectory(try Self.name("db"), in: .root, as: .root)
            try await fileSystem.unlink(try Self.name("b"), in: .root, as: .root)
        }
        try await remove()
        try await world.pass(days: 40)
        #expect(try await Self.run(world, policy) == [])
        #expect(try await world.service.pins(fileSystem).isEmpty)
        for text in ["db", "b"] {
            _ = try await fileSystem.restoreInPlace(try Self.name(text), in: .root, to: snapshot)
        }
        #expect(
            try await Set(world.service.pins(fileSystem).map(\.pin.inode)) == [directory, file]
        )
        for _ in 0..<3 {
            #expect(try await Self.run(world, policy) == [])
            try await world.pass(days: 40)
        }
        #expect(try await world.tier(inside) == .standard)
        try await remove()
        try await fileSystem.deleteSnapshot("s")
        try await world.pass(days: 60)
        for _ in 0..<1_000 {
            guard try await fileSystem.collectGarbage().isMoreDue else { break }
        }
        #expect(try await !fileSystem.isShownByPast(file))
        #expect(try await Self.run(world, policy) == [])
        #expect(try await world.journal.pins(fileSystem.id.text) == [])
        await fileSystem.close()
    }

    // MARK: Uses and writes

    @Test func `a scan of the whole tree neither counts as a day of use nor takes one away`()
        async throws
    {
        let world = try await LifecycleWorld()
        let policy = try Self.policy(
            back: true,
            limits: LifecycleLimits(usesToPromote: 2, wholeTreeFiles: 3)
        )
        var files: [InodeNumber] = []
        for number in 0..<5 {
            files.append(try await world.makeFile("f\(number)", text(9_000, seed: UInt64(number))))
        }
        try await world.pass(days: 30)
        #expect(try await Self.run(world, policy).count == 5)
        /// A day on which files are read, and the run of the next morning.
        func day(_ read: [InodeNumber]) async throws -> Set<InodeNumber> {
            for inode in read { _ = try await world.read(inode) }
            try await world.pass(days: 1)
            return try await Self.run(world, policy)
        }
        #expect(try await day(files) == [])
        // The scan and one day more are one day.
        #expect(try await day([files[0]]) == [])
        #expect(try await day(files) == [])
        #expect(try await day([]) == [])
        let row = try await world.journal.accessDay(world.fileSystem.id.text, files[0])
        #expect(row?.uses == 1 && row?.used == nil)
        // The second day, whatever lay between.
        #expect(try await day([files[0], files[1]]) == [files[0]])
        await world.fileSystem.close()
    }

    @Test func `a file whose times were set back is in quarantine like any other`() async throws {
        let world = try await LifecycleWorld()
        let policy = try Self.policy(
            infrequent: .days1,
            limits: LifecycleLimits(writeQuarantine: 7 * 86_400)
        )
        world.clock.advance(seconds: 43_200)
        let inode = try await world.makeFile("unpacked", text(100_000, seed: 1))
        let old = AttributeChanges.Time.exactly(Timestamp(seconds: 1_000_000_000))
        let changes = AttributeChanges(accessed: old, modified: old)
        _ = try await world.fileSystem.setAttributes(inode, changes, as: .root)
        var days = 0
        while try await Self.run(world, policy) == [], days < 30 {
            try await world.pass(days: 1)
            days += 1
        }
        #expect(days == 7)
        await world.fileSystem.close()
    }

    @Test func `a file used just before midnight is not idle for a day just after it`() async throws
    {
        let world = try await LifecycleWorld()
        let policy = try Self.policy(
            infrequent: .days1,
            limits: LifecycleLimits(writeQuarantine: 0)
        )
        let inode = try await world.makeFile("f", text(100_000, seed: 1))
        world.clock.advance(seconds: 86_399)
        _ = try await world.read(inode)
        try await world.pass(days: 0)
        world.clock.advance(seconds: 2)
        #expect(try await Self.run(world, policy) == [])
        world.clock.advance(seconds: 86_400 - 2)
        #expect(try await Self.run(world, policy) == [])
        world.clock.advance(seconds: 2)
        #expect(try await Self.run(world, policy) == [inode])
        await world.fileSystem.close()
    }
}
