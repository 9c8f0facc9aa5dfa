import Disk
import Keyring
import TestKit
import Testing
import VarveModel

@testable import BackupVault

/// Goal: a power cut at any write of a prune leaves counts that fit what is there, or none (I6).
@Suite struct CountsCrashTests {
    /// Method: the recorded life of `CrashTests`, in which prunes make counts and add to them.
    ///
    /// On every image a prune goes by what it finds; then the counts are those of the points, and the next one goes by them.
    @Test func `a prune after a power cut at any write counts what is there`() throws {
        let life = try CrashTests.live(seed: testSeed(default: 62))
        let start = try #require(life.disk.marks.first { $0.label == "created" }).position
        let words = life.disk.history.filter { $0.path.contains("/counts/") }
        #expect(words.count > 6, "prunes wrote counts")
        var replay = life.disk.replay()
        var byCounts = 0
        var walks = 0
        let stride = TestSizes.current.powerCutStride
        for cut in Swift.stride(from: start, through: life.disk.operations, by: stride) {
            replay.advance(to: cut)
            let fates: [CutFate] = [.keepUnsynced, .dropUnsynced, .tear(seed: UInt64(cut))]
            for fate in fates {
                let image = replay.image(fate)
                let vault = try VaultWorld.open(image, root: life.root)
                let report = try vault.prune()
                walks += report.recountedBecause == nil ? 0 : 1
                byCounts += report.recountedBecause == nil ? 1 : 0
                #expect(try CountsWorld.violations(vault) == [], "cut after \(cut) (\(fate))")
                let again = try VaultWorld.open(image, root: life.root)
                #expect(try again.prune().recountedBecause == nil, "cut after \(cut) (\(fate))")
                let verified = try again.verify(readData: false)
                #expect(verified.isClean, "cut after \(cut) (\(fate))")
            }
        }
        print("\(byCounts) prunes went by counts that a power cut left, \(walks) walked all maps")
        #expect(byCounts > 0 && walks > 0)
    }

    /// Method: counts of many small files: a base, what has changed since, and a base in its place.
    @Test func `counts in several files are the old ones or the new ones after a power cut`()
        throws
    {
        let world = try VaultWorld()
        let points = try CountsWorld.chain(entries: 400, points: 3, in: world).map(\.point)
        let files = Self.files(of: world.vault)
        let disk = world.disk
        var sets: [Set<RecoveryPointID>] = []
        func mark(_ stored: StoredCounts) {
            sets.append(Set(stored.counts.points.keys))
            disk.mark("\(sets.count)")
        }
        disk.mark("0")
        var counts = ReferenceCounts()
        try counts.update(to: Array(points.prefix(2)), from: world.vault)
        counts.settle()
        let base = try files.write(counts, after: nil)
        mark(base)
        counts = base.counts
        try counts.update(to: Array(points.suffix(2)), from: world.vault)
        let changed = try files.write(counts, after: base)
        mark(changed)
        var anew = ReferenceCounts()
        try anew.update(to: points, from: world.vault)
        anew.settle()
        mark(try files.write(anew, after: nil))
        #expect(base.chain.count > 2 && changed.chain.count > base.chain.count + 1)

        let start = try #require(disk.marks.first { $0.label == "0" }).position
        var replay = disk.replay()
        var found: [Int: Int] = [:]
        for cut in start...disk.operations {
            replay.advance(to: cut)
            let known = disk.marks(acknowledgedBy: cut).compactMap { Int($0.label) }.max() ?? 0
            let tears = (0..<4).map { CutFate.tear(seed: UInt64(cut * 4 + $0)) }
            for fate in [.keepUnsynced, .dropUnsynced] + tears {
                let vault = try VaultWorld.open(replay.image(fate), root: world.root)
                let stored: StoredCounts?
                do throws(VaultError) {
                    stored = try Self.files(of: vault).load()
                } catch {
                    #expect(error.message.contains("not whole"))
                    stored = nil
                }
                guard let stored else {
                    #expect(known == 0, "cut after \(cut) (\(fate)): counts are gone")
                    found[0, default: 0] += 1
                    continue
                }
                let shown = sets.firstIndex(of: Set(stored.counts.points.keys)).map { $0 + 1 }
                #expect(shown == known || shown == known + 1, "cut after \(cut) (\(fate))")
                found[shown ?? -1, default: 0] += 1
                var fresh = ReferenceCounts()
                let its = points.filter { stored.counts.points[$0.id] != nil }
                try fresh.update(to: its, from: vault)
                fresh.settle()
                #expect(fresh.table.firstDifference(from: stored.counts.table) == nil)
            }
        }
        print("counts found, by how far they were written: \(found.sorted { $0.key < $1.key })")
        #expect(Set(found.keys) == [0, 1, 2, 3])
    }

    private static func files(of vault: Vault) -> CountsFiles {
        CountsFiles(files: vault.files, keys: vault.keys, entriesMax: 3)
    }
}
