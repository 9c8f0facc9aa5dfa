import Disk
import TestKit
import Testing
import VarveModel

@testable import BackupVault

/// Goal: whatever byte of a vault changes, goes or is the last one left, reads give right bytes or a typed error, and
/// what does not read is named by key and point: no more, no less (I5, I7).
@Suite struct EveryByteTests {
    /// How a file is hurt at an offset.
    enum Harm: String, CaseIterable {
        case flipped, removed, truncated

        func applied(to bytes: [UInt8], at offset: Int, mask: UInt8) -> [UInt8] {
            switch self {
            case .flipped:
                var changed = bytes
                changed[offset] ^= mask
                return changed
            case .removed: return Array(bytes[..<offset] + bytes[(offset + 1)...])
            case .truncated: return Array(bytes[..<offset])
            }
        }
    }

    /// A vault of less than 64 KiB with maps of two levels, two points, and a generation that condemns a pack.
    static func sample(seed: UInt64) throws -> (oracle: DamageOracle, files: [String]) {
        var generator = SeededGenerator(seed: seed)
        let world = try VaultWorld(disk: SimulatedDisk(recording: false))
        let dropped = try VaultWorld.backUp(["gone": generator.bytes(300)], to: world.vault)
        var first: VaultWorld.Contents = [:]
        let shared = (0..<5).map { _ in generator.bytes(40) }
        for number in 0..<700 { first["entry \(1_000 + number)"] = shared[number % 5] }
        first["a"] = generator.bytes(900)
        let one = try VaultWorld.backUp(first, to: world.vault, day: 1)
        var second = first
        second["c"] = generator.bytes(700)
        second["entry 1699"] = nil
        let two = try VaultWorld.backUp(second, to: world.vault, after: (one, first), day: 2)
        try world.vault.delete(dropped.id)
        _ = try world.vault.prune()
        #expect((one.maps["names"]?.level ?? 0) > 0, "the maps have branches")
        let files = try world.files().filter { !$0.contains("/leases/") }
        let bytes = try files.reduce(0) { try $0 + world.disk.contents(of: $1).count }
        #expect(bytes < 64 << 10)
        return (DamageOracle(world: world, points: [(one, first), (two, second)]), files)
    }

    /// Whether a vault does not open without the file.
    static func isEntrance(_ name: String) -> Bool {
        ["vault.json", "key", "secret"].contains(name)
    }

    @Test(arguments: Harm.allCases)
    func `every byte that changes is detected, and what it costs is named`(harm: Harm) throws {
        var generator = SeededGenerator(seed: testSeed(default: 151))
        let (oracle, files) = try Self.sample(seed: 151)
        let disk = oracle.world.disk
        #expect(try oracle.examine("untouched").complaints.isEmpty)
        var partial = 0
        var tried = 0
        for file in files {
            let bytes = try disk.contents(of: file)
            let name = DiskPath.name(of: file)
            var offset = Int.random(in: 0..<TestSizes.current.vaultByteStride, using: &generator)
            while offset < bytes.count {
                let mask = UInt8.random(in: 1...255, using: &generator)
                let harmed = harm.applied(to: bytes, at: offset, mask: mask)
                let what = "\(name) \(harm.rawValue) at \(offset)"
                try disk.replace(file, with: harmed)
                let outcome = try oracle.examine(what)
                tried += 1
                // Of the one file that is text, white space says nothing.
                let isHarmless = name == "vault.json" && outcome.missing?.isEmpty == true
                #expect(!outcome.complaints.isEmpty || isHarmless, "\(what): not detected")
                let isNamed = outcome.complaints.contains {
                    // What a vault opens by is named by itself, or by what does not open with it.
                    $0.contains(name)
                        || Self.isEntrance(name) && ($0.contains("vault") || $0.contains("key"))
                }
                #expect(isNamed || isHarmless, "\(what): \(outcome.complaints)")
                if let missing = outcome.missing, !missing.isEmpty, missing.count < 1_000 {
                    partial += 1
                }
                offset += TestSizes.current.vaultByteStride
            }
            try disk.replace(file, with: bytes)
        }
        #expect(try oracle.examine("mended").complaints.isEmpty)
        print("\(tried) bytes \(harm.rawValue): \(partial) cost some keys and not all")
        #expect(partial > 0)
    }

    @Test func `every file that is lost is named, but what is harmless`() throws {
        let (oracle, files) = try Self.sample(seed: 152)
        for file in files {
            let bytes = try oracle.world.disk.contents(of: file)
            try oracle.world.disk.remove(file)
            let outcome = try oracle.examine("\(file) lost")
            // They are made again.
            let isQuiet = ["/index/", "/generations/", "/vouchers/", "/counts/"].contains {
                file.contains($0)
            }
            let needsPack = !file.contains("/packs/") || outcome.missing?.isEmpty == false
            #expect(outcome.complaints.isEmpty == (isQuiet || !needsPack), "\(file) lost")
            try oracle.world.disk.replace(file, with: bytes)
        }
        #expect(try oracle.examine("mended").complaints.isEmpty)
    }

