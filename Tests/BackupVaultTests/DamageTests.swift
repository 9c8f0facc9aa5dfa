import BackupVault
import Disk
import TestKit
import Testing
import VarveModel

/// Goal: a damaged vault says so, names the file, and never gives other bytes than were stored.
@Suite struct DamageTests {
    struct Sample {
        let world: VaultWorld
        let points: [(point: RecoveryPoint, contents: VaultWorld.Contents)]
        let files: [String]
    }

    /// A small vault with two points, an index, and a generation that condemns a pack.
    static func sample(seed: UInt64) throws -> Sample {
        var generator = SeededGenerator(seed: seed)
        let world = try VaultWorld(disk: SimulatedDisk(recording: false))
        let dropped = try VaultWorld.backUp(["gone": generator.bytes(300)], to: world.vault)
        let first: VaultWorld.Contents = ["a": generator.bytes(900), "b": Array("text".utf8)]
        let one = try VaultWorld.backUp(first, to: world.vault, day: 1)
        var second = first
        second["c"] = generator.bytes(700)
        let two = try VaultWorld.backUp(second, to: world.vault, after: (one, first), day: 2)
        try world.vault.delete(dropped.id)
        _ = try world.vault.prune()
        return Sample(
            world: world,
            points: [(one, first), (two, second)],
            files: try world.files().filter { !$0.contains("/leases/") }
        )
    }

