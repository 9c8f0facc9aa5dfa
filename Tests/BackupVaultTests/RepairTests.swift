import Disk
import Synchronization
import TestKit
import Testing
import VarveModel

@testable import BackupVault

/// Goal: a repair never makes anything worse: what it cannot make again stays, what is newer is left alone, what is deleted stays
/// deleted, and one file that cannot be healed keeps no other from it.
@Suite struct RepairTests {
    private static let directory = VaultWorld.directory

    private static func parity(of file: String) -> String {
        "\(directory)/parity/\(DiskPath.name(of: file)).parity"
    }

    /// The largest pack, whose parity is less than itself.
    private static func largePack(_ world: VaultWorld) throws -> (file: String, bytes: [UInt8]) {
        let files = try ParityTests.protected(world).map { ($0, try world.disk.contents(of: $0)) }
        let found = try #require(files.max { $0.1.count < $1.1.count })
        #expect(found.1.count > ParityShape.wholeBytesMax)
        return found
    }

    // MARK: What cannot be made again

    @Test func `without a policy that reads, damaged parity stays and still heals`() throws {
        let world = try ParityTests.sample(seed: 231).world
        let (pack, bytes) = try Self.largePack(world)
        let parity = Self.parity(of: pack)
        try world.disk.corrupt(Self.directory + "/parity/policy", at: 100, mask: 1)
        let size = try world.disk.contents(of: parity).count
        try world.disk.corrupt(parity, at: UInt64(size / 2), mask: 1)
        let damaged = try world.disk.contents(of: parity)
        let report = try world.reopened().repair(.everything)
        #expect(try world.disk.contents(of: parity) == damaged)
        #expect(Set(report.verified.findings.map(\.subject)) == [.parity])
        for byte in 5_000..<5_512 as Range<UInt64> {
            try world.disk.corrupt(pack, at: byte, mask: 0x55)
        }
        let second = try world.reopened().repair(.everything)
        #expect(second.healed.map(\.how) == ["1 damaged block, by its parity"])
        #expect(try world.disk.contents(of: pack) == bytes)
    }

    @Test func `without room, damaged parity stays and still heals`() throws {
        let world = try ParityTests.sample(seed: 232).world
        let (pack, bytes) = try Self.largePack(world)
        let parity = Self.parity(of: pack)
        let size = try world.disk.contents(of: parity).count
        try world.disk.corrupt(parity, at: UInt64(size / 2), mask: 1)
        let damaged = try world.disk.contents(of: parity)
        world.disk.fail(after: 0, with: .noSpace, lasting: true) { _, path in
            path.contains("/parity/")
        }
        let report = try world.reopened().repair(.everything)
        world.disk.clearFaults()
        #expect(report.unhealed.map(\.error.code) == [.noSpace])
        #expect(try world.disk.contents(of: parity) == damaged)
        try world.disk.corrupt(pack, at: 5_000, mask: 0x55)
        let second = try world.reopened().repair(.everything)
        #expect(second.verified.isClean && second.unhealed.isEmpty)
        #expect(try world.disk.contents(of: pack) == bytes)
        #expect(try world.disk.contents(of: parity) != damaged)
    }

    @Test func `parity of a newer format is left alone`() throws {
        let world = try ParityTests.sample(seed: 233).world
        let (pack, _) = try Self.largePack(world)
        let parity = Self.parity(of: pack)
        let bytes = try world.disk.contents(of: parity)
        var trailer = ByteReader(bytes.suffix(16))
        let table = Int(trailer.read(UInt64.self) ?? 0)
        #expect(table > 96)
        for start in [0, bytes.count - 16 - table] {
            try world.disk.corrupt(parity, at: UInt64(start + 8), mask: 2)
        }
        let newer = try world.disk.contents(of: parity)
        for scope in [VerifyScope.structure, .everything] {
            let report = try world.reopened().repair(scope)
            #expect(report.verified.findings.map(\.code) == [.newerFormat])
            #expect(report.healed.isEmpty)
        }
        try world.reopened().setParity(ParityPolicy(share: 0.5))
        #expect(try world.disk.contents(of: parity) == newer)
    }

