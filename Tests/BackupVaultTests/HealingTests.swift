import Disk
import Synchronization
import TestKit
import Testing
import VarveModel

@testable import BackupVault

/// Goal: damage costs no more than it hits: another copy is read, and the next backup of the same bytes
/// mends what is broken.
@Suite struct HealingTests {
    /// Flips a byte of a chunk where it stands in one pack.
    private func damage(_ id: ChunkID, at place: Int = 0, in world: VaultWorld) throws {
        let vault = try world.reopened()
        let (found, pack) = try vault.knowledge.withLock { known in
            let places = known.index.places(of: id)
            try #require(places.count > place)
            return (places[place], known.index.pack(of: places[place]))
        }
        let path = VaultWorld.directory + "/packs/" + PackFormat.fileName(pack.id)
        try world.disk.corrupt(path, at: UInt64(found.offset) + 3, mask: 8)
    }

    private func chunk(_ name: String, of point: RecoveryPoint, in vault: Vault) throws -> ChunkID {
        let map = try #require(point.maps["names"])
        let value = try #require(try vault.value(of: Array(name.utf8), in: map))
        return try #require(value.chunks.first).id
    }

    /// Two writers at once store the same bytes twice.
    private func twice(_ contents: VaultWorld.Contents, in world: VaultWorld) throws
        -> [RecoveryPoint]
    {
        let writers = [try world.vault.beginWrite(), try world.reopened().beginWrite()]
        let maps = try writers.map { try VaultWorld.store(contents, by: $0) }
        return try zip(writers, maps).enumerated().map { day, pair in
            try pair.0.publish(VaultWorld.draft(pair.1, day: Int64(day)))
        }
    }

    @Test(arguments: [0, 1])
    func `of two copies of a chunk the whole one is read, and a prune keeps it`(
        damaged: Int
    ) throws {
        var generator = SeededGenerator(seed: testSeed(default: 71))
        let world = try VaultWorld()
        let contents: VaultWorld.Contents = ["a": generator.bytes(200), "b": generator.bytes(200)]
        let points = try twice(contents, in: world)
        let lost = try chunk("a", of: points[0], in: world.vault)
        try damage(lost, at: damaged, in: world)

        let vault = try world.reopened()
        for point in points { #expect(try VaultWorld.restore(point, from: vault) == contents) }
        let report = try vault.verify(readData: true)
        #expect(report.findings.map(\.chunk) == [lost])
        #expect(report.findings.first?.affectedCount == 0, "nothing needs the damaged copy")
        // A process that has not met the damage yet must not drop the whole copy.
        try vault.delete(points[0].id)
        for _ in 0..<2 { _ = try world.reopened().prune() }
        #expect(try VaultWorld.restore(points[1], from: world.reopened()) == contents)
    }

    @Test func `a damaged chunk is mended by the next backup of the same bytes`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 72))
        let world = try VaultWorld()
        let contents: VaultWorld.Contents = ["a": generator.bytes(200), "b": generator.bytes(200)]
        let first = try VaultWorld.backUp(contents, to: world.vault)
        let lost = try chunk("a", of: first, in: world.vault)
        try damage(lost, in: world)

        let vault = try world.reopened()
        #expect(VaultTests.code { _ = try VaultWorld.restore(first, from: vault) } == .corrupt)
        let writer = try vault.beginWrite()
        let map = try VaultWorld.store(contents, by: writer)
        #expect(writer.counters.chunksStored == 1, "only the damaged chunk is stored anew")
        let second = try writer.publish(VaultWorld.draft(map, day: 1))
        for reader in [vault, try world.reopened()] {
            #expect(try VaultWorld.restore(first, from: reader) == contents)
            #expect(try VaultWorld.restore(second, from: reader) == contents)
        }
        try vault.delete(first.id)
        for _ in 0..<2 { _ = try world.reopened().prune() }
        #expect(try VaultWorld.restore(second, from: world.reopened()) == contents)
    }

    @Test func `what a verify finds damaged is not built on`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 73))
        let world = try VaultWorld()
        let contents: VaultWorld.Contents = ["a": generator.bytes(200)]
        let first = try VaultWorld.backUp(contents, to: world.vault)
        try damage(chunk("a", of: first, in: world.vault), in: world)
        let vault = try world.reopened()
        #expect(try vault.verify(readData: true).findings.first?.affectedCount == 1)
        let second = try VaultWorld.backUp(contents, to: vault, day: 1)
        #expect(try VaultWorld.restore(second, from: world.reopened()) == contents)
        #expect(try world.reopened().verify(readData: true).findings.first?.affectedCount == 0)
    }

    @Test func `a damaged map is mended by a backup of everything`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 74))
        let world = try VaultWorld()
        let contents: VaultWorld.Contents = ["a": generator.bytes(200), "b": generator.bytes(90)]
        let first = try VaultWorld.backUp(contents, to: world.vault)
        try damage(try #require(first.maps["names"]).node.id, in: world)
        let vault = try world.reopened()
        let changed: VaultWorld.Contents = ["a": generator.bytes(10), "b": contents["b"] ?? []]
        let code = VaultTests.code {
            _ = try VaultWorld.backUp(changed, to: vault, after: (first, contents), day: 1)
        }
        #expect(code == .corrupt)
        let second = try VaultWorld.backUp(contents, to: vault, day: 2)
        #expect(second.maps == first.maps, "equal content has equal roots")
        for point in [first, second] {
            #expect(try VaultWorld.restore(point, from: world.reopened()) == contents)
        }
        _ = try world.reopened().prune()
        #expect(try VaultWorld.restore(first, from: world.reopened()) == contents)
    }

    // MARK: Readers

    @Test func `who reads a point keeps its packs, though it is deleted and pruned meanwhile`()
        throws
    {
        var generator = SeededGenerator(seed: testSeed(default: 75))
        let world = try VaultWorld()
        let contents = VaultWorld.contents(40, using: &generator)
        let point = try VaultWorld.backUp(contents, to: world.vault)
        let reader = try world.reopened()
        let reading = try #require(reader.beginReading())
        try world.vault.delete(point.id)
        let pruned = try world.vault.prune()
        #expect(pruned.packsDeleted == 0 && pruned.packsWaiting > 0)
        #expect(try VaultWorld.restore(point, from: reader) == contents)
        reading.end()
        reading.end()
        #expect(try world.vault.prune().packsDeleted == pruned.packsWaiting)
        let leases = try world.disk.list(VaultWorld.directory + "/leases")
        #expect(leases.sorted() == ["holds.lock", "prune.lock"])
    }

    @Test func `a full disk hinders no reading`() throws {
        let world = try VaultWorld()
        let point = try VaultWorld.backUp(["a": [1, 2, 3]], to: world.vault)
        world.disk.fail(after: 0, with: .noSpace, lasting: true)
        let reader = try world.reopened()
        #expect(reader.beginReading() == nil)
        #expect(try VaultWorld.restore(point, from: reader) == ["a": [1, 2, 3]])
    }
}
