import Disk
import TestKit
import Testing
import VarveModel

@testable import BackupVault

/// Goal: what parity can heal is whole again, byte for byte, and what it cannot is said and left as it was.
@Suite struct ParityTests {
    static let directory = VaultWorld.directory
    static let policy = ParityPolicy(share: 0.05)

    /// A vault with parity: two points, and packs that are larger than what is kept whole.
    static func sample(
        seed: UInt64,
        files: Int = 30,
        settings: VaultSettings = VaultSettings(
            packBytes: 1 << 20,
            compressionLevel: 1,
            chunks: ChunkSizes(minimum: 256, average: 1024, maximum: 4096)
        )
    ) throws -> DamageOracle {
        var generator = SeededGenerator(seed: seed)
        let disk = SimulatedDisk(recording: false)
        let world = try VaultWorld(disk: disk, settings: settings)
        try world.vault.setParity(policy)
        var contents: VaultWorld.Contents = [:]
        for number in 0..<files { contents["file \(number)"] = generator.bytes(20_000) }
        let one = try VaultWorld.backUp(contents, to: world.vault, day: 1)
        let first = contents
        contents["more"] = generator.bytes(3_000)
        let two = try VaultWorld.backUp(contents, to: world.vault, after: (one, first), day: 2)
        return DamageOracle(world: world, points: [(one, first), (two, contents)])
    }

    static func protected(_ world: VaultWorld) throws -> [String] {
        try world.files().filter { $0.contains("/packs/") || $0.contains("/manifests/") }
    }

    @Test func `packs and manifests have parity of about the share, and nothing else has`() throws {
        let oracle = try Self.sample(seed: 191, files: 200)
        let world = oracle.world
        let files = try Self.protected(world)
        let names = Set(try world.disk.list(Self.directory + "/parity"))
        #expect(names == Set(files.map { DiskPath.name(of: $0) + ".parity" } + ["policy"]))
        var (data, parity) = (0, 0)
        for file in files {
            let size = try world.disk.contents(of: file).count
            let name = DiskPath.name(of: file)
            let own = try world.disk.contents(of: "\(Self.directory)/parity/\(name).parity").count
            if size > ParityShape.wholeBytesMax {
                data += size
                parity += own
            } else {
                #expect(own < size + ParityShape.blockBytesMax + 1_000)
            }
        }
        print("parity of large packs: \(Double(parity) / Double(data))")
        #expect(data > 3 << 20 && Double(parity) / Double(data) < 0.06)
        #expect(try world.reopened().verify(readData: true).isClean)
        #expect(try world.reopened().verify(readData: true).withoutParity == 0)
    }