    /// What a damaged vault tells: the messages of the failed open or of the findings.
    static func complaints(_ sample: Sample, _ what: String) throws -> [String] {
        let vault: Vault
        do {
            vault = try sample.world.reopened()
        } catch {
            return [try #require(error as? VaultError, "\(what)").message]
        }
        for (point, contents) in sample.points {
            let shown: VaultWorld.Contents? = try? VaultWorld.restore(
                vault.recoveryPoint(point.id),
                from: vault
            )
            #expect(shown == nil || shown == contents, "\(what): other bytes")
        }
        return try vault.verify(readData: true).findings.map { $0.file + ": " + $0.message }
    }

    @Test func `every flipped byte is detected and its file named`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 51))
        let sample = try Self.sample(seed: 51)
        #expect(try Self.complaints(sample, "untouched").isEmpty)
        let folders = Set(sample.files.map { DiskPath.name(of: DiskPath.parent(of: $0)) })
        let expected: Set = [
            "nightly", "packs", "index", "manifests", "vouchers", "generations", "counts",
        ]
        #expect(folders == expected)
        for file in sample.files {
            let bytes = try sample.world.disk.contents(of: file)
            let name = DiskPath.name(of: file)
            for offset in stride(from: 0, to: bytes.count, by: TestSizes.current.powerCutStride) {
                let mask = UInt8.random(in: 1...255, using: &generator)
                let spaces: Set<UInt8> = [9, 10, 13, 32]
                if spaces.contains(bytes[offset]), spaces.contains(bytes[offset] ^ mask) {
                    continue
                }
                try sample.world.disk.corrupt(file, at: UInt64(offset), mask: mask)
                let told = try Self.complaints(sample, "\(name) at \(offset)")
                #expect(!told.isEmpty, "\(name) at \(offset) mask \(mask)")
                // A vault's key opens nothing when the uuid in vault.json is another.
                let isNamed = told.contains {
                    $0.contains(name) || $0.contains("vault") || $0.contains("key")
                }
                #expect(isNamed, "\(name) at \(offset): \(told)")
                try sample.world.disk.corrupt(file, at: UInt64(offset), mask: mask)
            }
        }
        #expect(try Self.complaints(sample, "mended").isEmpty)
    }

    @Test func `every truncation and every lost file is detected`() throws {
        let sample = try Self.sample(seed: 52)
        for file in sample.files {
            let bytes = try sample.world.disk.contents(of: file)
            let name = DiskPath.name(of: file)
            for size in stride(from: 0, to: bytes.count, by: TestSizes.current.powerCutStride * 3) {
                try sample.world.disk.open(file, .readWrite).truncate(to: UInt64(size))
                #expect(!(try Self.complaints(sample, "\(name) cut at \(size)")).isEmpty)
                try sample.world.disk.replace(file, with: bytes)
            }
            try sample.world.disk.replace(file, with: bytes + [0])
            let isText = name == "vault.json"
            #expect(try Self.complaints(sample, "\(name) longer").isEmpty == false || isText)
            try sample.world.disk.remove(file)
            let told = try Self.complaints(sample, "\(name) lost")
            // They can be missing without any loss, and are made again.
            let isHarmless = ["/index/", "/generations/", "/vouchers/", "/counts/"].contains {
                file.contains($0)
            }
            #expect(told.isEmpty == isHarmless, "\(name) lost: \(told)")
            try sample.world.disk.replace(file, with: bytes)
        }
        #expect(try Self.complaints(sample, "mended").isEmpty)
    }

    @Test func `swapped and copied files are refused`() throws {
        let sample = try Self.sample(seed: 53)
        for folder in ["packs", "manifests", "index"] {
            let some = sample.files.filter { $0.contains("/\(folder)/") }
            try #require(some.count >= 2)
            let first = try sample.world.disk.contents(of: some[0])
            let second = try sample.world.disk.contents(of: some[1])
            try sample.world.disk.replace(some[0], with: second)
            try sample.world.disk.replace(some[1], with: first)
            #expect(!(try Self.complaints(sample, "swapped \(folder)")).isEmpty)
            try sample.world.disk.replace(some[0], with: first)
            try sample.world.disk.replace(some[1], with: second)
        }
    }

    @Test func `a lost chunk is named with the points and keys that need it`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 54))
        let world = try VaultWorld()
        let first: VaultWorld.Contents = ["a": generator.bytes(200), "b": generator.bytes(200)]
        let one = try VaultWorld.backUp(first, to: world.vault, day: 1)
        let second: VaultWorld.Contents = ["a": first["a"] ?? [], "b": generator.bytes(200)]
        let two = try VaultWorld.backUp(second, to: world.vault, after: (one, first), day: 2)

        let map = try #require(one.maps["names"])
        let value = try #require(try world.vault.value(of: Array("b".utf8), in: map))
        let lost = try #require(value.chunks.first)
        let (entry, _, name) = try world.vault.placeForTests(of: lost.id)
        try world.disk.corrupt(VaultWorld.directory + "/" + name, at: UInt64(entry), mask: 4)
        let report = try world.reopened().verify(readData: true)
        let finding = try #require(report.findings.first)
        #expect(report.findings.count == 1)
        #expect(finding.subject == .chunk && finding.chunk == lost.id && finding.file == name)
        #expect(finding.affected.map(\.point) == [one.id])
        #expect(finding.affected.map(\.key) == [Array("b".utf8)])
        #expect(finding.affected.first?.labels == ["day": "1"])
        #expect(try VaultWorld.restore(two, from: world.reopened()) == second)
        #expect(
            VaultTests.code { _ = try VaultWorld.restore(one, from: world.reopened()) } == .corrupt
        )
        #expect(try world.reopened().verify(readData: false).isClean, "structure alone is whole")
    }

    @Test func `the index is rebuilt from the packs alone`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 55))
        let world = try VaultWorld()
        let contents = VaultWorld.contents(60, using: &generator)
        let point = try VaultWorld.backUp(contents, to: world.vault)
        let folder = VaultWorld.directory + "/index"
        for name in try world.disk.list(folder) {
            try world.disk.corrupt(folder + "/" + name, at: 100, mask: 1)
        }
        let vault = try world.reopened()
        #expect(try VaultWorld.restore(point, from: vault) == contents)
        #expect(try vault.verify(readData: false).findings.map(\.subject) == [.index])
        try vault.rebuildIndex()
        #expect(try vault.verify(readData: true).isClean)
        #expect(try world.disk.list(folder).count == 1)
        #expect(try VaultWorld.restore(point, from: world.reopened()) == contents)
    }
}
