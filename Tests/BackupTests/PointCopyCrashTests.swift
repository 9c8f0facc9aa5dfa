import Backup
import BackupVault
import Disk
import TestKit
import Testing
import VarveModel

/// Goal: a power cut at any instant of copying leaves every published point of both vaults whole, and copying goes on
/// (I3, I6).
///
/// Method: one recorded life of two vaults on one disk, in which copying is one more actor beside backups, deletions
/// and prunes;
/// after every write in turn, the disk as a power cut would leave it.
@Suite struct PointCopyCrashTests {
    private struct Life {
        let world: CopyWorld
        let disk: SimulatedDisk
        /// What points show, by origin.
        let contents: [PointOrigin: CopyWorld.Contents]
        let source: Vault
    }

    private static func live() async throws -> Life {
        var generator = SeededGenerator(seed: testSeed(default: 501))
        let world = CopyWorld()
        let disk = SimulatedDisk()
        try disk.makeDirectory("/vaults")
        try disk.syncDirectory("/")
        let a = try world.makeVault("a", on: disk).vault
        let b = try world.makeVault("b", on: disk, average: 2_048).vault
        disk.mark("created")
        var known: [PointOrigin: CopyWorld.Contents] = [:]
        var last: (point: RecoveryPoint, contents: CopyWorld.Contents)?
        var contents = CopyWorld.random(12, bytesMax: 3_000, using: &generator)
        func backUp() throws -> RecoveryPoint {
            let point = try world.backUp(contents, to: a, after: last)
            known[point.origin(in: a.id)] = contents
            last = (point, contents)
            contents = CopyWorld.change(contents, using: &generator)
            return point
        }
        func copy(_ point: RecoveryPoint) async throws -> RecoveryPoint {
            let copy = try await world.copy(point, from: a, to: b).copy
            disk.mark("b+\(point.origin(in: a.id))")
            return copy
        }
        let first = try backUp()
        let copied = try await copy(first)
        let second = try backUp()
        _ = try await copy(second)
        disk.mark("b-\(first.origin(in: a.id))")
        try b.delete(copied.id)
        try a.delete(first.id)
        _ = try a.prune()
        let idle = try b.beginWrite()
        let third = try backUp()
        let thirdCopy = try await copy(third)
        _ = try b.prune()
        idle.abandon()
        // An older one behind a newer one, and one whose base is gone from the other vault.
        disk.mark("b-\(third.origin(in: a.id))")
        try b.delete(thirdCopy.id)
        let fourth = try backUp()
        _ = try await copy(fourth)
        _ = try await copy(third)
        _ = try b.prune()
        disk.mark("ended")
        return Life(world: world, disk: disk, contents: known, source: a)
    }

    /// Which origins the second vault must have at a cut.
    private static func promised(_ life: Life, cut: Int) -> Set<String> {
        var kept: Set<String> = []
        for mark in life.disk.marks(acknowledgedBy: cut) {
            let origin = String(mark.label.dropFirst(2))
            if mark.label.hasPrefix("b+") {
                kept.insert(origin)
            } else if mark.label.hasPrefix("b-") {
                kept.remove(origin)
            }
        }
        return kept
    }

    /// What is wrong with the vaults on an image; nothing when all is well.
    private static func violations(
        _ image: SimulatedDisk,
        of life: Life,
        cut: Int,
        thorough: Bool
    ) async throws -> [String] {
        let vault = try life.world.open("b", on: image)
        var shown: Set<String> = []
        for point in try vault.recoveryPoints() {
            let origin = point.origin(in: vault.id)
            shown.insert(origin.description)
            if try CopyWorld.contents(of: point, in: vault) != life.contents[origin] {
                return ["\(origin) restores to other bytes"]
            }
        }
        let missing = promised(life, cut: cut).subtracting(shown)
        if !missing.isEmpty { return ["\(missing) is gone"] }
        let report = try vault.verify(readData: thorough)
        if !report.isClean { return report.findings.map(\.message) }
        return thorough ? try await goesOn(vault, image, life) : []
    }

