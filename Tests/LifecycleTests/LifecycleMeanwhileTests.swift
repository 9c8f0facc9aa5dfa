import Disk
import FileSystemEngine
import Policies
import TestKit
import Testing
import VarveModel

@testable import Lifecycle
@testable import MetadataStore

/// What comes while a run is under way, or goes wrong in it.
@Suite struct LifecycleMeanwhileTests {
    private static func run(
        _ world: LifecycleWorld,
        _ policy: LifecyclePolicy
    ) async throws -> Set<InodeNumber> {
        let outcome = try await world.service.run(world.fileSystem, policy)
        #expect(outcome.failures == [])
        return Set(outcome.moves.map(\.inode))
    }

    /// Goal: a pin that comes when a run has begun is neither passed over by it nor put off by its looks.
    ///
    /// Method: the run's session is opened, which is when it reads the pins; then a file that is due to go is pinned,
    /// and one that has gone; then the run looks at all.
    @Test func `a pin holds that comes when a run has begun`() async throws {
        let world = try await LifecycleWorld()
        let policy = try world.policy()
        let cold = try await world.makeFile("cold", text(100_000, seed: 1))
        try await world.pass(days: 30)
        #expect(try await Self.run(world, policy) == [cold])
        let due = try await world.makeFile("due", text(100_000, seed: 2))
        let other = try await world.makeFile("other", text(100_000, seed: 3))
        try await world.pass(days: 30)
        let session = try await world.service.session(world.fileSystem, policy, [])
        for inode in [cold, due] {
            try await world.service.pin(world.fileSystem, inode, by: "uid 0")
        }
        let outcome = try await world.service.pass(session, onlyBack: false, nil)
        #expect(outcome.moves.map(\.inode) == [other])
        #expect(try await Self.run(world, policy) == [cold])
        #expect(try await world.tier(cold) == .standard)
        #expect(try await world.tier(due) == .standard)
        await world.fileSystem.close()
    }

    @Test func `a pin that is taken away when a run has begun is gone for the next`() async throws {
        let world = try await LifecycleWorld()
        let policy = try world.policy()
        let file = try await world.makeFile("file", text(100_000, seed: 1))
        try await world.service.pin(world.fileSystem, file, by: "uid 0")
        try await world.pass(days: 30)
        let session = try await world.service.session(world.fileSystem, policy, [])
        try await world.service.unpin(world.fileSystem, file)
        #expect(try await world.service.pass(session, onlyBack: false, nil).files == 0)
        #expect(try await Self.run(world, policy) == [file])
        await world.fileSystem.close()
    }

    @Test func `a file that is used while it is copied stays`() async throws {
        let world = try await LifecycleWorld()
        let policy = try world.policy()
        let bytes = text(100_000, seed: 1)
        let file = try await world.makeFile("file", bytes)
        try await world.pass(days: 30)
        // As by a client after the run's flush.
        #expect(try await world.read(file) == bytes)
        let outcome = try await world.service.run(
            world.fileSystem,
            policy,
            uses: world.recorder
        )
        #expect(outcome.files == 0 && outcome.candidates == 1 && outcome.failures == [])
        #expect(try await world.tier(file) == .standard)
        let last = try await world.journal.lastTransition(world.fileSystem.id.text, file)
        #expect(last?.state == .abandoned && last?.reason.contains("used") == true)
        #expect(try await world.fileSystem.statistics().tierBytes[.infrequentAccess] ?? 0 == 0)
        try await world.pass(days: 29)
        #expect(try await Self.run(world, policy) == [])
        try await world.pass(days: 1)
        #expect(try await Self.run(world, policy) == [file])
        #expect(try await world.read(file) == bytes)
        await world.fileSystem.close()
    }

    /// Goal: one file that cannot be moved is one failure, and no other error takes its place.
    ///
    /// Method: the file's record is damaged, and the journal refuses to say that its move was given up.
    @Test func `a move that fails and cannot be ended is one failure`() async throws {
        let world = try await LifecycleWorld()
        let policy = try world.policy()
        var generator = SeededGenerator(seed: 21)
        let broken = try await world.makeFile("broken", generator.bytes(200_000))
        try await world.pass(days: 30)
        let segment = try #require(try Self.largestSegment(of: world.disk))
        try world.disk.corrupt(segment, at: 100_000, mask: 1)
        try await world.journal.refuseEnds(true)
        let outcome = try await world.service.run(world.fileSystem, policy)
        #expect(outcome.failures.map(\.inode) == [broken])
        let id = world.fileSystem.id.text
        #expect(try await world.journal.unfinishedTransitions(id).map(\.inode) == [broken])
        try await world.journal.refuseEnds(false)
        // The next run ends it.
        let next = try await world.service.run(world.fileSystem, policy)
        #expect(next.files == 0)
        #expect(try await world.journal.unfinishedTransitions(id) == [])
        await world.fileSystem.close()
    }