    /// Goal: a medium that fails costs no more than the file that it fails in.
    @Test func `a file that the medium does not give is named, and all else reads`() throws {
        let (oracle, files) = try Self.sample(seed: 153)
        for file in files {
            oracle.world.disk.failReads(of: file)
            let outcome = try oracle.examine("\(file) unreadable")
            oracle.world.disk.clearFaults()
            let name = DiskPath.name(of: file)
            #expect(outcome.complaints.contains { $0.contains(name) }, "\(file): not named")
            #expect((outcome.missing == nil) == Self.isEntrance(name), "\(file): does not open")
        }
        #expect(try oracle.examine("mended").complaints.isEmpty)
    }

    /// Goal: a vault that is open notices that it will not open again.
    @Test(arguments: ["vault.json", "key", "secret"])
    func `an open vault misses what it was opened with`(name: String) throws {
        let world = try VaultWorld(disk: SimulatedDisk(recording: false))
        try VaultWorld.backUp(["a": [1, 2, 3]], to: world.vault)
        let path = VaultWorld.directory + "/" + name
        let bytes = try world.disk.contents(of: path)
        for vault in [world.vault, try world.reopened()] {
            try world.disk.corrupt(path, at: 20, mask: 1)
            #expect(try vault.verify(readData: false).findings.map(\.file) == [name])
            try world.disk.remove(path)
            #expect(try vault.verify(readData: false).findings.map(\.file) == [name])
            try world.disk.replace(path, with: bytes)
            #expect(try vault.verify(readData: false).isClean)
        }
    }

    /// Goal: where a pack's own list is damaged, the index that has it leads to its chunks.
    @Test func `a pack whose end is gone gives back what is before it`() throws {
        let (oracle, files) = try Self.sample(seed: 154)
        let world = oracle.world
        var saved = 0
        for file in files where file.contains("/packs/") {
            let bytes = try world.disk.contents(of: file)
            for cut in [1, 30, 200, bytes.count / 2] {
                try world.disk.replace(file, with: Array(bytes.dropLast(cut)))
                let outcome = try oracle.examine("\(file) without its last \(cut) bytes")
                #expect(!outcome.complaints.isEmpty)
                if cut <= 30 { #expect(outcome.missing?.isEmpty == true) }
                saved += (outcome.missing?.count ?? 0) < oracle.partCount ? 1 : 0
                // An index that is made again keeps what the damaged pack cannot tell any more.
                try world.reopened().rebuildIndex()
                let again = try oracle.examine("\(file), and the index made again")
                #expect(again.missing == outcome.missing)
            }
            try world.disk.replace(file, with: bytes)
            try world.reopened().rebuildIndex()
        }
        #expect(saved > 0)
        #expect(try oracle.examine("mended").complaints.isEmpty)
    }

    @Test func `a prune makes the index again where it is damaged or lost`() throws {
        let (oracle, files) = try Self.sample(seed: 155)
        let world = oracle.world
        let folder = VaultWorld.directory + "/index"
        for isLost in [true, false] {
            for name in try world.disk.list(folder) {
                if isLost {
                    try world.disk.remove(folder + "/" + name)
                } else {
                    try world.disk.corrupt(folder + "/" + name, at: 99, mask: 1)
                }
            }
            _ = try world.reopened().prune()
            #expect(try world.disk.list(folder).count == 1)
            #expect(try oracle.examine("pruned").complaints.isEmpty)
            let before = try world.disk.list(folder)
            _ = try world.reopened().prune()
            #expect(try world.disk.list(folder) == before, "a whole index is left alone")
        }
        #expect(files.contains { $0.contains("/index/") })
    }

    // MARK: Samples

    @Test func `a seed draws the same packs again, and samples reach every pack`() throws {
        let packs = Array(0..<40)
        let scope = VerifyScope.sample(fraction: 0.05, seed: 7)
        #expect(scope.chosen(of: packs) == scope.chosen(of: packs))
        #expect(scope.chosen(of: packs).count == 2)
        #expect(VerifyScope.sample(fraction: 0.001, seed: 1).chosen(of: packs).count == 1)
        #expect(VerifyScope.sample(fraction: 1, seed: 1).chosen(of: packs).count == 40)
        let reached = (0..<400 as Range<UInt64>).reduce(into: Set<Int>()) { reached, seed in
            reached.formUnion(VerifyScope.sample(fraction: 0.05, seed: seed).chosen(of: packs))
        }
        #expect(reached.count == 40)

        var generator = SeededGenerator(seed: testSeed(default: 156))
        let world = try VaultWorld()
        let contents = VaultWorld.contents(200, using: &generator)
        try VaultWorld.backUp(contents, to: world.vault)
        let report = try world.vault.verify(.sample(fraction: 0.3, seed: 3))
        #expect(report.packs > 4 && report.packsRead < report.packs && report.packsRead > 0)
        #expect(report.chunksRead > 0 && report.isClean)
    }

    @Test func `progress comes to the end of packs and points`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 157))
        let world = try VaultWorld()
        try VaultWorld.backUp(VaultWorld.contents(60, using: &generator), to: world.vault)
        let told = ToldProgress()
        let report = try world.vault.verify(.everything) { told.add($0) }
        let all = told.all
        #expect(all.filter { $0.phase == .packs }.map(\.done) == Array(1...report.packs))
        #expect(
            all.last == VerifyProgress(phase: .points, done: 1, total: 1, bytes: report.bytesRead)
        )
    }
}
