import Disk
import TestKit
import Testing
import VarveModel

@testable import BackupVault

@Suite struct PruneTests {
    @Test func `dead packs go, mostly dead ones shrink, and what is left restores`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 31))
        let world = try VaultWorld()
        var contents = VaultWorld.contents(80, using: &generator)
        var points: [(RecoveryPoint, VaultWorld.Contents)] = []
        for day in 0..<8 {
            let point = try VaultWorld.backUp(
                contents,
                to: world.vault,
                after: points.last.map { ($0.0, $0.1) },
                day: Int64(day)
            )
            points.append((point, contents))
            for _ in 0..<4 { contents = VaultWorld.change(contents, using: &generator) }
        }
        let before = try world.vault.statistics()
        for (point, _) in points.prefix(7) { try world.vault.delete(point.id) }
        let report = try world.vault.prune()
        #expect(report.packsCondemned > 0 && report.packsDeleted == report.packsCondemned)
        #expect(report.chunksMoved > 0)
        #expect(report.packsWaiting == 0)
        let after = try world.vault.statistics()
        #expect(after.storedBytes < before.storedBytes * 2 / 3)
        let (last, expected) = points[7]
        for vault in [world.vault, try world.reopened()] {
            #expect(try VaultWorld.restore(last, from: vault) == expected)
            #expect(try vault.verify(readData: true).isClean)
        }
        let again = try world.vault.prune()
        #expect(again.packsCondemned == 0 && again.packsDeleted == 0, "a second prune is idle")
    }

    @Test func `an empty vault and one without dead packs prune to themselves`() throws {
        let world = try VaultWorld()
        #expect(try world.vault.prune() == PruneReport())
        try VaultWorld.backUp(["a": [1, 2, 3]], to: world.vault)
        let report = try world.vault.prune()
        #expect(report.packsCondemned == 0 && report.packsDeleted == 0)
        #expect(report.liveChunks == 2)
    }

    @Test func `a backup that deduplicated against a condemned pack copies what it needs`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 32))
        let world = try VaultWorld()
        let contents = VaultWorld.contents(40, using: &generator)
        let first = try VaultWorld.backUp(contents, to: world.vault)

        let writer = try world.vault.beginWrite()
        let map = try VaultWorld.store(contents, by: writer)
        #expect(writer.counters.chunksStored == 0)
        try world.vault.delete(first.id)
        let other = try world.reopened()
        let report = try other.prune()
        #expect(report.packsCondemned > 0)
        #expect(report.packsDeleted == 0)
        #expect(report.packsWaiting == report.packsCondemned)

        let point = try writer.publish(VaultWorld.draft(map))
        #expect(writer.counters.chunksRescued > 40)
        let end = try other.prune()
        #expect(end.packsDeleted == report.packsCondemned)
        for vault in [world.vault, other, try world.reopened()] {
            #expect(try VaultWorld.restore(point, from: vault) == contents)
            #expect(try vault.verify(readData: true).isClean)
        }
    }

    @Test func `an increment survives the deletion and prune of its base`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 33))
        let world = try VaultWorld()
        let contents = VaultWorld.contents(60, using: &generator)
        let first = try VaultWorld.backUp(contents, to: world.vault)
        let changed = VaultWorld.change(contents, using: &generator)
        let writer = try world.vault.beginWrite()
        let map = try VaultWorld.store(changed, by: writer, after: (first, contents))
        try world.vault.delete(first.id)
        #expect(try world.vault.prune().packsWaiting > 0)
        let point = try writer.publish(VaultWorld.draft(map, day: 1))
        #expect(try world.vault.prune().packsDeleted > 0)
        #expect(try VaultWorld.restore(point, from: try world.reopened()) == changed)
    }

    @Test func `a new backup does not rely on condemned packs`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 34))
        let world = try VaultWorld()
        let contents = VaultWorld.contents(40, using: &generator)
        let first = try VaultWorld.backUp(contents, to: world.vault)
        let idle = try world.vault.beginWrite()  // Keeps condemned packs in place.
        try world.vault.delete(first.id)
        #expect(try world.vault.prune().packsWaiting > 0)

        let writer = try world.reopened().beginWrite()
        let map = try VaultWorld.store(contents, by: writer)
        #expect(writer.counters.chunksStored > 40)
        let point = try writer.publish(VaultWorld.draft(map))
        #expect(writer.counters.chunksRescued == 0)
        idle.abandon()
        #expect(try world.vault.prune().packsDeleted > 0)
        #expect(try VaultWorld.restore(point, from: world.vault) == contents)
        #expect(try world.vault.verify(readData: true).isClean)
    }

    @Test func `what a backup in progress wrote is left alone`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 35))
        let world = try VaultWorld()
        let contents = VaultWorld.contents(80, using: &generator)
        let writer = try world.vault.beginWrite()
        let map = try VaultWorld.store(contents, by: writer)
        let report = try world.reopened().prune()
        #expect(report.packsCondemned == 0 && report.leftoversRemoved == 0)
        let point = try writer.publish(VaultWorld.draft(map))
        #expect(writer.counters.chunksRescued == 0)
        #expect(try VaultWorld.restore(point, from: world.vault) == contents)
    }

    @Test func `a dead writer's packs and leftovers go`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 36))
        let world = try VaultWorld()
        let kept = try VaultWorld.backUp(["kept": [1, 2, 3]], to: world.vault)
        let writer = try world.vault.beginWrite()
        _ = try VaultWorld.store(VaultWorld.contents(80, using: &generator), by: writer)
        let after = world.disk.restarted()  // kill -9
        let vault = try VaultWorld.open(after, root: world.root)
        let report = try vault.prune()
        #expect(report.leftoversRemoved > 0)
        #expect(report.packsDeleted > 0)
        #expect(try vault.statistics().packs == 2)
        let leases = try after.list(VaultWorld.directory + "/leases")
        #expect(leases.allSatisfy { $0 == "holds.lock" || $0 == "prune.lock" }, "\(leases)")
        #expect(try VaultWorld.restore(kept, from: vault) == ["kept": [1, 2, 3]])
        writer.abandon()
    }

    @Test func `two prunes do not run at once`() throws {
        let world = try VaultWorld()
        let lock = try world.disk.lock(VaultWorld.directory + "/leases/prune.lock")
        #expect(VaultTests.code { _ = try world.vault.prune() } == .locked)
        lock.release()
        _ = try world.vault.prune()
    }

    @Test func `a full disk still lets wholly dead packs go`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 37))
        let world = try VaultWorld()
        let kept = try VaultWorld.backUp(["kept": generator.bytes(2000)], to: world.vault)
        let dead = try VaultWorld.backUp(
            VaultWorld.contents(80, using: &generator),
            to: world.vault
        )
        try world.vault.delete(dead.id)
        world.disk.failAfter(bytes: 8192)
        let report = try world.vault.prune()
        #expect(report.packsDeleted > 0)
        #expect(try world.vault.recoveryPoints() == [kept])
        #expect(try world.vault.verify(readData: true).isClean)
    }

    @Test func `a prune refuses to judge when a recovery point cannot be read`() throws {
        let world = try VaultWorld()
        let point = try VaultWorld.backUp(["a": [1]], to: world.vault)
        let path = VaultWorld.directory + "/manifests/\(point.id).manifest"
        try world.disk.corrupt(path, at: 120, mask: 1)
        #expect(VaultTests.code { _ = try world.vault.prune() } == .corrupt)
        try world.vault.delete(point.id)
        #expect(try world.vault.prune().packsDeleted == 2)
    }

    @Test func `many small packs become few`() throws {
        let world = try VaultWorld()
        var base: (point: RecoveryPoint, contents: VaultWorld.Contents)?
        for day in 0..<30 {
            var contents = base?.contents ?? [:]
            contents["file \(day)"] = [UInt8](repeating: UInt8(day), count: 100)
            base = (
                try VaultWorld.backUp(contents, to: world.vault, after: base, day: Int64(day)),
                contents
            )
        }
        #expect(try world.vault.statistics().packs == 60)
        _ = try world.vault.prune()
        #expect(try world.vault.statistics().packs <= 4)
        #expect(try world.disk.list(VaultWorld.directory + "/index").count == 1)
        let last = try #require(base)
        #expect(try VaultWorld.restore(last.point, from: world.reopened()) == last.contents)
        #expect(try world.vault.verify(readData: true).isClean)
    }
}
