import Disk
import FileSystemEngine
import Lifecycle
import MetadataStore
import Policies
import TestKit
import Testing
import VarveModel

/// Power cuts at every step of a move, out of Standard and back.
@Suite struct LifecycleCrashTests {
    /// One recorded run: a file with a past goes to IA, is read, and comes back.
    private final class Run {
        let world: LifecycleWorld
        let policy: LifecyclePolicy
        let inode: InodeNumber
        let snapshot: Epoch
        let old: [UInt8]
        let new: [UInt8]
        /// Where each move began and ended in the disk's record, and where it led.
        var moves: [(start: Int, end: Int, to: Tier)] = []

        init() async throws {
            world = try await LifecycleWorld(recording: true)
            policy = try world.policy()
            old = text(150_000, seed: 1)
            inode = try await world.makeFile("file", old)
            snapshot = try await world.fileSystem.createSnapshot("before").epoch
            world.clock.advance(seconds: 60)
            let more = text(40_000, seed: 2)
            try await world.write(inode, more, at: 100_000)
            var bytes = old
            bytes.replaceSubrange(100_000..<140_000, with: more)
            new = bytes
            try await world.pass(days: 31)
            try await record(to: .infrequentAccess) {
                _ = try await $0.service.run($0.fileSystem, $1)
            }
            #expect(try await world.read(inode) == new)
            try await world.pass(days: 0)
            try await record(to: .standard) {
                _ = try await $0.service.promoteAccessed($0.fileSystem, $1)
            }
        }

        private func record(
            to tier: Tier,
            _ body: (LifecycleWorld, LifecyclePolicy) async throws -> Void
        ) async throws {
            let start = world.disk.operations
            try await body(world, policy)
            #expect(try await world.tier(inode) == tier)
            moves.append((start, world.disk.operations, tier))
        }
    }

    /// Goal: whenever power goes, the file reads the same, now and before; the journal says where it is; and the next
    /// run ends what was begun.
    @Test func `a move survives a power cut at every step`() async throws {
        let run = try await Run()
        var seen: Set<String> = []
        let step = TestSizes.current.powerCutStride == 1 ? 1 : 2
        for move in run.moves {
            var replay = run.world.disk.replay()
            for cut in stride(from: move.start, through: move.end, by: step) {
                replay.advance(to: cut)
                let fates: [CutFate] = [.dropUnsynced, .keepUnsynced, .tear(seed: UInt64(cut))]
                for fate in step == 1 ? fates : [fates[cut / step % 3]] {
                    let image = replay.image(fate)
                    do {
                        seen.insert(try await Self.expectRecovered(image, run, move.to, cut))
                    } catch {
                        Issue.record("cut \(cut), \(fate): \(error)")
                    }
                }
            }
        }
        // What a start found of a move: nothing, or each state on its way.
        print("moves found after cuts: \(seen.sorted())")
        for state in ["planned", "copied", "committed"] { #expect(seen.contains(state)) }
        await run.world.fileSystem.close()
    }

    /// Starts on a disk that a cut left; answers how far the move had come by the journal.
    private static func expectRecovered(
        _ image: SimulatedDisk,
        _ run: Run,
        _ target: Tier,
        _ cut: Int
    ) async throws -> String {
        let world = try await LifecycleWorld(run.world, on: image)
        let id = world.fileSystem.id.text
        let found = try await world.journal.lastTransition(id, run.inode)
        let state = found.map { $0.to == target ? $0.state.rawValue : "none" } ?? "none"
        try await world.service.resume(world.fileSystem)
        #expect(try await world.journal.unfinishedTransitions(id) == [], "cut \(cut)")
        try await expectContent(world, run, cut)
        // The file system decides; the journal agrees, but for what it will learn with its next look.
        let tier = try await world.tier(run.inode)
        #expect(try await world.journal.accessDay(id, run.inode)?.tier == tier, "cut \(cut)")
        // The use that brings it back may have been lost in memory, as any since the last flush.
        if target == .standard, tier != .standard {
            _ = try await world.read(run.inode)
            try await world.pass(days: 0)
        }
        _ = try await world.service.run(world.fileSystem, run.policy)
        #expect(try await world.tier(run.inode) == target, "cut \(cut)")
        try await expectContent(world, run, cut)
        #expect(try await world.fileSystem.verify().map(\.message) == [], "cut \(cut)")
        await world.fileSystem.close()
        return state
    }

    private static func expectContent(
        _ world: LifecycleWorld,
        _ run: Run,
        _ cut: Int
    ) async throws {
        let range = 0..<UInt64(run.new.count)
        let now = try await world.fileSystem.bulkRead(run.inode, range, at: .live)
        #expect(now.bytes == run.new, "cut \(cut)")
        let then = try await world.fileSystem.bulkRead(run.inode, range, at: .past(run.snapshot))
        #expect(then.bytes == run.old, "cut \(cut)")
    }
}