    @Test func `a policy of a newer format is neither changed nor ended`() throws {
        let world = try ParityTests.sample(seed: 234).world
        let policy = Self.directory + "/parity/policy"
        try world.disk.corrupt(policy, at: 8, mask: 2)
        let bytes = try world.disk.contents(of: policy)
        for share in [ParityPolicy(share: 0.5), nil] {
            let code = VaultTests.code { _ = try world.reopened().setParity(share) }
            #expect(code == .newerFormat)
        }
        #expect(try world.disk.contents(of: policy) == bytes)
    }

    /// Goal: a medium that does not even open a file costs no other file its healing.
    @Test func `a file that does not open is made again, and if it cannot be, the others are`()
        throws
    {
        let world = try ParityTests.sample(seed: 235).world
        let (large, _) = try Self.largePack(world)
        let others = try ParityTests.protected(world).filter { $0 != large }
        let whole = try others.map { ($0, try world.disk.contents(of: $0)) }
        let short = try #require(whole.first { $0.1.count <= ParityShape.wholeBytesMax })
        let damaged = try #require(whole.last { $0.0 != short.0 })
        try world.disk.corrupt(damaged.0, at: 300, mask: 1)
        let disk = ProbedDisk(world.disk)
        disk.failOpens(of: short.0)
        disk.failOpens(of: large)
        let report = try VaultWorld.open(disk, root: world.root).repair(.everything)
        let healed = report.healed.map(\.file)
        for (file, whole) in [short, damaged] {
            #expect(healed.contains { file.hasSuffix($0) }, "\(file): \(healed)")
            #expect(try world.disk.contents(of: file) == whole)
        }
        #expect(report.unhealed.map(\.file).contains { large.hasSuffix($0) })
        let parity = try #require(others.first { $0 != short.0 && $0 != damaged.0 })
        disk.failOpens(of: Self.parity(of: parity))
        let second = try VaultWorld.open(disk, root: world.root).repair(.everything)
        #expect(second.healed.map(\.file) == ["parity/" + DiskPath.name(of: parity) + ".parity"])
    }

    @Test func `what is healed is said in words that are so`() throws {
        let world = try ParityTests.sample(seed: 236).world
        let (large, _) = try Self.largePack(world)
        let file = try #require(try ParityTests.protected(world).last { $0 != large })
        let bytes = try world.disk.contents(of: file)
        #expect(bytes.count <= ParityShape.wholeBytesMax)
        try world.disk.replace(file, with: bytes + [1, 2, 3])
        let longer = try world.reopened().repair(.everything).healed.map(\.how)
        #expect(longer == ["bytes behind its end, by its parity"])
        try world.disk.remove(file)
        let lost = try world.reopened().repair(.everything).healed.map(\.how)
        #expect(lost == ["it was lost, or did not open: made again of its parity"])
        #expect(try world.disk.contents(of: file) == bytes)
    }

    // MARK: Parity of what it is for

