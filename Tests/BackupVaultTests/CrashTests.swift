import BackupVault
import Disk
import Keyring
import TestKit
import Testing
import VarveModel

/// Goal: a power cut at any instant of backup, publication, deletion and prune leaves every published
/// point whole, and a vault that goes on (I3, I6).
///
/// Method: one recorded life of a vault, with marks at what its caller was told; then, after every
/// write in turn, the disk as a power cut would leave it: unsynced writes kept, dropped, torn.
@Suite struct CrashTests {
    /// A recorded life.
    struct Life {
        let disk: SimulatedDisk
        let root: RootKey
        /// By the label `day`.
        let contents: [String: VaultWorld.Contents]
        let ids: [String: RecoveryPointID]
    }

    static func live(seed: UInt64) throws -> Life {
        var generator = SeededGenerator(seed: seed)
        let disk = SimulatedDisk()
        let root = RootKey.random()
        try disk.makeDirectory("/vaults")
        try disk.syncDirectory("/")
        let settings = VaultSettings(
            packBytes: 8 << 10,
            compressionLevel: 1,
            chunks: ChunkSizes(minimum: 256, average: 1024, maximum: 4096)
        )
        let vault = try VaultWorld(disk: disk, root: root, settings: settings).vault
        disk.mark("created")
        var known: [String: VaultWorld.Contents] = [:]
        var ids: [String: RecoveryPointID] = [:]
        var points: [(point: RecoveryPoint, contents: VaultWorld.Contents)] = []
        func backUp(_ contents: VaultWorld.Contents, day: Int64) throws {
            let point = try VaultWorld.backUp(contents, to: vault, after: points.last, day: day)
            known["\(day)"] = contents
            ids["\(day)"] = point.id
            points.append((point, contents))
            disk.mark("published \(day)")
        }
        func delete(_ day: Int64) throws {
            disk.mark("deleting \(day)")
            try vault.delete(try #require(ids["\(day)"]))
            disk.mark("deleted \(day)")
        }
        var contents = VaultWorld.contents(12, bytesMax: 3000, using: &generator)
        try backUp(contents, day: 1)
        contents = VaultWorld.change(contents, using: &generator)
        try backUp(contents, day: 2)
        try delete(1)
        _ = try vault.prune()
        let idle = try vault.beginWrite()
        contents = VaultWorld.change(contents, using: &generator)
        try backUp(contents, day: 3)
        try delete(2)
        _ = try vault.prune()
        idle.abandon()
        contents = VaultWorld.change(contents, using: &generator)
        try backUp(contents, day: 4)
        _ = try vault.prune()
        try vault.rebuildIndex()
        disk.mark("ended")
        return Life(disk: disk, root: root, contents: known, ids: ids)
    }

    /// What is wrong with the vault on an image; nothing when all is well.
    static func violations(
        _ image: SimulatedDisk,
        of life: Life,
        cut: Int,
        skippingSync: Int? = nil,
        thorough: Bool
    ) -> [String] {
        let marks = Set(life.disk.marks(acknowledgedBy: cut).map(\.label))
        do {
            let vault = try VaultWorld.open(image, root: life.root)
            let points = try vault.recoveryPoints()
            var shown: Set<String> = []
            for point in points {
                let day = point.labels["day"] ?? ""
                shown.insert(day)
                if try VaultWorld.restore(point, from: vault) != life.contents[day] {
                    return ["day \(day) restores to other bytes"]
                }
            }
            for day in life.contents.keys.sorted() {
                let mustBe =
                    marks.contains("published \(day)") && !marks.contains("deleting \(day)")
                if mustBe, !shown.contains(day) { return ["day \(day) is gone"] }
                if marks.contains("deleted \(day)"), shown.contains(day) {
                    return ["day \(day) came back"]
                }
            }
            let report = try vault.verify(readData: thorough)
            if !report.isClean { return report.findings.map(\.message) }
            return thorough ? try goesOn(vault, on: image) : []
        } catch {
            return marks.contains("created") ? ["\(error)"] : []
        }
    }

    /// Backs up, prunes and verifies on what a crash left.
    static func goesOn(_ vault: Vault, on image: SimulatedDisk) throws -> [String] {
        let contents: VaultWorld.Contents = ["after": Array("the power cut".utf8)]
        let point = try VaultWorld.backUp(contents, to: vault, day: 99)
        _ = try vault.prune()
        if try VaultWorld.restore(point, from: vault) != contents { return ["it does not go on"] }
        for point in try vault.recoveryPoints() { try vault.delete(point.id) }
        _ = try vault.prune()
        let folders = [
            "packs", "index", "manifests", "vouchers", "generations", "leases", "holds", "counts",
        ]
        for folder in folders {
            let path = VaultWorld.directory + "/" + folder
            // They come with the first hold, and the first prune that counts.
            if folder == "holds" || folder == "counts", try image.status(of: path) == nil {
                continue
            }
            let names = try image.list(path)
            let leftovers = names.filter { !$0.hasSuffix(".index") && !$0.hasSuffix(".generation") }
            if leftovers.contains(where: { $0 != "prune.lock" && $0 != "holds.lock" }) {
                return ["left: \(leftovers)"]
            }
        }
        let left = try vault.statistics()
        return left.packs == 0 ? [] : ["\(left.packs) packs leak for ever"]
    }

    @Test func `published points survive a power cut after every write`() throws {
        let life = try Self.live(seed: testSeed(default: 61))
        #expect(life.disk.operations > 100)
        var replay = life.disk.replay()
        let stride = TestSizes.current.powerCutStride
        for cut in Swift.stride(from: 0, through: life.disk.operations, by: 1) {
            replay.advance(to: cut)
            let tears = (0..<(stride == 1 ? 4 : 1)).map { CutFate.tear(seed: UInt64(cut * 8 + $0)) }
            for fate in [.keepUnsynced, .dropUnsynced] + tears {
                let wrong = Self.violations(
                    replay.image(fate),
                    of: life,
                    cut: cut,
                    thorough: cut.isMultiple(of: stride)
                )
                #expect(wrong.isEmpty, "cut after \(cut) (\(fate)): \(wrong)")
            }
        }
    }

    /// Goal: every sync is there for a reason.
    ///
    /// Method: leave each sync out in turn; some cut must then break the promise, with what was not synced
    /// lost, or some of it: a name that must be there before another goes is missed in a torn directory alone.
    /// Those that may be left out are listed with why.
    @Test(.enabled(if: TestSizes.current.powerCutStride == 1, "the full size only"))
    func `leaving out any sync breaks the promise`() throws {
        let life = try Self.live(seed: testSeed(default: 61))
        var idle: [String] = []
        var unexplained: [String] = []
        for sync in life.disk.syncs {
            if Self.isMissed(sync, in: life, fates: { _ in [.dropUnsynced] }) { continue }
            let words = "\(sync.path) after \(life.disk.history[max(0, sync.operation - 2)])"
            idle.append(words)
            if Self.isExplained(sync, in: life) { continue }
            let tears = { (cut: Int) in (0..<8).map { CutFate.tear(seed: UInt64(cut * 8 + $0)) } }
            if !Self.isMissed(sync, in: life, fates: tears) { unexplained.append(words) }
        }
        print("vault syncs: \(life.disk.syncs.count), not missed unless torn: \(idle)")
        #expect(unexplained == [])
    }

    /// Whether some cut shows that a sync is missing.
    private static func isMissed(
        _ sync: RecordedSync,
        in life: Life,
        fates: (_ cut: Int) -> [CutFate]
    ) -> Bool {
        var replay = life.disk.replay(skippingSync: sync.number)
        for cut in sync.operation...life.disk.operations {
            replay.advance(to: cut)
            for fate in fates(cut) {
                let wrong = violations(
                    replay.image(fate),
                    of: life,
                    cut: cut,
                    skippingSync: sync.number,
                    thorough: false
                )
                if !wrong.isEmpty { return true }
            }
        }
        return false
    }

    /// Syncs whose loss alone costs nothing that was promised.
    ///
    /// An index can be made again from the packs (`DamageTests`: *the index is rebuilt from the packs
    /// alone*); a generation is for writers that live, and a power cut ends them all (`HostileTests`: *a
    /// generation that is lost condemns nothing*); counts are made again of the maps (`CountsTests`); the vault's own
    /// directory is synced once more after each file of its creation. A prune syncs the names of packs before it deletes any: when none came since the
    /// last sync there was nothing to do.
    static func isExplained(_ sync: RecordedSync, in life: Life) -> Bool {
        let path = sync.path
        if path.contains("/index") || path.contains("/generations") { return true }
        if path.contains("/counts") { return true }
        if path == VaultWorld.directory { return true }
        guard path == VaultWorld.directory + "/packs" else { return false }
        let last = life.disk.syncs.last { $0.number < sync.number && $0.path == path }
        return !life.disk.history[(last?.operation ?? 0)..<sync.operation].contains {
            $0.kind == .rename && DiskPath.parent(of: $0.path) == path
        }
    }

    /// Goal: a prune that counts on the packs of a backup which gave up makes their names durable before it
    /// deletes the packs that hold the same chunks.
    ///
    /// Method: two backups of the same bytes at once, of which one gives up; the index is lost, so that either's
    /// packs may be the ones that count. Where they are those of the backup that gave up, power is cut after the
    /// others went, with any of the folder's changes lost; then the same with that sync left out.
    @Test func `what replaces a deleted pack has its name for certain`() throws {
        var deletions = 0
        var misses = 0
        for seed in 0..<16 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            let contents = VaultWorld.contents(60, using: &generator)
            let world = try VaultWorld()
            let disk = world.disk
            let slow = try world.reopened().beginWrite()
            let point = try VaultWorld.backUp(contents, to: world.vault)
            let published = try disk.list(VaultWorld.directory + "/packs")
            _ = try VaultWorld.store(contents, by: slow)
            slow.abandon()
            for name in try disk.list(VaultWorld.directory + "/index") {
                try disk.remove(VaultWorld.directory + "/index/" + name)
            }
            let before = disk.operations
            _ = try world.reopened().prune()
            let removal = disk.history[before...].first {
                $0.kind == .remove && published.contains(DiskPath.name(of: $0.path))
            }
            guard let removal else { continue }
            deletions += 1
            let folder = VaultWorld.directory + "/packs"
            let sync = try #require(
                disk.syncs.last { $0.operation < removal.number && $0.path == folder }
            )
            #expect(sync.operation > before)
            // Later syncs of the folder would cover what this one had to.
            let next = disk.syncs.first { $0.number > sync.number && $0.path == folder }
            let cut = (next?.operation ?? disk.operations + 1) - 1
            for tear in 0..<20 as Range<UInt64> {
                let whole = disk.image(cuttingAfter: cut, fate: .tear(seed: tear))
                #expect(try Self.restores(point, contents, on: whole, root: world.root))
                let torn = disk.image(
                    cuttingAfter: cut,
                    fate: .tear(seed: tear),
                    skippingSync: sync.number
                )
                let isKept = try Self.restores(point, contents, on: torn, root: world.root)
                misses += isKept ? 0 : 1
            }
        }
        print("packs that nobody published counted \(deletions) times, \(misses) losses without")
        #expect(deletions > 0 && misses > 0)
    }

    private static func restores(
        _ point: RecoveryPoint,
        _ contents: VaultWorld.Contents,
        on image: SimulatedDisk,
        root: RootKey
    ) throws -> Bool {
        do {
            let vault = try VaultWorld.open(image, root: root)
            return try VaultWorld.restore(point, from: vault) == contents
        } catch is VaultError {
            return false
        }
    }
}
