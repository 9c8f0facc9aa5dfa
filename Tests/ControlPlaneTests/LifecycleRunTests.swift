import Disk
import FileSystemEngine
import LocalAPI
import Policies
import Synchronization
import TestKit
import Testing
import VarveModel

@testable import ControlPlane
@testable import MetadataStore

/// What the daemon does about lifecycle beside the moves themselves.
@Suite struct LifecycleRunTests {
    /// Goal: notes of tiers keep no file system from being served.
    ///
    /// Method: the journal holds an open transition that does not decode, so that what a crash left cannot be ended.
    @Test func `a file system opens whose tier moves cannot be ended`() async throws {
        let disk = SimulatedDisk(recording: false)
        try StateWorld.create(on: disk)
        let first = try await StateWorld(opening: disk)
        let made = try await first.fileSystems.create(name: "home", tags: [:], owner: .root)
        try await first.journal.planUnreadable(made.record.id.text)
        await first.close()
        let second = try await StateWorld(opening: disk)
        let found = try await second.fileSystems.find("home")
        #expect(found.record.id == made.record.id)
        #expect(try await found.engine.attributes(of: .root).kind == .directory)
        let error = await #expect(throws: MetadataError.self) {
            try await second.journal.unfinishedTransitions(made.record.id.text)
        }
        #expect(error?.code == .corrupt)
        await second.close()
    }

    /// Goal: a run takes no move of another that is under way for what a crash left.
    ///
    /// Method: a run is held where it asks for the policies in force, which is in its turn, while a move of it is
    /// noted; a second one, and what brings used files back, come meanwhile.
    @Test func `a run waits for another of its file system, and promotion for nobody`()
        async throws
    {
        let disk = SimulatedDisk(recording: false)
        try StateWorld.create(on: disk)
        let world = try await StateWorld(opening: disk)
        let home = try await world.fileSystems.create(name: "home", tags: [:], owner: .root)
        let (lifecycle, journal, id) = (world.lifecycle, world.journal, home.record.id)
        let policy = LifecyclePolicy(
            name: "cold",
            transitions: try LifecycleTransitions(
                toInfrequentAccess: .days30,
                toArchive: nil,
                isPromotedOnAccess: true
            )
        )
        let gate = Gate()
        lifecycle.follow { _ in
            await gate.pass()
            return [policy]
        }
        try await withThrowingTaskGroup { group in
            // Children of the group, which waits for them: the first holds the turn at the gate, the second waits for it, and
            // the promotion finds it taken.
            group.addTask { _ = try await lifecycle.run(home, policy) { _ in } }
            while await gate.entered == 0 { await Task.yield() }
            try await journal.planMove(id.text)
            group.addTask { _ = try await lifecycle.run(home, policy) { _ in } }
            while lifecycle.waiting(for: id) == 0, await gate.entered == 1 { await Task.yield() }
            let promoted = Mutex(false)
            group.addTask {
                try await lifecycle.promote(home, policy)
                promoted.withLock { $0 = true }
            }
            while !promoted.withLock({ $0 }), lifecycle.waiting(for: id) == 1 {
                await Task.yield()
            }
            #expect(promoted.withLock { $0 })
            #expect(await gate.entered == 1)
            #expect(try await journal.unfinishedTransitions(id.text).count == 1)
            await gate.open()
            try await group.waitForAll()
        }
        #expect(await gate.entered == 2)
        #expect(try await journal.unfinishedTransitions(id.text) == [])
        await world.close()
    }
}

/// Holds the first that comes until it is opened.
private actor Gate {
    private(set) var entered = 0
    private var held: CheckedContinuation<Void, Never>?
    private var isOpen = false

    func pass() async {
        entered += 1
        guard entered == 1, !isOpen else { return }
        await withCheckedContinuation { held = $0 }
    }

    func open() {
        isOpen = true
        held?.resume()
        held = nil
    }
}

extension JournalStore {
    @discardableResult
    fileprivate func planMove(_ fileSystem: String) throws(MetadataError) -> Int64 {
        try planTransition(
            fileSystem,
            .root,
            from: .standard,
            to: .archive,
            at: Timestamp(seconds: 0),
            bytes: 1,
            policy: "cold",
            reason: "idle"
        )
    }

    /// Notes a planned move into a tier that there is not.
    fileprivate func planUnreadable(_ fileSystem: String) throws(MetadataError) {
        let id = try planMove(fileSystem)
        try change { () throws(MetadataError) in
            try connection.run("UPDATE transition SET to_tier = 9 WHERE id = ?1", .int(id))
        }
    }
}
