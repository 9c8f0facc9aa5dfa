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
        for folder in ["packs", "index", "manifests", "generations", "leases"] {
            let names = try image.list(VaultWorld.directory + "/" + folder)
            let leftovers = names.filter { !$0.hasSuffix(".index") && !$0.hasSuffix(".generation") }
            if leftovers.contains(where: { $0 != "prune.lock" }) { return ["left: \(leftovers)"] }
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
            for fate in [.keepUnsynced, .dropUnsynced, .tear(seed: UInt64(cut))] as [CutFate] {
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
    /// Method: leave each sync out in turn; some cut must then break the promise. Those that may be
    /// left out are listed with why.
    @Test(.enabled(if: TestSizes.current.powerCutStride == 1, "the full size only"))
    func `leaving out any sync breaks the promise`() throws {
        let life = try Self.live(seed: testSeed(default: 61))
        var idle: [(path: String, after: String)] = []
        for sync in life.disk.syncs {
            let previous = life.disk.history[max(0, sync.operation - 2)].description
            var replay = life.disk.replay(skippingSync: sync.number)
            var isNeeded = false
            for cut in sync.operation...life.disk.operations where !isNeeded {
                replay.advance(to: cut)
                isNeeded = !Self.violations(
                    replay.image(.dropUnsynced),
                    of: life,
                    cut: cut,
                    skippingSync: sync.number,
                    thorough: false
                ).isEmpty
            }
            if !isNeeded { idle.append((sync.path, previous)) }
        }
        print("vault syncs: \(life.disk.syncs.count), not needed: \(idle)")
        #expect(idle.filter { !Self.isExplained($0.path) }.isEmpty)
    }

    /// Syncs whose loss alone costs nothing that was promised.
    ///
    /// An index can be made again from the packs (`DamageTests`: *the index is rebuilt from the packs
    /// alone*); a generation is for writers that live, and a power cut ends them all (`HostileTests`: *a
    /// generation that is lost condemns nothing*); the vault's own directory is synced once more after each
    /// file of its creation.
    static func isExplained(_ path: String) -> Bool {
        path.contains("/index") || path.contains("/generations") || path == VaultWorld.directory
    }
}
