import Disk
import TestKit
import Testing
import VarveModel

@testable import BackupVault

/// Goal: as ``EveryByteTests``, in a vault that has all that a vault in a directory may have: parity, holds, a lock, a
/// point in cold storage, and settings of both.
///
/// Marks of voided points are names without bytes, and count only in buckets (BucketVaultTests).
@Suite struct FurnishedDamageTests {
    /// Of at most 64 KiB: three warm points, one of them held, one in cold storage, a generation that condemns a pack.
    static func sample(seed: UInt64, parity: Bool) throws -> (oracle: DamageOracle, files: [String])
    {
        var generator = SeededGenerator(seed: seed)
        let world = try VaultWorld(disk: SimulatedDisk(recording: false))
        let vault = world.vault
        if parity { try vault.setParity(ParityTests.policy) }
        let dropped = try VaultWorld.backUp(["gone": generator.bytes(300)], to: vault)
        var contents: VaultWorld.Contents = ["a": generator.bytes(900), "b": [], "c": [7]]
        for number in 0..<12 { contents["entry \(number)"] = generator.bytes(60) }
        var points: [(point: RecoveryPoint, contents: VaultWorld.Contents)] = []
        for day in 1...4 as ClosedRange<Int64> {
            let point = try VaultWorld.backUp(contents, to: vault, after: points.last, day: day)
            points.append((point, contents))
            contents["entry \(day)"] = generator.bytes(50)
            contents["new \(day)"] = generator.bytes(300)
        }
        let archive = generator.bytes(700)
        _ = try vault.setCold(.init(usesVaultKey: true))
        let cold = try ColdVaultTests.move(points[0].point.id, of: vault, as: archive)
        try vault.delete(dropped.id)
        _ = try vault.prune()
        let hold = PointHold(
            name: "case 17",
            reason: "counsel asked for it",
            placedBy: "uid 0",
            placed: VaultWorld.start
        )
        try vault.addHold(hold, to: points[1].point.id)
        _ = try vault.setLock(LockTests.request(7), now: VaultWorld.start)
        var oracle = DamageOracle(world: world, points: Array(points[1...]))
        oracle.cold = [(cold, archive)]
        oracle.holds = [points[1].point.id: [hold]]
        oracle.isLocked = true
        let files = try world.files().filter { !$0.contains("/leases/") }
        let bytes = try files.reduce(0) { try $0 + world.disk.contents(of: $1).count }
        #expect(bytes < 64 << 10, "\(bytes)")
        return (oracle, files)
    }

    /// The kinds of files that there are, by folder or name.
    private static func kinds(_ files: [String]) -> Set<String> {
        Set(
            files.map { file in
                let folder = DiskPath.name(of: DiskPath.parent(of: file))
                return folder == "nightly" ? DiskPath.name(of: file) : folder
            }
        )
    }

    struct Case: CustomTestStringConvertible {
        let harm: EveryByteTests.Harm
        let parity: Bool

        var testDescription: String { "\(harm) \(parity ? "with" : "without") parity" }
    }

    static let cases = EveryByteTests.Harm.allCases.flatMap { harm in
        [Case(harm: harm, parity: false), Case(harm: harm, parity: true)]
    }

    @Test(arguments: cases)
    func `in a vault with all that it may have, every byte that changes is named`(
        _ sample: Case
    ) throws {
        var generator = SeededGenerator(seed: testSeed(default: 181))
        let (oracle, files) = try Self.sample(seed: 181, parity: sample.parity)
        let disk = oracle.world.disk
        let kinds = Self.kinds(files)
        let furniture: Set = [
            "holds", "cold", "lock", "generations", "index", "manifests", "vouchers", "packs",
        ]
        #expect(furniture.isSubset(of: kinds), "\(kinds)")
        #expect(kinds.contains("parity") == sample.parity)
        #expect(try oracle.examine("untouched").complaints.isEmpty)
        var tried = 0
        for file in files {
            let bytes = try disk.contents(of: file)
            let name = DiskPath.name(of: file)
            var offset = Int.random(in: 0..<TestSizes.current.vaultByteStride, using: &generator)
            while offset < bytes.count {
                let mask = UInt8.random(in: 1...255, using: &generator)
                let what = "\(file) \(sample.harm.rawValue) at \(offset) of \(bytes.count)"
                try disk.replace(
                    file,
                    with: sample.harm.applied(to: bytes, at: offset, mask: mask)
                )
                let outcome = try oracle.examine(what)
                tried += 1
                let isHarmless = name == "vault.json" && outcome.missing?.isEmpty == true
                let isNamed = outcome.complaints.contains {
                    $0.contains(name)
                        || EveryByteTests.isEntrance(name)
                            && ($0.contains("vault") || $0.contains("key"))
                }
                #expect(isNamed || isHarmless, "\(what): \(outcome.complaints)")
                offset += TestSizes.current.vaultByteStride
            }
            try disk.replace(file, with: bytes)
        }
        #expect(try oracle.examine("mended").complaints.isEmpty)
        print("\(sample.testDescription): \(tried) places of \(files.count) files")
    }

    /// Goal: a file that goes whole is named, but what is made again (index, generation, voucher, counts, parity), and what
    /// without parity is the same as lifted (a hold).
    @Test(arguments: [false, true])
    func `every file that goes whole is named, or said to be quiet here`(parity: Bool) throws {
        let (sample, files) = try Self.sample(seed: 182, parity: parity)
        var oracle = sample
        let disk = oracle.world.disk
        let holds = oracle.holds
        for file in files {
            let bytes = try disk.contents(of: file)
            try disk.remove(file)
            let kind = try #require(Self.kinds([file]).first)
            oracle.holds = kind == "holds" && !parity ? [:] : holds
            let outcome = try oracle.examine("\(file) lost")
            // What parity is for every file is made again; that there is any is what its policy alone says.
            let isPolicy = file.hasSuffix("parity/policy")
            let made = ["index", "generations", "vouchers", "counts", "parity"]
            let isQuiet = made.contains(kind) && !isPolicy || !parity && kind == "holds"
            let isNeeded = kind != "packs" || parity || outcome.missing?.isEmpty == false
            #expect(
                outcome.complaints.isEmpty == (isQuiet || !isNeeded),
                "\(file) lost: \(outcome.complaints)"
            )
            try disk.replace(file, with: bytes)
        }
        oracle.holds = holds
        #expect(try oracle.examine("mended").complaints.isEmpty)
    }
}
