import BackupVault
import Disk
import Keyring
import TestKit
import Testing
import VarveModel

@Suite struct VaultTests {
    static func code(_ body: () throws -> Void) -> VaultError.Code? {
        do {
            try body()
            return nil
        } catch {
            return (error as? VaultError)?.code
        }
    }

    @Test func `every recovery point restores alone, on a new machine too`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 21))
        let world = try VaultWorld()
        var contents = VaultWorld.contents(60, using: &generator)
        var base: (point: RecoveryPoint, contents: VaultWorld.Contents)?
        var expected: [RecoveryPointID: VaultWorld.Contents] = [:]
        for day in 0..<6 {
            let point = try VaultWorld.backUp(
                contents,
                to: world.vault,
                after: base,
                day: Int64(day)
            )
            expected[point.id] = contents
            base = (point, contents)
            contents = VaultWorld.change(contents, using: &generator)
        }
        let elsewhere = try VaultWorld.open(world.disk.restarted(), root: world.root)
        let points = try elsewhere.recoveryPoints()
        #expect(points.map(\.labels["day"]) == (0..<6).map { "\($0)" })
        for point in points {
            #expect(try VaultWorld.restore(point, from: elsewhere) == expected[point.id])
            #expect(try world.vault.recoveryPoint(point.id) == point)
        }
        #expect(try elsewhere.verify(readData: true).isClean)
    }

    @Test func `what the vault holds is stored once`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 22))
        let world = try VaultWorld()
        let contents = VaultWorld.contents(40, using: &generator)
        try VaultWorld.backUp(contents, to: world.vault)
        let before = try world.vault.statistics()

        let writer = try world.reopened().beginWrite()
        let map = try VaultWorld.store(contents, by: writer)
        #expect(writer.counters.chunksStored == 0)
        #expect(writer.counters.chunksDeduplicated > 40)
        _ = try writer.publish(VaultWorld.draft(map))
        let after = try world.vault.statistics()
        #expect(after.storedBytes == before.storedBytes)
        #expect(after.recoveryPoints == 2)
    }

    @Test func `content that does not shrink is stored as it is`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 23))
        let world = try VaultWorld()
        let writer = try world.vault.beginWrite()
        defer { writer.abandon() }
        _ = try writer.store(generator.bytes(3000))
        #expect(writer.counters.storedBytes == 3016)
        _ = try writer.store([UInt8](repeating: 1, count: 3000))
        #expect(writer.counters.storedBytes < 3016 + 100)
    }

    @Test func `ranges of a chunk are read, and nothing beyond it`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 24))
        let world = try VaultWorld()
        let bytes = generator.bytes(4000)
        let writer = try world.vault.beginWrite()
        let chunk = try writer.store(bytes)
        let none = try writer.store([])
        let map = try writer.update(
            nil,
            edits: [MapEdit([1], MapValue([], chunks: [chunk, none]))]
        )
        _ = try writer.publish(VaultWorld.draft(map))
        #expect(try world.vault.read(chunk) == bytes)
        #expect(try world.vault.read(chunk, range: 17..<99) == Array(bytes[17..<99]))
        #expect(try world.vault.read(chunk, range: 4000..<4000) == [])
        #expect(try world.vault.read(none) == [])
        #expect(Self.code { _ = try world.vault.read(chunk, range: 0..<4001) } == .invalid)
    }

    @Test func `a stream in pieces is cut as the whole would be`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 25))
        let world = try VaultWorld()
        let bytes = generator.bytes(5 << 20)
        let writer = try world.vault.beginWrite()
        defer { writer.abandon() }
        var stream = writer.beginStream()
        var references: [ChunkReference] = []
        var start = 0
        while start < bytes.count {
            let end = min(bytes.count, start + Int.random(in: 1...1 << 20, using: &generator))
            references += try stream.append(Array(bytes[start..<end]))
            start = end
        }
        references += try stream.finish()
        let whole = bytes.withUnsafeBytes { world.vault.chunker.cuts(of: $0) }
        #expect(references.map { Int($0.length) } == whole)
    }

    @Test func `a writer sees what it has not published`() throws {
        let world = try VaultWorld()
        let writer = try world.vault.beginWrite()
        defer { writer.abandon() }
        let edits = (0..<2000).map { index in
            MapEdit(
                [UInt8(index >> 8), UInt8(index & 255)],
                MapValue([UInt8](repeating: 7, count: 30))
            )
        }
        let map = try writer.update(nil, edits: edits)
        #expect(try writer.value(of: [1, 1], in: map)?.bytes.count == 30)
        let smaller = try writer.update(map, edits: [MapEdit([1, 1], nil)])
        #expect(try writer.value(of: [1, 1], in: smaller) == nil)
        #expect(try writer.scan(smaller, from: [1, 0], limit: 2).map(\.key) == [[1, 0], [1, 2]])
    }

    @Test func `an abandoned backup leaves nothing, and its packs serve the next one`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 26))
        let world = try VaultWorld()
        let contents = VaultWorld.contents(80, using: &generator)
        let first = try world.vault.beginWrite()
        _ = try VaultWorld.store(contents, by: first)
        let stored = first.counters.chunksStored
        first.abandon()
        #expect(try world.vault.recoveryPoints().isEmpty)
        #expect(Self.code { _ = try first.store([1]) } == .invalid)

        let second = try world.reopened().beginWrite()
        let map = try VaultWorld.store(contents, by: second)
        #expect(second.counters.chunksStored < stored / 2)
        let point = try second.publish(VaultWorld.draft(map))
        #expect(try VaultWorld.restore(point, from: world.vault) == contents)
    }

    @Test func `a map of no recovery point is no base`() throws {
        let world = try VaultWorld()
        let point = try VaultWorld.backUp(["a": [1]], to: world.vault)
        let map = try #require(point.maps["names"])
        try world.vault.delete(point.id)
        let writer = try world.vault.beginWrite()
        defer { writer.abandon() }
        #expect(Self.code { _ = try writer.update(map, edits: []) } == .notFound)
        #expect(Self.code { _ = try writer.publish(VaultWorld.draft(map)) } == .notFound)
    }

    @Test func `expiry deletes what is due and nothing else`() throws {
        let world = try VaultWorld()
        for day in 0..<4 {
            try VaultWorld.backUp(
                ["a": [UInt8(day)]],
                to: world.vault,
                day: Int64(day),
                expires: day == 0 ? nil : VaultWorld.start.adding(seconds: Int64(day) * 100)
            )
        }
        let gone = try world.vault.expire(now: VaultWorld.start.adding(seconds: 200))
        #expect(gone.map(\.labels["day"]) == ["1", "2"])
        #expect(try world.vault.recoveryPoints().map(\.labels["day"]) == ["0", "3"])
        #expect(try world.vault.expire(now: VaultWorld.start.adding(seconds: 200)).isEmpty)
    }

    @Test func `wrong key, missing vault, newer format and second creation are told apart`() throws
    {
        let world = try VaultWorld()
        #expect(Self.code { _ = try VaultWorld.open(world.disk, root: .random()) } == .wrongKey)
        #expect(
            Self.code {
                _ = try Vault.open(disk: world.disk, directory: "/nowhere", root: world.root)
            } == .notFound
        )
        #expect(Self.code { _ = try VaultWorld(disk: world.disk, root: world.root) } == .exists)

        let path = VaultWorld.directory + "/vault.json"
        let text = String(decoding: try world.disk.contents(of: path), as: UTF8.self)
        func open(_ old: String, _ new: String) throws -> VaultError.Code? {
            try world.disk.replace(path, with: Array(text.replacing(old, with: new).utf8))
            return Self.code { _ = try world.reopened() }
        }
        #expect(try open("\"format\" : 1", "\"format\" : 2") == .newerFormat)
        #expect(try open("\"incompatible\" : 0", "\"incompatible\" : 4") == .newerFormat)
        #expect(try open("nightly", "nightlx") == .corrupt)
        #expect(try open("varve vault", "other thing") == .corrupt)
        #expect(try open("nightly", "nightly") == nil)
    }

    @Test func `a full disk during a backup is told, and the vault goes on`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 27))
        let world = try VaultWorld()
        let kept = VaultWorld.contents(20, using: &generator)
        let point = try VaultWorld.backUp(kept, to: world.vault)
        world.disk.failAfter(bytes: 100_000)
        let large = VaultWorld.contents(100, using: &generator)
        #expect(Self.code { try VaultWorld.backUp(large, to: world.vault) } == .noSpace)
        #expect(try world.vault.recoveryPoints() == [point])
        world.disk.setCapacity(1 << 40)
        let second = try VaultWorld.backUp(large, to: world.vault)
        #expect(try VaultWorld.restore(second, from: world.vault) == large)
        #expect(try VaultWorld.restore(point, from: world.vault) == kept)
        #expect(try world.reopened().verify(readData: true).isClean)
    }

    @Test func `nothing of content, keys or labels is in plain in any file`() throws {
        let world = try VaultWorld()
        let secret = "the-lake-bed-remembers"
        let writer = try world.vault.beginWrite()
        let chunk = try writer.store(Array((secret + "-content").utf8))
        let map = try writer.update(
            nil,
            edits: [
                MapEdit(
                    Array((secret + "-key").utf8),
                    MapValue(Array(secret.utf8), chunks: [chunk])
                )
            ]
        )
        var draft = VaultWorld.draft(map)
        draft.source = secret
        draft.labels = [secret: secret]
        _ = try writer.publish(draft)
        for path in try world.files() {
            let text = String(decoding: try world.disk.contents(of: path), as: UTF8.self)
            #expect(!text.contains(secret), "\(path)")
        }
    }
}

extension VaultWorld {
    /// Every file of the vault.
    func files() throws -> [String] {
        try files(beneath: VaultWorld.directory)
    }

    private func files(beneath directory: String) throws -> [String] {
        try disk.list(directory).flatMap { name -> [String] in
            let path = directory + "/" + name
            let isDirectory = try disk.status(of: path)?.kind == .directory
            return isDirectory ? try files(beneath: path) : [path]
        }
    }
}
