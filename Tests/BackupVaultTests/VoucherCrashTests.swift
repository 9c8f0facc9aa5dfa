import Disk
import TestKit
import Testing
import VarveModel

@testable import BackupVault

/// Goal: no power cut makes a point lost that is there, or was deleted, and none leaves a voucher in a vault that does
/// not say that it has them.
///
/// Method: as `CrashTests`, which looks at vouchers too: the writes of one run are recorded; after each the disk is
/// rebuilt as a power cut would leave it, with what was not synced kept, dropped and torn.
@Suite struct VoucherCrashTests {
    /// One run, and what must be so after each of its steps.
    private struct Run {
        let world: VaultWorld
        let contents: [RecoveryPointID: VaultWorld.Contents]
        let first: Int
        /// The point that is published in it.
        let published: RecoveryPointID
        /// Points whose deletion began, by the mark after which that is so.
        var deleting: [(mark: String, id: RecoveryPointID)] = []
    }

    private static func record(seed: UInt64) throws -> Run {
        let disk = SimulatedDisk()
        try disk.makeDirectory("/vaults")
        try disk.syncDirectory("/")
        let (world, points) = try VoucherTests.sample(seed: seed, disk: disk, count: 4)
        try VoucherTests.age(world)
        let vault = try world.reopened()
        var contents = Dictionary(uniqueKeysWithValues: points.map { ($0.point.id, $0.contents) })
        let first = disk.operations
        let fifth = try VaultWorld.backUp(["fifth": [5, 5]], to: vault, day: 5)
        contents[fifth.id] = ["fifth": [5, 5]]
        disk.mark("published")
        var run = Run(world: world, contents: contents, first: first, published: fifth.id)
        func delete(_ id: RecoveryPointID) throws {
            run.deleting.append(("deleting \(id)", id))
            disk.mark("deleting \(id)")
            try vault.delete(id)
        }
        try delete(points[0].point.id)
        _ = try vault.prune()
        try delete(points[1].point.id)
        try delete(fifth.id)
        // Again, as by whoever comes after one that died between its two removals.
        try VoucherTests.remove(points[2].point.id, on: disk)
        try delete(points[2].point.id)
        _ = try vault.prune()
        return run
    }

    /// What is wrong on an image; nothing when all is well.
    private static func violations(_ image: SimulatedDisk, _ run: Run, cut: Int) -> [String] {
        do {
            let marks = Set(run.world.disk.marks(acknowledgedBy: cut).map(\.label))
            let vault = try VaultWorld.open(image, root: run.world.root)
            let listing = try vault.listing()
            if let lost = listing.damaged.first { return ["\(lost.error)"] }
            let begun = Set(run.deleting.filter { marks.contains($0.mark) }.map(\.id))
            for (id, contents) in run.contents where !begun.contains(id) {
                guard let point = listing.points.first(where: { $0.id == id }) else {
                    if id == run.published, !marks.contains("published") { continue }
                    return ["\(id) is gone"]
                }
                if try VaultWorld.restore(point, from: vault) != contents { return ["other bytes"] }
            }
            let found = try vault.verify(readData: false)
            if !found.isClean { return found.findings.map(\.message) }
            let vouched = try vault.vouchers.ids()
            if !vouched.isEmpty, try !vault.has(feature: VaultFeature.vouchers) {
                return ["vouchers without their bit"]
            }
            _ = try vault.prune()
            let after = try vault.verify(readData: true)
            if !after.isClean || after.withoutVoucher > 0 { return ["not whole after a prune"] }
            let left = try image.list(VaultWorld.directory + "/vouchers")
            let kept = after.recoveryPoints
            return left.count == kept ? [] : ["\(left.count) vouchers of \(kept) points"]
        } catch {
            return ["\(error)"]
        }
    }

    @Test func `a power cut at any write of a vault from before makes no point lost`() throws {
        let run = try Self.record(seed: testSeed(default: 511))
        let disk = run.world.disk
        #expect(disk.operations > run.first + 50)
        var replay = disk.replay()
        for cut in run.first...disk.operations {
            replay.advance(to: cut)
            let tears = (0..<3).map { CutFate.tear(seed: UInt64(cut * 4 + $0)) }
            for fate in [.keepUnsynced, .dropUnsynced] + tears {
                let wrong = Self.violations(replay.image(fate), run, cut: cut)
                #expect(wrong.isEmpty, "cut after \(cut) (\(fate)): \(wrong)")
            }
        }
    }

    /// Goal: each sync of vouchers is there for a reason.
    ///
    /// Method: each is left out in turn, and the power goes after each of the next writes, torn in several ways: a
    /// voucher's bytes are then missing under its name, or it comes back without its manifest.
    @Test func `a sync that vouchers leave out shows`() throws {
        let life = try CrashTests.live(seed: testSeed(default: 512))
        let syncs = life.disk.syncs.filter { $0.path.contains("/vouchers") }
        // Four points come, two go.
        #expect(syncs.count == 6)
        for sync in syncs {
            var replay = life.disk.replay(skippingSync: sync.number)
            var isShown = false
            for cut in sync.operation...min(sync.operation + 60, life.disk.operations)
            where !isShown {
                replay.advance(to: cut)
                isShown = (0..<16).contains { tear in
                    let image = replay.image(.tear(seed: UInt64(cut * 16 + tear)))
                    return !CrashTests.violations(
                        image,
                        of: life,
                        cut: cut,
                        skippingSync: sync.number,
                        thorough: false
                    ).isEmpty
                }
            }
            #expect(isShown, "sync \(sync.number) of \(sync.path)")
        }
    }
}
