import Disk
import Synchronization
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

    /// Goal: index files are joined while they are small, and a full one is left as it is.
    ///
    /// Method: the rule by itself, with files of at most ten chunks; whole vaults of tests stay below half of a real one.
    @Test func `index files are cut, and full ones are not joined again`() {
        var generator = SeededGenerator(seed: testSeed(default: 37))
        func pack(_ chunks: Int) -> (pack: IndexedPack, entries: [PackEntry]) {
            let header = PackHeader(
                vault: .random(),
                pack: .random(),
                salt: [],
                writer: .random(),
                generation: 1,
                kind: .content
            )
            let entries = (0..<chunks).map { _ in
                PackEntry(
                    id: ChunkID(digest: generator.bytes(24)),
                    offset: 0,
                    stored: 1,
                    length: 1,
                    codec: .raw
                )
            }
            return (IndexedPack(header: header, fileBytes: 1, chunks: chunks), entries)
        }
        let packs = [3, 4, 4, 12, 1, 9, 2].map(pack)
        let groups = IndexFile.groups(packs, chunksMax: 10)
        #expect(groups.map { $0.map(\.entries.count) } == [[3, 4, 4], [12], [1, 9], [2]])
        #expect(groups.flatMap { $0.map(\.pack.id) } == packs.map(\.pack.id))
        #expect(IndexFile.groups([], chunksMax: 10).isEmpty)
        let present = Dictionary(uniqueKeysWithValues: packs.map { ($0.pack.id, $0.entries.count) })
        let small = groups.map {
            IndexList($0).isSmall(beside: present, chunksMax: 10)
        }
        #expect(small == [false, false, false, true])
        // Of the third nine of ten chunks are gone.
        let left = present.filter { $0.key != packs[5].pack.id }
        #expect(IndexList(groups[2]).isSmall(beside: left, chunksMax: 10))
    }

    /// Goal: prunes keep the index small in files and whole, and old files that a crash left beside new ones go.
    ///
    /// Method: many backups and prunes with files of at most 150 chunks; then the files are put back that an index that was made again
    /// replaced.
    @Test func `the index stays whole through many prunes, and is not told twice`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 40))
        var settings = VaultWorld.settings
        settings.indexChunksMax = 150
        let world = try VaultWorld(settings: settings)
        var contents = VaultWorld.contents(40, using: &generator)
        var last: (point: RecoveryPoint, contents: VaultWorld.Contents)?
        let folder = VaultWorld.directory + "/index"
        func files() throws -> [String] { try world.disk.list(folder).sorted() }
        for day in 0..<60 {
            let point = try VaultWorld.backUp(
                contents,
                to: world.vault,
                after: last,
                day: Int64(day)
            )
            if let last, day.isMultiple(of: 3) { try world.vault.delete(last.point.id) }
            last = (point, contents)
            for _ in 0..<3 { contents = VaultWorld.change(contents, using: &generator) }
            _ = try world.vault.prune()
            let told = world.vault.knowledge.withLock { known in
                known.indexLists.values.reduce(0) { $0 + $1.chunks }
            }
            // Sixteen small ones, and such as are half full at least.
            #expect(try files().count <= 16 + told / 75)
        }
        let full = try files()
        let bytes = try full.map { try world.disk.contents(of: folder + "/" + $0) }
        _ = try world.vault.rebuildIndex()
        let made = try files()
        for (name, bytes) in zip(full, bytes) where !made.contains(name) {
            try world.disk.replace(folder + "/" + name, with: bytes)
        }
        let crashed = try Vault.open(
            disk: world.disk,
            directory: VaultWorld.directory,
            root: world.root,
            settings: settings,
            pace: .simulated
        )
        #expect(try files().count > made.count)
        _ = try crashed.prune()
        let known = try world.reopened().knowledge.withLock { $0 }
        let told = known.indexLists.values.reduce(0) { $0 + $1.chunks }
        let there = known.index.packs.reduce(0) { $0 + Int($1.chunks) }
        #expect(known.unlisted.isEmpty)
        #expect(told < there * 3 / 2, "told twice")
        #expect(try crashed.verify(readData: true).isClean)
        let end = try #require(last)
        #expect(try VaultWorld.restore(end.point, from: crashed) == end.contents)
    }

    /// Goal: what stands on a point reads that one's manifest, however many there are.
    @Test func `an increment reads the manifest of the point that it stands on, and no other`()
        throws
    {
        var generator = SeededGenerator(seed: testSeed(default: 38))
        let world = try VaultWorld()
        var contents = VaultWorld.contents(10, using: &generator)
        var last: (point: RecoveryPoint, contents: VaultWorld.Contents)?
        for day in 0..<8 {
            last = (
                try VaultWorld.backUp(contents, to: world.vault, after: last, day: Int64(day)),
                contents
            )
            contents = VaultWorld.change(contents, using: &generator)
        }
        let base = try #require(last)
        let writer = try world.vault.beginWrite()
        defer { writer.abandon() }
        world.disk.beginRecordingReads()
        try writer.stand(on: base.point.id)
        let map = try VaultWorld.store(contents, by: writer, after: base)
        let point = try writer.publish(VaultWorld.draft(map, day: 9))
        let read = Set(world.disk.endRecordingReads().map(\.path))
            .filter { $0.contains("/manifests/") }
        #expect(read.count == 1 && read.allSatisfy { $0.contains("\(base.point.id)") }, "\(read)")
        #expect(try VaultWorld.restore(point, from: try world.reopened()) == contents)
    }

    @Test func `nothing stands on a point that is gone`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 39))
        let world = try VaultWorld()
        let contents = VaultWorld.contents(10, using: &generator)
        let point = try VaultWorld.backUp(contents, to: world.vault)
        try world.vault.delete(point.id)
        let writer = try world.vault.beginWrite()
        defer { writer.abandon() }
        let error = #expect(throws: VaultError.self) { try writer.stand(on: point.id) }
        #expect(error?.code == .notFound)
        let map = try #require(point.maps["names"])
        let refused = #expect(throws: VaultError.self) {
            try writer.update(map, edits: [MapEdit([1], nil)])
        }
        #expect(refused?.code == .notFound)
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