    private static func largestSegment(of disk: SimulatedDisk) throws -> String? {
        var directories = ["/var/zone"]
        var found: (path: String, size: UInt64)?
        while let next = directories.popLast() {
            for name in try disk.list(next) {
                let path = next + "/" + name
                guard let status = try disk.status(of: path) else { continue }
                switch status.kind {
                case .directory: directories.append(path)
                case .file where path.contains("/standard/") && status.size > found?.size ?? 0:
                    found = (path, status.size)
                case .file: break
                case .other: break
                }
            }
        }
        return found?.path
    }

    @Test func `new rules that bring files back do not look back`() async throws {
        let world = try await LifecycleWorld()
        func policy(back: Bool) throws -> LifecyclePolicy {
            LifecyclePolicy(
                name: "cold",
                transitions: try LifecycleTransitions(
                    toInfrequentAccess: .days30,
                    toArchive: nil,
                    isPromotedOnAccess: back
                ),
                minimumSize: 64 << 10
            )
        }
        let file = try await world.makeFile("file", text(100_000, seed: 1))
        try await world.pass(days: 30)
        #expect(try await Self.run(world, try policy(back: false)) == [file])
        _ = try await world.read(file)
        try await world.pass(days: 0)
        // The daemon asks every ten seconds; no run has been there since the rules changed.
        let early = try await world.service.promoteAccessed(
            world.fileSystem,
            try policy(back: true)
        )
        #expect(early.files == 0)
        #expect(try await world.tier(file) == .infrequentAccess)
        try await world.pass(days: 1)
        _ = try await world.read(file)
        try await world.pass(days: 0)
        let back = try await world.service.promoteAccessed(
            world.fileSystem,
            try policy(back: true)
        )
        #expect(back.moves.map(\.inode) == [file])
        await world.fileSystem.close()
    }

    /// Goal: a clock that ran ahead for a while costs a look at the files that were used then, and nothing more.
    @Test func `a clock that ran ahead is forgotten by the next run`() async throws {
        let world = try await LifecycleWorld()
        let policy = try world.policy()
        let (warm, cold) = (
            try await world.makeFile("warm", text(100_000, seed: 1)),
            try await world.makeFile("cold", text(100_000, seed: 2))
        )
        try await world.pass(days: 30)
        #expect(try await Self.run(world, policy) == [warm, cold])
        _ = try await world.read(warm)
        try await world.pass(days: 0)
        #expect(try await Self.run(world, policy) == [warm])
        // Both are used while the clock is a year ahead.
        let id = world.fileSystem.id.text
        try await world.journal.recordAccesses(id, [(warm, 20_400), (cold, 20_400)])
        try await world.pass(days: 1)
        let outcome = try await world.service.run(world.fileSystem, policy)
        #expect(outcome.clockWasAhead)
        #expect(outcome.moves.map(\.inode) == [cold])
        let day = world.clock.now().day
        for inode in [warm, cold] {
            let row = try await world.journal.accessDay(id, inode)
            #expect(row?.day == day && row?.used == nil && row?.due == day + 30)
        }
        try await world.pass(days: 30)
        let later = try await world.service.run(world.fileSystem, policy)
        #expect(!later.clockWasAhead)
        #expect(Set(later.moves.map(\.inode)) == [warm, cold])
        await world.fileSystem.close()
    }
}

extension JournalStore {
    /// Has every change of a transition fail, or ends that.
    fileprivate func refuseEnds(_ refuses: Bool) throws(MetadataError) {
        try change { () throws(MetadataError) in
            try connection.execute(
                refuses
                    ? """
                    CREATE TRIGGER refuse BEFORE UPDATE ON transition
                    BEGIN SELECT RAISE(ABORT, 'refused'); END
                    """ : "DROP TRIGGER refuse"
            )
        }
    }
}