    /// Goal: parity that a wrong read would have made never puts wrong bytes in the place of right ones.
    @Test func `what reads wrong gets no parity, and parity of other bytes heals nothing`() throws {
        let world = try VaultWorld(disk: SimulatedDisk(recording: false))
        try world.vault.setParity(ParityTests.policy)
        let disk = ProbedDisk(world.disk)
        disk.changeReads(of: "/packs/")
        var generator = SeededGenerator(seed: testSeed(default: 238))
        let contents: VaultWorld.Contents = ["a": generator.bytes(3_000)]
        let point = try VaultWorld.backUp(contents, to: VaultWorld.open(disk, root: world.root))
        #expect(try world.reopened().verify(readData: true).withoutParity > 0)
        #expect(try world.reopened().prune().parityMade > 0)
        #expect(try world.reopened().verify(readData: true).withoutParity == 0)

        let file = try #require(
            try ParityTests.protected(world).first {
                try $0.contains("/packs/") && world.disk.contents(of: $0).count > 2_000
            }
        )
        let bytes = try world.disk.contents(of: file)
        var wrong = bytes
        wrong[1_500] ^= 1
        let name = "packs/" + DiskPath.name(of: file)
        let parity = ParityFile.encode(wrong, of: name, share: 0.05, keys: world.vault.keys)
        try world.disk.replace(Self.parity(of: file), with: parity)
        try world.disk.corrupt(file, at: 150, mask: 1)
        let damaged = try world.disk.contents(of: file)
        let report = try world.reopened().repair(.everything)
        #expect(report.unhealed.map(\.file) == [name])
        #expect(try world.disk.contents(of: file) == damaged)
        try world.disk.replace(file, with: bytes)
        #expect(try VaultWorld.restore(point, from: world.reopened()) == contents)
    }

    /// Goal: a prune leaves what a repair would have made whole.
    @Test(arguments: [128, 200, 700])
    func `a prune keeps a pack that was cut short, and a repair heals it`(length: Int) throws {
        var generator = SeededGenerator(seed: testSeed(default: 239))
        let world = try VaultWorld(disk: SimulatedDisk(recording: false))
        try world.vault.setParity(ParityTests.policy)
        var contents: VaultWorld.Contents = [:]
        for number in 0..<40 { contents["file \(number)"] = generator.bytes(200) }
        let point = try VaultWorld.backUp(contents, to: world.vault)
        let other = try VaultWorld.backUp(["gone": generator.bytes(300)], to: world.vault, day: 1)
        try world.vault.delete(other.id)
        let packs = try ParityTests.protected(world).filter { $0.contains("/packs/") }
        let sized = try packs.map { ($0, try world.disk.contents(of: $0)) }
        let (pack, bytes) = try #require(sized.max { $0.1.count < $1.1.count })
        #expect(bytes.count <= ParityShape.wholeBytesMax && bytes[112] == 0)
        try world.disk.replace(pack, with: Array(bytes.prefix(length)))
        // What is dead goes all the same.
        #expect(try world.reopened().prune().packsDeleted == 2)
        #expect(try world.disk.contents(of: pack).count == length)
        let report = try world.reopened().repair(.everything)
        #expect(report.verified.isClean, "\(report.verified.findings.map(\.message))")
        #expect(try world.disk.contents(of: pack) == bytes)
        _ = try world.reopened().prune()
        #expect(try VaultWorld.restore(point, from: world.reopened()) == contents)
    }

    @Test func `a chunk that does not read keeps its own pack, and no other, from being repacked`()
        throws
    {
        var generator = SeededGenerator(seed: testSeed(default: 240))
        let world = try VaultWorld(disk: SimulatedDisk(recording: false))
        var points: [(point: RecoveryPoint, contents: VaultWorld.Contents)] = []
        for day in 0..<3 as Range<Int64> {
            let contents: VaultWorld.Contents = [
                "kept \(day)": generator.bytes(200), "gone \(day)": generator.bytes(3_000),
            ]
            let point = try VaultWorld.backUp(contents, to: world.vault, day: day)
            let kept = contents.filter { $0.key.hasPrefix("kept") }
            points.append((try VaultWorld.backUp(kept, to: world.vault, day: day + 10), kept))
            try world.vault.delete(point.id)
        }
        let map = try #require(points[1].point.maps["names"])
        let value = try world.vault.value(of: Array("kept 1".utf8), in: map)
        let place = try world.vault.placeForTests(of: try #require(value?.chunks.first).id)
        let path = Self.directory + "/" + place.file
        try world.disk.corrupt(path, at: UInt64(place.offset + 3), mask: 1)
        let before = try ParityTests.protected(world).filter { $0.contains("/packs/") }
        let report = try world.reopened().prune()
        #expect(report.chunksMoved >= 2 && report.packsDeleted > 2)
        let after = try ParityTests.protected(world)
        #expect(after.contains(path) && Set(before).subtracting(after).count == report.packsDeleted)
        for number in [0, 2] {
            let (point, contents) = points[number]
            #expect(try VaultWorld.restore(point, from: world.reopened()) == contents)
        }
    }

    /// Goal: an index that the medium does not give just now stays where it alone leads to chunks.
    @Test(arguments: ["repair", "prune"])
    func `an index file that does not read is kept while a pack tells nothing of itself`(
        work: String
    ) throws {
        var generator = SeededGenerator(seed: testSeed(default: 241))
        let world = try VaultWorld(disk: SimulatedDisk(recording: false))
        let contents: VaultWorld.Contents = [
            "a": generator.bytes(3_000), "b": generator.bytes(900),
        ]
        let point = try VaultWorld.backUp(contents, to: world.vault)
        let packs = try ParityTests.protected(world).filter { $0.contains("/packs/") }
        let pack = try #require(try packs.first { try world.disk.contents(of: $0)[112] == 0 })
        let size = try world.disk.contents(of: pack).count
        try world.disk.corrupt(pack, at: UInt64(size - 40), mask: 1)
        let index = try #require(try world.disk.list(Self.directory + "/index").first)
        world.disk.failReads(of: Self.directory + "/index/" + index)
        let vault = try world.reopened()
        if work == "repair" { _ = try vault.repair(.structure) } else { _ = try vault.prune() }
        world.disk.clearFaults()
        #expect(try VaultWorld.restore(point, from: world.reopened()) == contents)
    }

    // MARK: The end of parity

    @Test func `parity does not end while it alone tells of what is lost`() throws {
        let world = try VaultWorld(disk: SimulatedDisk(recording: false))
        try world.vault.setParity(ParityTests.policy)
        let point = try VaultWorld.backUp(["a": [1, 2, 3]], to: world.vault)
        let hold = PointHold(
            name: "case 17",
            reason: "counsel asked for it",
            placedBy: "uid 0",
            placed: VaultWorld.start
        )
        try world.vault.addHold(hold, to: point.id)
        for file in ["holds/\(point.id).holds", "manifests/\(point.id).manifest"] {
            try world.disk.remove(Self.directory + "/" + file)
            let vault = try world.reopened()
            #expect(VaultTests.code { _ = try vault.setParity(nil) } == .corrupt)
            #expect(try vault.parity() == ParityTests.policy)
            #expect(try vault.repair(.structure).verified.isClean)
        }
        try world.reopened().setParity(nil)
        #expect(try world.reopened().holds(of: point.id) == [hold])
    }

    @Test func `parity does not begin while somebody writes who may not know of it`() throws {
        let world = try VaultWorld()
        let writer = try world.reopened().beginWrite()
        #expect(VaultTests.code { _ = try world.vault.setParity(ParityTests.policy) } == .locked)
        writer.abandon()
        try world.vault.setParity(ParityTests.policy)
        // Whoever writes now has seen that there is parity.
        let other = try world.reopened().beginWrite()
        try world.vault.setParity(ParityPolicy(share: 0.5))
        other.abandon()
    }

    // MARK: The key

    @Test func `a key that somebody wrapped anew is not undone`() throws {
        let world = try VaultWorld(disk: SimulatedDisk(recording: false))
        try VaultWorld.backUp(["a": [1, 2, 3]], to: world.vault)
        let path = Self.directory + "/key"
        let key = try world.disk.contents(of: path)
        // Salt and sealed bytes are other ones once the root key was changed.
        var rewrapped = key
        for byte in Array(12..<44) + Array(60..<key.count) { rewrapped[byte] ^= 0x3C }
        try world.disk.replace(path, with: rewrapped)
        let report = try world.vault.repair(.structure)
        #expect(report.healed.isEmpty && report.unhealed.map(\.file) == ["key"])
        #expect(report.verified.findings.map(\.subject) == [.key])
        #expect(try world.disk.contents(of: path) == rewrapped)
        for wrong in [Array(key.dropLast()), [UInt8](repeating: 0, count: key.count), nil] {
            if let wrong {
                try world.disk.replace(path, with: wrong)
            } else {
                try world.disk.remove(path)
            }
            #expect(try world.vault.repair(.structure).healed.map(\.file) == ["key"])
            #expect(try world.disk.contents(of: path) == key)
        }
    }

    // MARK: Deleted meanwhile

    /// Deletes a vault's last point from another process, as it were, when `part` of a path is first written.
    private final class Deleter: Sendable {
        private let vault: Mutex<Vault?>
        private let found = Mutex<[VaultError.Code]>([])
        private let part: String

        init(_ vault: Vault, at part: String) {
            self.vault = Mutex(vault)
            self.part = part
        }

        /// What it was told; empty when it could.
        var codes: [VaultError.Code] { found.withLock { $0 } }
        var hasRun: Bool { vault.withLock { $0 == nil } }

        func watch(_ path: String, _ moment: WatchedDisk.Moment) {
            guard path.contains(part), case .write = moment else { return }
            let vault = vault.withLock { vault in
                defer { vault = nil }
                return vault
            }
            guard let vault else { return }
            do throws(VaultError) {
                guard let id = try vault.manifests.ids().last else { return }
                try vault.delete(id)
            } catch {
                found.withLock { $0.append(error.code) }
            }
        }
    }

    /// Goal: a deletion that meets the making of parity leaves no parity alone, by which a repair would bring the point back.
    @Test(arguments: ["backup", "prune", "repair"])
    func `a point that is deleted while its parity is made stays deleted`(work: String) throws {
        let world = try VaultWorld(disk: SimulatedDisk(recording: false))
        if work == "backup" { try world.vault.setParity(ParityTests.policy) }
        if work != "backup" {
            try VaultWorld.backUp(["a": [1, 2, 3]], to: world.vault)
            try world.vault.setParity(ParityTests.policy)
            let folder = Self.directory + "/parity"
            for name in try world.disk.list(folder) where name.hasPrefix("rp-") {
                try world.disk.remove(folder + "/" + name)
            }
        }
        let deleter = Deleter(try world.reopened(), at: "/parity/rp-")
        let disk = WatchedDisk(world.disk) { deleter.watch($0, $1) }
        let vault = try VaultWorld.open(disk, root: world.root)
        switch work {
        case "backup": try VaultWorld.backUp(["a": [1, 2, 3]], to: vault)
        case "prune": _ = try vault.prune()
        default: _ = try vault.repair(.structure)
        }
        #expect(deleter.hasRun && deleter.codes == [.locked])
        try Self.expectDeletable(world)
    }

    @Test func `a point that is deleted while it is healed stays deleted`() throws {
        let world = try VaultWorld(disk: SimulatedDisk(recording: false))
        try world.vault.setParity(ParityTests.policy)
        let point = try VaultWorld.backUp(["a": [1, 2, 3]], to: world.vault)
        let path = Self.directory + "/manifests/\(point.id).manifest"
        try world.disk.corrupt(path, at: 100, mask: 1)
        let deleter = Deleter(try world.reopened(), at: "/manifests/rp-")
        let disk = WatchedDisk(world.disk) { deleter.watch($0, $1) }
        let report = try VaultWorld.open(disk, root: world.root).repair(.structure)
        #expect(report.verified.isClean)
        #expect(deleter.hasRun && deleter.codes == [.locked])
        try Self.expectDeletable(world)
    }

    private static func expectDeletable(_ world: VaultWorld) throws {
        let vault = try world.reopened()
        for point in try vault.recoveryPoints() { try vault.delete(point.id) }
        #expect(try vault.listing().damaged.isEmpty)
        #expect(try vault.repair(.everything).verified.isClean)
        #expect(try vault.recoveryPoints().isEmpty)
        _ = try vault.prune()
        #expect(try world.disk.list(directory + "/parity") == ["policy"])
    }

    // MARK: What a verify reads

    @Test func `a verify of structure reads tables of parity, not blocks`() throws {
        let world = try ParityTests.sample(seed: 237, files: 120).world
        let (pack, _) = try Self.largePack(world)
        let parity = Self.parity(of: pack)
        let disk = ProbedDisk(world.disk)
        let vault = try VaultWorld.open(disk, root: world.root)
        #expect(try vault.verify(.structure).isClean)
        let structure = disk.bytesRead(of: DiskPath.name(of: parity))
        #expect(try vault.verify(.everything).isClean)
        let all = disk.bytesRead(of: DiskPath.name(of: parity)) - structure
        print("of \(all) bytes of parity a verify of structure reads \(structure)")
        #expect(structure > 0 && structure * 10 < all)
        let size = try world.disk.contents(of: parity).count
        try world.disk.corrupt(parity, at: UInt64(size / 2), mask: 1)
        #expect(try vault.verify(.structure).isClean)
        #expect(try vault.verify(.everything).findings.map(\.subject) == [.parity])
        for place in [10, 200, size - 1] {
            try world.disk.corrupt(parity, at: UInt64(place), mask: 1)
            #expect(try vault.verify(.structure).findings.map(\.subject) == [.parity])
            try world.disk.corrupt(parity, at: UInt64(place), mask: 1)
        }
        let cut = try world.disk.contents(of: parity).dropLast(4_096)
        try world.disk.replace(parity, with: Array(cut))
        #expect(try vault.verify(.structure).findings.map(\.subject) == [.parity])
    }
}
