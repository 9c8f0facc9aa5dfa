import Disk
import Keyring
import TestKit
import Testing
import VarveModel

@testable import BackupVault

/// Goal: a power cut at any write of a repair, a rebuild of the index, a change of parity or a prune with parity leaves
/// a vault that the next repair makes whole, and nothing that leaks for ever (I3, I6).
///
/// Method: as `CrashTests`: the writes of one run are recorded; after each the disk is rebuilt as a power cut would leave
/// it, with what was not synced kept, dropped and torn.
@Suite struct RepairCrashTests {
    struct Sample {
        let world: VaultWorld
        let points: [(point: RecoveryPoint, contents: VaultWorld.Contents)]
    }

    static func sample(seed: UInt64, parity: Bool = true) throws -> Sample {
        var generator = SeededGenerator(seed: seed)
        let disk = SimulatedDisk()
        try disk.makeDirectory("/vaults")
        try disk.syncDirectory("/")
        let settings = VaultSettings(
            packBytes: 8 << 10,
            compressionLevel: 1,
            chunks: ChunkSizes(minimum: 256, average: 1024, maximum: 4096)
        )
        let world = try VaultWorld(disk: disk, settings: settings)
        if parity { try world.vault.setParity(ParityTests.policy) }
        var points: [(point: RecoveryPoint, contents: VaultWorld.Contents)] = []
        var contents = VaultWorld.contents(8, bytesMax: 3_000, using: &generator)
        for day in 0..<3 as Range<Int64> {
            let point = try VaultWorld.backUp(
                contents,
                to: world.vault,
                after: points.last,
                day: day
            )
            points.append((point, contents))
            contents = VaultWorld.change(contents, using: &generator)
        }
        return Sample(world: world, points: points)
    }

    /// Runs `work`, then looks at the disk after every write of it.
    private func cutPower(
        _ sample: Sample,
        keeping points: [(point: RecoveryPoint, contents: VaultWorld.Contents)],
        isDamaged: Bool = false,
        during work: (Vault) throws -> Void
    ) throws {
        let disk = sample.world.disk
        let first = disk.operations
        try work(try sample.world.reopened())
        let last = disk.operations
        #expect(last > first + 3)
        var replay = disk.replay()
        for cut in first...last {
            replay.advance(to: cut)
            let tears = (0..<3).map { CutFate.tear(seed: UInt64(cut * 4 + $0)) }
            for fate in [.keepUnsynced, .dropUnsynced] + tears {
                let wrong = try Self.violations(
                    replay.image(fate),
                    sample,
                    keeping: points,
                    isDamaged: isDamaged
                )
                #expect(wrong.isEmpty, "cut after \(cut) (\(fate)): \(wrong)")
            }
        }
    }

    /// What is wrong after a repair on an image; nothing when all is well.
    private static func violations(
        _ image: SimulatedDisk,
        _ sample: Sample,
        keeping points: [(point: RecoveryPoint, contents: VaultWorld.Contents)],
        isDamaged: Bool
    ) throws -> [String] {
        do {
            let vault = try VaultWorld.open(image, root: sample.world.root)
            let found = try vault.verify(readData: true)
            if !isDamaged, !found.isClean { return found.findings.map(\.message) }
            let report = try vault.repair(.everything)
            if !report.verified.isClean { return report.verified.findings.map(\.message) }
            for (point, contents) in points {
                guard try VaultWorld.restore(vault.recoveryPoint(point.id), from: vault) == contents
                else { return ["other bytes"] }
            }
            for point in try vault.recoveryPoints() { try vault.delete(point.id) }
            _ = try vault.prune()
            for folder in [
                "packs", "manifests", "vouchers", "parity", "index", "generations", "counts",
            ] {
                guard try image.list(VaultWorld.directory).contains(folder) else { continue }
                let left = try image.list(VaultWorld.directory + "/" + folder).filter {
                    $0 != "policy" && !$0.hasSuffix(".index") && !$0.hasSuffix(".generation")
                }
                if !left.isEmpty { return ["left: \(left)"] }
            }
            return []
        } catch {
            return ["\(error)"]
        }
    }

    @Test func `a power cut at any write of a repair leaves what a repair heals`() throws {
        let sample = try Self.sample(seed: testSeed(default: 211))
        let disk = sample.world.disk
        let folder = VaultWorld.directory
        for (number, name) in try disk.list(folder + "/packs").enumerated() {
            switch number % 3 {
            case 0: try disk.corrupt("\(folder)/packs/\(name)", at: 200, mask: 1)
            case 1 where number < 4: try disk.remove("\(folder)/packs/\(name)")
            default: try disk.corrupt("\(folder)/parity/\(name).parity", at: 300, mask: 1)
            }
        }
        for name in try disk.list(folder + "/manifests").prefix(1) {
            try disk.remove("\(folder)/manifests/\(name)")
        }
        for name in try disk.list(folder + "/index").prefix(1) {
            try disk.corrupt("\(folder)/index/\(name)", at: 100, mask: 1)
        }
        try disk.syncDirectory(folder + "/packs")
        try disk.syncDirectory(folder + "/manifests")
        try cutPower(sample, keeping: sample.points, isDamaged: true) { vault in
            let report = try vault.repair(.everything)
            #expect(report.verified.isClean && report.healed.count > 4)
        }
    }

    @Test func `a power cut at any write of a rebuild of the index costs nothing`() throws {
        let sample = try Self.sample(seed: testSeed(default: 212))
        try cutPower(sample, keeping: sample.points) { _ = try $0.rebuildIndex() }
    }

    @Test func `a power cut at any write of switching parity on or off costs nothing`() throws {
        let sample = try Self.sample(seed: testSeed(default: 213), parity: false)
        try cutPower(sample, keeping: sample.points) { vault in
            try vault.setParity(ParityTests.policy)
            try vault.setParity(nil)
        }
    }

    @Test func `a power cut at any write of backups and prunes with parity costs nothing`() throws {
        let sample = try Self.sample(seed: testSeed(default: 214))
        var points = sample.points
        let kept = points.removeLast()
        try cutPower(sample, keeping: [kept]) { vault in
            for (point, _) in points { try vault.delete(point.id) }
            _ = try vault.prune()
            var more = kept.contents
            more["more"] = [UInt8](repeating: 7, count: 2_000)
            try VaultWorld.backUp(more, to: vault, after: kept, day: 9)
            _ = try vault.prune()
        }
    }
}