    /// Goal: one damaged block, wherever, heals; so does a short file that is lost.
    @Test func `every damaged block heals`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 192))
        let oracle = try Self.sample(seed: 192)
        let world = oracle.world
        var healed = 0
        for file in try Self.protected(world) {
            let bytes = try world.disk.contents(of: file)
            let step = max(1, bytes.count / TestSizes.current.parityHits)
            for offset in stride(from: 0, to: bytes.count, by: step) {
                // A sector from some byte on.
                for byte in offset..<min(bytes.count, offset + 512) {
                    let mask = UInt8.random(in: 1...255, using: &generator)
                    try world.disk.corrupt(file, at: UInt64(byte), mask: mask)
                }
                try heals(oracle, file, bytes, "\(file) at \(offset)")
                healed += 1
            }
        }
        print("\(healed) sectors healed")
        #expect(healed > 50)
    }

    private func heals(
        _ oracle: DamageOracle,
        _ file: String,
        _ bytes: [UInt8],
        _ what: String
    ) throws {
        let vault = try oracle.world.reopened()
        let report = try vault.repair(.everything)
        #expect(report.verified.isClean, "\(what): \(report.verified.findings.map(\.message))")
        #expect(report.unhealed.isEmpty, "\(what)")
        #expect(report.healed.contains { file.hasSuffix($0.file) }, "\(what): \(report.healed)")
        #expect(try oracle.world.disk.contents(of: file) == bytes, "\(what): other bytes")
    }

    @Test func `short files that are lost or cut come back whole`() throws {
        let oracle = try Self.sample(seed: 193)
        let world = oracle.world
        var tried = 0
        for file in try Self.protected(world) {
            let bytes = try world.disk.contents(of: file)
            guard bytes.count <= ParityShape.wholeBytesMax else { continue }
            for cut in [nil, 0, bytes.count / 2, bytes.count - 1] as [Int?] {
                if let cut {
                    try world.disk.replace(file, with: Array(bytes.prefix(cut)))
                } else {
                    try world.disk.remove(file)
                }
                let what = "\(file) cut at \(String(describing: cut))"
                let found = try world.reopened().verify(readData: false).findings
                #expect(found.contains { file.hasSuffix($0.file) }, "\(what): \(found)")
                try heals(oracle, file, bytes, what)
                tried += 1
            }
            // Longer, and on a medium that gives nothing of it.
            try world.disk.replace(file, with: bytes + [1, 2, 3])
            try heals(oracle, file, bytes, "\(file) longer")
            world.disk.failReads(of: file)
            let report = try world.reopened().repair(.everything)
            world.disk.clearFaults()
            #expect(report.healed.contains { file.hasSuffix($0.file) })
            #expect(try world.disk.contents(of: file) == bytes)
        }
        #expect(tried >= 12)
        #expect(try oracle.examine("mended").complaints.isEmpty)
    }

    /// Goal: a lost manifest is no deleted point: nothing that it needs goes.
    @Test func `a point whose manifest is lost is named, kept and brought back`() throws {
        let oracle = try Self.sample(seed: 194)
        let world = oracle.world
        let (point, contents) = oracle.points[0]
        let path = "\(Self.directory)/manifests/\(point.id).manifest"
        try world.disk.remove(path)
        let vault = try world.reopened()
        #expect(try vault.listing().damaged.map(\.id) == [point.id])
        #expect(VaultTests.code { _ = try vault.prune() } == .corrupt)
        #expect(try vault.verify(readData: false).findings.map(\.subject) == [.manifest])
        let report = try vault.repair(.structure)
        #expect(report.verified.isClean && report.unhealed.isEmpty)
        #expect(try VaultWorld.restore(vault.recoveryPoint(point.id), from: vault) == contents)
        // Deleted, it is gone with its parity, lost before or not.
        try world.disk.remove(path)
        try vault.delete(point.id)
        #expect(try vault.recoveryPoints().map(\.id) == [oracle.points[1].point.id])
        #expect(VaultTests.code { try vault.delete(point.id) } == .notFound)
        _ = try vault.prune()
        #expect(try vault.verify(readData: true).isClean)
    }

    @Test func `more damage than parity heals is said, and left as it is`() throws {
        let oracle = try Self.sample(seed: 195)
        let world = oracle.world
        let files = try Self.protected(world).map { ($0, try world.disk.contents(of: $0)) }
        let (file, bytes) = try #require(files.max { $0.1.count < $1.1.count })
        let shape = ParityShape(fileBytes: bytes.count, share: 0.05)
        #expect(shape.parityRuns * 20 >= shape.dataRuns && bytes.count > 500_000)
        let reach = shape.parityRuns * shape.runBytes
        // In one piece as long as the parity, at any place.
        for start in [0, 200_000, bytes.count - reach] {
            var damaged = bytes
            let first = start / shape.blockBytes * shape.blockBytes
            for byte in first..<min(bytes.count, first + reach) { damaged[byte] ^= 0xFF }
            try world.disk.replace(file, with: damaged)
            try heals(oracle, file, bytes, "\(reach) bytes at \(start)")
        }
        var damaged = bytes
        for byte in 200_000..<200_000 + reach + 2 * shape.blockBytes { damaged[byte] ^= 0xFF }
        try world.disk.replace(file, with: damaged)
        let report = try world.reopened().repair(.everything)
        #expect(report.unhealed.map(\.file).contains { file.hasSuffix($0) })
        #expect(!report.verified.isClean)
        #expect(try world.disk.contents(of: file) == damaged)
        let outcome = try oracle.examine("too much")
        #expect(outcome.missing?.isEmpty == false)
        #expect((outcome.missing?.count ?? 0) < oracle.partCount)
    }

    /// Goal: damage to parity costs nothing; with damage to its file besides, as little as may be.
    @Test func `damaged parity is named, of use as far as it goes, and made again`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 196))
        let oracle = try Self.sample(seed: 196)
        let world = oracle.world
        let folder = Self.directory + "/parity/"
        for name in try world.disk.list(Self.directory + "/parity") where name != "policy" {
            let bytes = try world.disk.contents(of: folder + name)
            let target =
                Self.directory
                + (name.hasPrefix("rp-") ? "/manifests/" : "/packs/") + name.dropLast(7)
            let whole = try world.disk.contents(of: target)
            let places =
                [0, 100, bytes.count / 2, bytes.count - 1]
                + (0..<4).map { _ in Int.random(in: 0..<bytes.count, using: &generator) }
            for place in places {
                try world.disk.corrupt(folder + name, at: UInt64(place), mask: 0x21)
                let found = try world.reopened().verify(readData: true).findings
                #expect(found.map(\.subject) == [.parity], "\(name) at \(place)")
                #expect(found.first?.file == "parity/" + name)
                // Its other table, and its other blocks, still heal.
                if whole.count > ParityShape.blockBytesMax {
                    try world.disk.corrupt(target, at: 50, mask: 1)
                }
                let report = try world.reopened().repair(.everything)
                #expect(report.verified.isClean, "\(name) at \(place)")
                #expect(report.verified.withoutParity == 0)
                #expect(try world.disk.contents(of: target) == whole)
            }
        }
        #expect(try oracle.examine("mended").complaints.isEmpty)
    }

    // MARK: In step

    /// Goal: a Varve that would leave parity behind, and so call deleted points lost, does not open the vault.
    @Test func `a vault with parity says that older writers must not open it`() throws {
        let world = try VaultWorld()
        let point = try VaultWorld.backUp(["a": [1, 2, 3]], to: world.vault)
        func feature() throws -> UInt32 {
            let bytes = try world.disk.contents(of: Self.directory + "/vault.json")
            return try VaultDescription(bytes).features.incompatible
        }
        let without = try world.disk.contents(of: Self.directory + "/vault.json")
        #expect(try feature() == 0)
        try world.vault.setParity(Self.policy)
        #expect(try feature() == VaultDescription.parityFeature)
        #expect(try world.reopened().verify(readData: true).isClean)
        #expect(try world.vault.verify(readData: true).isClean)
        // Damaged, it comes back as it was, whether or not the vault was opened before there was parity.
        for vault in [world.vault, try world.reopened()] {
            try world.disk.corrupt(Self.directory + "/vault.json", at: 5, mask: 1)
            #expect(try vault.repair(.structure).healed.map(\.file) == ["vault.json"])
            #expect(try feature() == VaultDescription.parityFeature)
        }
        // Who began before the end of parity may make more of it.
        let writer = try world.reopened().beginWrite()
        try world.vault.setParity(nil)
        #expect(try feature() == VaultDescription.parityFeature)
        let map = try VaultWorld.store(["b": [4, 5]], by: writer)
        let second = try writer.publish(VaultWorld.draft(map, day: 1))
        #expect(try world.vault.parity() == nil)
        #expect(try world.vault.verify(readData: true).isClean)
        _ = try world.reopened().prune()
        #expect(try world.disk.list(Self.directory + "/parity").isEmpty)
        #expect(try world.disk.contents(of: Self.directory + "/vault.json") == without)
        let vault = try world.reopened()
        #expect(try VaultWorld.restore(point, from: vault) == ["a": [1, 2, 3]])
        #expect(try VaultWorld.restore(second, from: vault) == ["b": [4, 5]])
    }

    @Test func `a policy that is lost is missed while there is parity`() throws {
        let world = try Self.sample(seed: 202).world
        try world.disk.remove(Self.directory + "/parity/policy")
        let report = try world.reopened().repair(.everything)
        #expect(report.verified.findings.map(\.file) == ["parity/policy"])
        try world.reopened().setParity(Self.policy)
        #expect(try world.reopened().verify(readData: true).isClean)
    }

    @Test func `parity is switched on later, changed, and off again`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 197))
        let world = try VaultWorld()
        let contents = VaultWorld.contents(60, using: &generator)
        let point = try VaultWorld.backUp(contents, to: world.vault)
        #expect(try world.vault.parity() == nil)
        #expect(try !world.disk.list(Self.directory).contains("parity"))
        let files = try Self.protected(world).count
        var told = 0
        let made = try world.vault.setParity(ParityPolicy(share: 0.2)) { _, _ in
            told += 1
        }
        #expect(made == files && told == files)
        #expect(try world.reopened().parity() == ParityPolicy(share: 0.2))
        #expect(try world.vault.setParity(ParityPolicy(share: 0.2)) == 0)
        #expect(try world.vault.setParity(ParityPolicy(share: 0.5)) > 0)
        #expect(try world.vault.verify(readData: true).isClean)
        _ = try world.vault.setParity(nil)
        #expect(try world.disk.list(Self.directory + "/parity").isEmpty)
        #expect(try world.reopened().parity() == nil)
        #expect(try VaultWorld.restore(point, from: world.reopened()) == contents)
    }

    @Test func `what is damaged gets no parity that would keep the damage`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 198))
        let world = try VaultWorld()
        try VaultWorld.backUp(VaultWorld.contents(60, using: &generator), to: world.vault)
        let pack = try #require(try Self.protected(world).first { $0.contains("/packs/") })
        try world.disk.corrupt(pack, at: 500, mask: 1)
        let files = try Self.protected(world).count
        let vault = try world.reopened()
        #expect(try vault.setParity(Self.policy) == files - 1)
        let report = try world.reopened().repair(.everything)
        #expect(report.unhealed.map(\.file).contains { pack.hasSuffix($0) })
        #expect(report.verified.withoutParity == 1)
    }

    @Test func `parity keeps in step with backups, deletions and prunes`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 199))
        let world = try VaultWorld()
        try world.vault.setParity(Self.policy)
        var points: [(point: RecoveryPoint, contents: VaultWorld.Contents)] = []
        var contents = VaultWorld.contents(40, using: &generator)
        var deleted = 0
        for day in 0..<24 as Range<Int64> {
            let point = try VaultWorld.backUp(
                contents,
                to: world.vault,
                after: points.last,
                day: day
            )
            points.append((point, contents))
            contents = VaultWorld.change(contents, using: &generator)
            if points.count > 3 { try world.vault.delete(points.removeFirst().point.id) }
            deleted += try world.vault.prune().packsDeleted
            let names = Set(try world.disk.list(Self.directory + "/parity"))
            let files = try Self.protected(world).map { DiskPath.name(of: $0) + ".parity" }
            #expect(names == Set(files + ["policy"]), "day \(day)")
        }
        #expect(deleted > 10)
        #expect(try world.reopened().verify(readData: true).isClean)
    }

    /// Goal: a backup that cannot write parity is no backup without it; a published point stays published.
    @Test func `a prune gives parity to what a full disk left without`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 200))
        let world = try VaultWorld()
        let contents = VaultWorld.contents(30, using: &generator)
        let point = try VaultWorld.backUp(contents, to: world.vault)
        try world.vault.setParity(Self.policy)
        let folder = Self.directory + "/parity/"
        for name in try world.disk.list(Self.directory + "/parity") where name != "policy" {
            try world.disk.remove(folder + name)
        }
        let files = try Self.protected(world).count
        #expect(try world.reopened().verify(readData: true).withoutParity == files)
        world.disk.fail(after: 0, with: .noSpace, lasting: true) { _, path in
            path.contains("/parity/")
        }
        #expect(try world.reopened().prune().parityMade == 0)
        world.disk.clearFaults()
        #expect(try world.reopened().prune().parityMade == files)
        #expect(try world.reopened().verify(readData: true).withoutParity == 0)
        #expect(try VaultWorld.restore(point, from: world.reopened()) == contents)
    }

    @Test(arguments: ["vault.json", "key", "secret"])
    func `an open vault puts back what it was opened with`(name: String) throws {
        let world = try VaultWorld(disk: SimulatedDisk(recording: false))
        try VaultWorld.backUp(["a": [1, 2, 3]], to: world.vault)
        let path = Self.directory + "/" + name
        let bytes = try world.disk.contents(of: path)
        try world.disk.corrupt(path, at: 5, mask: 1)
        let report = try world.vault.repair(.structure)
        #expect(report.healed.map(\.file) == [name] && report.verified.isClean)
        #expect(try world.disk.contents(of: path) == bytes)
        #expect(try world.reopened().recoveryPoints().count == 1)
    }

    @Test func `a damaged generation and index are made again by a repair`() throws {
        let (oracle, files) = try EveryByteTests.sample(seed: 201)
        let world = oracle.world
        for file in files where file.contains("/generations/") || file.contains("/index/") {
            try world.disk.corrupt(file, at: 100, mask: 1)
        }
        let report = try world.reopened().repair(.everything)
        #expect(report.verified.isClean && report.healed.count == 2)
        #expect(try oracle.examine("mended").complaints.isEmpty)
        _ = try world.reopened().prune()
        #expect(try oracle.examine("pruned").complaints.isEmpty)
    }
}