    /// Copies again what a crash left undone, then takes all away: nothing leaks for ever.
    private static func goesOn(
        _ vault: Vault,
        _ image: SimulatedDisk,
        _ life: Life
    ) async throws -> [String] {
        let source = try life.world.open("a", on: image)
        if try !source.verify(readData: true).isClean { return ["the source suffered"] }
        let outcomes = try await life.world.copy(.everything, from: source, to: vault)
        if let refusal = outcomes.compactMap(\.refusal).first { return ["\(refusal)"] }
        let origins = Set(try source.recoveryPoints().map { $0.origin(in: source.id) })
        let points = try vault.recoveryPoints()
        let there = points.map { $0.origin(in: vault.id) }
        if !origins.isSubset(of: there) { return ["not all was copied in the end"] }
        if Set(there).count != there.count { return ["a point was copied twice"] }
        for point in points {
            let contents = try CopyWorld.contents(of: point, in: vault)
            if contents != life.contents[point.origin(in: vault.id)] {
                return ["a later copy restores to other bytes"]
            }
        }
        for point in points { try vault.delete(point.id) }
        _ = try vault.prune()
        let folders = [
            "packs", "index", "manifests", "vouchers", "generations", "counts", "leases", "holds",
        ]
        for folder in folders {
            let path = CopyWorld.directory("b") + "/" + folder
            guard try image.status(of: path) != nil else { continue }
            let names = try image.list(path)
            // Of an index and a generation there is a last one, which the next replaces; locks are held by nobody.
            let leaked = names.filter { name in
                ![".index", ".generation", ".lock"].contains { name.hasSuffix($0) }
            }
            if !leaked.isEmpty { return ["\(folder) leaks for ever: \(leaked)"] }
        }
        let left = try vault.statistics().packs
        return left == 0 ? [] : ["\(left) packs leak for ever"]
    }

    @Test func `points and copies survive a power cut after every write`() async throws {
        let life = try await Self.live()
        let ready = try #require(life.disk.marks.first { $0.label == "created" }).position
        #expect(life.disk.operations > ready + 100)
        var replay = life.disk.replay()
        let stride = TestSizes.current.powerCutStride
        for cut in ready...life.disk.operations {
            replay.advance(to: cut)
            let fates = [CutFate.keepUnsynced, .dropUnsynced, .tear(seed: UInt64(cut))]
            for fate in stride == 1 ? fates : [fates[cut % 3]] {
                do {
                    let wrong = try await Self.violations(
                        replay.image(fate),
                        of: life,
                        cut: cut,
                        thorough: cut.isMultiple(of: stride)
                    )
                    #expect(wrong.isEmpty, "cut after \(cut) (\(fate)): \(wrong)")
                } catch {
                    Issue.record("cut after \(cut) (\(fate)): \(error)")
                }
            }
        }
    }

    /// Goal: a copy that its daemon's death ended is not stored anew: what had come into ended packs serves the next
    /// one.
    @Test func `after a crash only what no ended pack holds is stored`() async throws {
        var generator = SeededGenerator(seed: testSeed(default: 502))
        let world = CopyWorld()
        let a = try world.makeVault("a").vault
        let b = try world.makeVault("b", on: SimulatedDisk())
        var contents: CopyWorld.Contents = [:]
        for number in 0..<60 { contents["\(number)"] = generator.bytes(8_000) }
        let point = try world.backUp(contents, to: a)
        let begin = b.disk.operations
        let whole = try await world.copy(point, from: a, to: b.vault).cost
        let ended = b.disk.history.filter {
            $0.number > begin && $0.kind == .rename
                && DiskPath.parent(of: $0.path) == CopyWorld.directory("b") + "/packs"
        }
        #expect(ended.count >= 5)
        for pack in [0, ended.count / 2, ended.count - 1] {
            var replay = b.disk.replay()
            replay.advance(to: ended[pack].number)
            let vault = try world.open("b", on: replay.image(.keepUnsynced))
            let held = try vault.statistics()
            #expect(held.packs == pack + 1 && held.recoveryPoints == 0)
            let next = try await world.copy(point, from: a, to: vault)
            #expect(UInt64(held.chunks) + next.cost.chunksStored == whole.chunksStored)
            #expect(try CopyWorld.contents(of: next.copy, in: vault) == contents)
            #expect(try vault.verify(readData: true).isClean)
        }
    }
}
