import Disk
import FileSystemEngine
import Lifecycle
import MetadataStore
import Policies
import TestKit
import Testing
import VarveModel

extension LifecycleCrashTests {
    /// Files that go to IA together: one has a past, two share their bytes, one is of a few bytes.
    private final class Together {
        let world: LifecycleWorld
        let policy: LifecyclePolicy
        var files: [(inode: InodeNumber, bytes: [UInt8])] = []
        let snapshot: Epoch
        let old: [UInt8]
        var start = 0
        var end = 0

        init() async throws {
            world = try await LifecycleWorld(recording: true)
            policy = LifecyclePolicy(
                name: "cold",
                transitions: try LifecycleTransitions(
                    toInfrequentAccess: .days30,
                    toArchive: nil,
                    isPromotedOnAccess: false
                ),
                minimumSize: 0
            )
            old = text(90_000, seed: 1)
            let first = try await world.makeFile("past", old)
            snapshot = try await world.fileSystem.createSnapshot("before").epoch
            world.clock.advance(seconds: 60)
            let more = text(20_000, seed: 2)
            try await world.write(first, more, at: 50_000)
            var bytes = old
            bytes.replaceSubrange(50_000..<70_000, with: more)
            files.append((first, bytes))
            let shared = text(30_000, seed: 3)
            let source = try await world.makeFile("source", shared)
            files.append((source, shared))
            files.append((try await world.clone(source, as: "clone"), shared))
            let small = text(2_100, seed: 4)
            files.append((try await world.makeFile("small", small), small))
            try await world.pass(days: 31)
            start = world.disk.operations
            let outcome = try await world.service.run(world.fileSystem, policy)
            end = world.disk.operations
            #expect(outcome.files == 4 && outcome.failures == [])
        }
    }

    /// Goal: whenever power goes, each of several files that move as one reads the same, now and before; the journal says
    /// where it is; and the next runs end what was begun.
    @Test func `files that move as one survive a power cut at every step`() async throws {
        let run = try await Together()
        var seen: [String: Int] = [:]
        let step = TestSizes.current.powerCutStride == 1 ? 1 : 3
        var replay = run.world.disk.replay()
        for cut in stride(from: run.start, through: run.end, by: step) {
            replay.advance(to: cut)
            let fates: [CutFate] = [.dropUnsynced, .keepUnsynced, .tear(seed: UInt64(cut))]
            for fate in step == 1 ? fates : [fates[cut / step % 3]] {
                do {
                    let states = try await Self.expectRecovered(replay.image(fate), run, cut)
                    for state in states { seen[state, default: 0] += 1 }
                } catch {
                    Issue.record("cut \(cut), \(fate): \(error)")
                }
            }
        }
        print("moves found after cuts: \(seen.sorted { $0.key < $1.key })")
        for state in ["planned", "copied", "committed"] {
            #expect(seen[state] ?? 0 > 0, "none was found \(state)")
        }
        await run.world.fileSystem.close()
    }

    private static func expectRecovered(
        _ image: SimulatedDisk,
        _ run: Together,
        _ cut: Int
    ) async throws -> [String] {
        let world = try await LifecycleWorld(run.world, on: image)
        let id = world.fileSystem.id.text
        var states: [String] = []
        for file in run.files {
            let last = try await world.journal.lastTransition(id, file.inode)
            states.append(last?.state.rawValue ?? "none")
        }
        try await world.service.resume(world.fileSystem)
        #expect(try await world.journal.unfinishedTransitions(id) == [], "cut \(cut)")
        try await expectContents(world, run, cut)
        for file in run.files {
            let tier = try await world.tier(file.inode)
            let row = try await world.journal.accessDay(id, file.inode)
            #expect(row?.tier == tier, "cut \(cut), inode \(file.inode.rawValue)")
        }
        _ = try await world.service.run(world.fileSystem, run.policy)
        // Bytes that one of two sharers held back follow on the next day.
        try await world.pass(days: 1)
        _ = try await world.service.run(world.fileSystem, run.policy)
        for file in run.files {
            #expect(try await world.tier(file.inode) == .infrequentAccess, "cut \(cut)")
            let place = try await world.fileSystem.dataPlace(
                of: file.inode,
                in: .infrequentAccess
            )
            #expect(place.elsewhere == 0, "cut \(cut), inode \(file.inode.rawValue)")
        }
        try await expectContents(world, run, cut)
        #expect(try await world.fileSystem.verify().map(\.message) == [], "cut \(cut)")
        await world.fileSystem.close()
        return states
    }

    private static func expectContents(
        _ world: LifecycleWorld,
        _ run: Together,
        _ cut: Int
    ) async throws {
        for file in run.files {
            let range = 0..<UInt64(file.bytes.count)
            let now = try await world.fileSystem.bulkRead(file.inode, range, at: .live)
            #expect(now.bytes == file.bytes, "cut \(cut), inode \(file.inode.rawValue)")
        }
        let then = try await world.fileSystem.bulkRead(
            run.files[0].inode,
            0..<UInt64(run.old.count),
            at: .past(run.snapshot)
        )
        #expect(then.bytes == run.old, "cut \(cut)")
    }
}
