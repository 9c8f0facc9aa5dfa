import Compression
import Disk
import Synchronization
import TestKit
import Testing
import VarveModel

@testable import BackupVault

/// What a vault meets that no writer of ours would leave: bombs, put-back files, foreign secrets.
@Suite struct HostileTests {
    /// Goal: a frame never fills more memory than its entry says.
    @Test(arguments: [0, 1, 100, 65_536])
    func `a frame that expands beyond its entry is refused`(length: Int) {
        let bomb = ZstdCompressor(level: 1).compress([UInt8](repeating: 0, count: 64 << 20))
        #expect(bomb.count < 16 << 10)
        let entry = PackEntry(
            id: ChunkID(digest: [UInt8](repeating: 7, count: 24)),
            offset: 128,
            stored: UInt32(bomb.count),
            length: UInt32(length),
            codec: .zstd
        )
        let compression = ChunkCompression(level: 1)
        let code = VaultTests.code { _ = try compression.plain(bomb, entry: entry, name: "a pack") }
        #expect(code == .corrupt)
        let frames = ZstdCompressor(level: 1).compress([1]) + ZstdCompressor(level: 1).compress([2])
        #expect(
            VaultTests.code { _ = try compression.plain(frames, entry: entry, name: "a pack") }
                == .corrupt
        )
    }

    /// Goal: an id is believed only as far as the bytes under it: `verify` hashes them.
    @Test func `other bytes under a chunk's id are found by verify`() throws {
        let world = try VaultWorld()
        let point = try VaultWorld.backUp(["a": Array("one".utf8)], to: world.vault)
        let map = try #require(point.maps["names"])
        let value = try #require(try world.vault.value(of: Array("a".utf8), in: map))
        let chunk = try #require(value.chunks.first)
        let header = PackHeader(
            vault: world.vault.id,
            pack: .random(),
            salt: VaultKeys.randomSalt(),
            writer: .random(),
            generation: 0,
            kind: .content
        )
        let pack = try PackWriter(files: world.vault.files, keys: world.vault.keys, header: header)
        _ = try Array("two".utf8).withBytes { bytes throws(VaultError) in
            try pack.append(bytes, id: chunk.id, length: 3, codec: .raw)
        }
        try pack.finish()
        let vault = try world.reopened()
        let findings = try vault.verify(readData: true).findings
        #expect(findings.map(\.chunk) == [chunk.id])
        #expect(findings.first?.message.contains("other content") == true)
        #expect(findings.first?.file == "packs/" + PackFormat.fileName(header.pack))
        #expect(try VaultWorld.restore(point, from: vault) == ["a": Array("one".utf8)])
    }

    /// Goal: an old index or generation tells nothing that the packs do not.
    @Test func `old index and generation files that are put back do no harm`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 81))
        let world = try VaultWorld()
        let first = try VaultWorld.backUp(
            VaultWorld.contents(40, using: &generator),
            to: world.vault
        )
        let second: VaultWorld.Contents = ["kept": generator.bytes(3_000)]
        let kept = try VaultWorld.backUp(second, to: world.vault, day: 1)
        try world.vault.delete(first.id)
        let idle = try world.vault.beginWrite()
        _ = try world.vault.prune()
        let old = try world.files().filter {
            $0.contains("/index/") || $0.contains("/generations/")
        }
        let bytes = try old.map { ($0, try world.disk.contents(of: $0)) }
        idle.abandon()
        #expect(try world.vault.prune().packsDeleted > 0)
        try world.vault.rebuildIndex()
        let third = try VaultWorld.backUp(["x": generator.bytes(500)], to: world.vault, day: 2)
        try world.vault.delete(third.id)
        _ = try world.vault.prune()
        for (path, content) in bytes { try world.disk.replace(path, with: content) }

        let vault = try world.reopened()
        #expect(try vault.verify(readData: true).isClean)
        #expect(try VaultWorld.restore(kept, from: vault) == second)
        let again = try VaultWorld.backUp(second, to: vault, day: 3)
        _ = try vault.prune()
        #expect(try VaultWorld.restore(again, from: world.reopened()) == second)
        #expect(try world.reopened().verify(readData: true).isClean)
    }

    /// Goal: when the newest generation is gone, what it condemned is alive again, and a prune judges anew.
    @Test func `a generation that is lost condemns nothing, and its number never comes again`()
        throws
    {
        var generator = SeededGenerator(seed: testSeed(default: 82))
        let world = try VaultWorld()
        let contents = VaultWorld.contents(30, using: &generator)
        let first = try VaultWorld.backUp(contents, to: world.vault)
        let idle = try world.vault.beginWrite()
        try world.vault.delete(first.id)
        #expect(try world.vault.prune().packsWaiting > 0)
        let number = try world.vault.generations.current().number
        let late = try world.reopened().beginWrite()
        for path in try world.files() where path.contains("/generations/") {
            try world.disk.remove(path)
        }
        let vault = try world.reopened()
        let writer = try vault.beginWrite()
        let map = try VaultWorld.store(contents, by: writer)
        #expect(writer.counters.chunksStored == 0, "the packs are there, and nothing condemns them")
        _ = try vault.prune()
        #expect(try vault.generations.current().number > number)
        let point = try writer.publish(VaultWorld.draft(map, day: 1))
        idle.abandon()
        late.abandon()
        _ = try vault.prune()
        #expect(try VaultWorld.restore(point, from: world.reopened()) == contents)
        #expect(try world.reopened().verify(readData: true).isClean)
    }

    /// Goal: no point is published without its chunks, whatever a prune and a deletion did between.
    ///
    /// Method: a point B is published while a prune that did not see it condemns a pack that it needs; a writer
    /// of the new generation stands on B, which is deleted; then the prune goes on.
    @Test(arguments: [false, true])
    func `who stands on a point with condemned packs does not lose them unnoticed`(
        publishesFirst: Bool
    ) throws {
        var generator = SeededGenerator(seed: testSeed(default: 84))
        let world = try VaultWorld()
        let contents = VaultWorld.contents(40, using: &generator)
        let first = try VaultWorld.backUp(contents, to: world.vault)
        let base = try VaultWorld.backUp(contents, to: world.vault, day: 1)
        try world.vault.delete(first.id)
        let packs = world.vault.knowledge.withLock { $0.index.packIDs }
        try world.vault.generations.write(
            Generation(
                number: 1,
                condemned: Dictionary(uniqueKeysWithValues: packs.map { ($0, 1) })
            )
        )
        let vault = try world.reopened()
        let writer = try vault.beginWrite()
        var changed = contents
        changed["one more"] = generator.bytes(100)
        let map = try VaultWorld.store(changed, by: writer, after: (base, contents))
        var point: RecoveryPoint?
        if publishesFirst { point = try writer.publish(VaultWorld.draft(map, day: 2)) }
        try world.vault.delete(base.id)
        _ = try world.reopened().prune()
        if !publishesFirst {
            #expect(
                VaultTests.code { _ = try writer.publish(VaultWorld.draft(map, day: 2)) } != nil
            )
            writer.abandon()
            #expect(try world.vault.recoveryPoints().isEmpty)
            point = try VaultWorld.backUp(changed, to: try world.reopened(), day: 3)
        }
        let restored = try VaultWorld.restore(try #require(point), from: world.reopened())
        #expect(restored == changed)
        #expect(try world.reopened().verify(readData: true).isClean)
    }

    /// Goal: a prune need not sync what it removes.
    @Test func `a dead pack that comes back goes again`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 83))
        let world = try VaultWorld()
        let kept = try VaultWorld.backUp(["kept": [1, 2, 3]], to: world.vault)
        let dead = try VaultWorld.backUp(
            VaultWorld.contents(40, using: &generator),
            to: world.vault,
            day: 1
        )
        let packs = try world.files().filter { $0.contains("/packs/") }
        let bytes = try packs.map { ($0, try world.disk.contents(of: $0)) }
        try world.vault.delete(dead.id)
        let first = try world.vault.prune()
        #expect(first.packsDeleted > 0)
        for (path, content) in bytes { try world.disk.replace(path, with: content) }
        let vault = try world.reopened()
        #expect(try vault.verify(readData: true).isClean)
        #expect(try vault.prune().packsDeleted == first.packsDeleted)
        #expect(try VaultWorld.restore(kept, from: world.reopened()) == ["kept": [1, 2, 3]])
    }

    @Test(arguments: ["secret", "key"])
    func `another vault's secret or key is refused by name`(file: String) throws {
        let world = try VaultWorld()
        try VaultWorld.backUp(["a": [1]], to: world.vault)
        let other = try VaultWorld(root: world.root)
        let path = VaultWorld.directory + "/" + file
        try world.disk.replace(path, with: try other.disk.contents(of: path))
        do {
            _ = try world.reopened()
            Issue.record("it opened")
        } catch let error as VaultError {
            #expect([.corrupt, .wrongKey].contains(error.code))
            #expect(error.message.contains(file))
        }
    }

    @Test func `the newest point of a source never expires by itself`() throws {
        let world = try VaultWorld()
        for day in 0..<3 {
            try VaultWorld.backUp(
                ["a": [UInt8(day)]],
                to: world.vault,
                day: Int64(day),
                expires: VaultWorld.start.adding(seconds: 10)
            )
        }
        let late = VaultWorld.start.adding(seconds: 1_000_000)
        #expect(try world.vault.expire(now: late).count == 2)
        #expect(try world.vault.recoveryPoints().map(\.labels["day"]) == ["2"])
        try VaultWorld.backUp(["a": [9]], to: world.vault, day: 3)
        #expect(try world.vault.expire(now: late).map(\.labels["day"]) == ["2"])
    }
}
