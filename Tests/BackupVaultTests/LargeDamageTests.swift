import Disk
import Synchronization
import TestKit
import Testing
import VarveModel

@testable import BackupVault

/// Goal: in a large vault of several points, too, verify finds what was hit: all of it, and nothing else; and every byte
/// that is read is right.
@Suite struct LargeDamageTests {
    /// A byte of a pack, and what it belongs to.
    struct Hit: Hashable {
        let pack: UniqueID
        let offset: UInt64
        let mask: UInt8
        /// `nil` for the pack's list and end.
        let chunk: ChunkID?

        /// One of several at one place would undo another.
        static func == (left: Hit, right: Hit) -> Bool {
            left.pack == right.pack && left.offset == right.offset
        }

        func hash(into hasher: inout Hasher) {
            hasher.combine(pack)
            hasher.combine(offset)
        }
    }

    static func sample(seed: UInt64, parity: Bool = false) throws -> DamageOracle {
        var generator = SeededGenerator(seed: seed)
        let settings = VaultSettings(
            packBytes: 2 << 20,
            compressionLevel: 1,
            chunks: ChunkSizes(minimum: 4 << 10, average: 16 << 10, maximum: 64 << 10)
        )
        let disk = SimulatedDisk(recording: false)
        let world = try VaultWorld(disk: disk, settings: settings)
        if parity { try world.vault.setParity(ParityTests.policy) }
        var contents: VaultWorld.Contents = [:]
        let files = TestSizes.current.vaultBytes / (56 << 10)
        for number in 0..<files { contents["file \(number)"] = generator.bytes(48 << 10) }
        var points: [(point: RecoveryPoint, contents: VaultWorld.Contents)] = []
        for day in 0..<4 as Range<Int64> {
            let point = try VaultWorld.backUp(
                contents,
                to: world.vault,
                after: points.last,
                day: day
            )
            points.append((point, contents))
            for _ in 0..<files / 24 {
                let number = Int.random(in: 0..<files, using: &generator)
                contents["file \(number)"] = generator.bytes(48 << 10)
            }
            contents["of day \(day)"] = generator.bytes(9 << 10)
        }
        // A generation that condemns, and an index of several files: one made by the prune, one behind it.
        let first = points.removeFirst()
        try world.vault.delete(first.point.id)
        let idle = try world.vault.beginWrite()
        _ = try world.vault.prune()
        idle.abandon()
        let last = try VaultWorld.backUp(contents, to: world.vault, after: points.last, day: 9)
        points.append((last, contents))
        return DamageOracle(world: world, points: points)
    }

    /// Every boundary between structures behind the packs' headers, and seeded bytes.
    static func hits(in vault: Vault, using generator: inout SeededGenerator) throws -> [Hit] {
        var hits: [Hit] = []
        func hit(_ pack: UniqueID, _ offset: UInt64, _ chunk: ChunkID?) {
            let mask = UInt8.random(in: 1...255, using: &generator)
            hits.append(Hit(pack: pack, offset: offset, mask: mask, chunk: chunk))
        }
        var sizes: [(pack: UniqueID, entries: [PackEntry], bytes: UInt64)] = []
        for pack in vault.knowledge.withLock({ $0.index.packs }) {
            let (_, entries) = try vault.readFooter(pack.id)
            sizes.append((pack.id, entries, pack.fileBytes))
            for entry in entries {
                let (start, end) = (UInt64(entry.offset), UInt64(entry.offset + entry.stored))
                hit(pack.id, start, entry.id)
                hit(pack.id, end - 1, entry.id)
            }
            let list = entries.last.map { UInt64($0.offset + $0.stored) } ?? 128
            for offset in [list, pack.fileBytes - 25, pack.fileBytes - 24, pack.fileBytes - 1] {
                hit(pack.id, offset, nil)
            }
        }
        for _ in 0..<TestSizes.current.vaultHits {
            let (pack, entries, bytes) = sizes[Int.random(in: 0..<sizes.count, using: &generator)]
            let offset = UInt64.random(in: 128..<bytes, using: &generator)
            let chunk = entries.last { UInt64($0.offset) <= offset }
            let isChunk = chunk.map { offset < UInt64($0.offset) + UInt64($0.stored) } ?? false
            hit(pack, offset, isChunk ? chunk?.id : nil)
        }
        return hits.shuffled(using: &generator)
    }

    @Test func `boundaries and seeded bytes of a large vault are found, and nothing else`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 161))
        let oracle = try Self.sample(seed: 161)
        let world = oracle.world
        let hits = try Self.hits(in: world.vault, using: &generator)
        let batch = max(50, hits.count / 60)
        for first in stride(from: 0, to: hits.count, by: batch) {
            let some = Set(hits[first..<min(hits.count, first + batch)])
            for hit in some { try flip(hit, in: world) }
            let report = try world.reopened().verify(readData: true)
            let chunks = Set(report.findings.compactMap(\.chunk))
            #expect(chunks == Set(some.compactMap(\.chunk)), "batch \(first)")
            let packs = Set(report.findings.filter { $0.subject == .pack }.map(\.file))
            let ends = some.filter { $0.chunk == nil }
            #expect(packs == Set(ends.map { "packs/" + PackFormat.fileName($0.pack) }))
            // All bytes of all points, each right or an error; and of each point as much is lost as is named.
            _ = try oracle.examine("batch \(first)")
            for hit in some { try flip(hit, in: world) }
        }
        print("\(hits.count) bytes of \(TestSizes.current.vaultBytes) in batches of \(batch)")
        #expect(try oracle.examine("mended").complaints.isEmpty)
    }

    // MARK: Structures

    /// Places of a file where one field ends and the next begins, its ends among them.
    static func boundaries(of path: String, in bytes: [UInt8]) -> [Int] {
        let name = DiskPath.name(of: path)
        let fields: [Int]
        if name == "vault.json" {
            // Where words, numbers and marks meet.
            fields = bytes.indices.filter { index in
                index > 0 && isWord(bytes[index]) != isWord(bytes[index - 1])
            }
        } else if name.hasSuffix(PackFormat.fileEnding) {
            // Magic, format, three features, vault, pack, salt, writer, generation, kind, zeros; list; its end.
            let end = bytes.count - PackFormat.trailerBytes
            var list = 0
            for byte in bytes[end..<(end + 8)].reversed() { list = list * 256 + Int(byte) }
            let header: [Int] = [8, 12, 16, 20, 24, 40, 56, 88, 104, 112, 113, 128]
            fields = header + [list, end, end + 8, end + 16]
        } else {
            // Magic, format, three features, vault, object, salt, length, body, tag.
            fields = [8, 12, 16, 20, 24, 40, 56, 88, 96, bytes.count / 2, bytes.count - 16]
        }
        var places: Set<Int> = [0, bytes.count - 1]
        for field in fields { places.formUnion([field - 1, field]) }
        return places.filter { bytes.indices.contains($0) }.sorted()
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "-") || Character(UnicodeScalar(byte)).isLetter
            || Character(UnicodeScalar(byte)).isNumber
    }

    @Test(arguments: [false, true])
    func `every boundary of a structure in a large vault is named, and costs what is named`(
        parity: Bool
    ) throws {
        var generator = SeededGenerator(seed: testSeed(default: 163))
        let oracle = try Self.sample(seed: 163, parity: parity)
        let disk = oracle.world.disk
        var kinds: [String: Int] = [:]
        for file in try oracle.world.files() where !file.contains("/leases/") {
            let bytes = try disk.contents(of: file)
            let name = DiskPath.name(of: file)
            let folder = DiskPath.name(of: DiskPath.parent(of: file))
            let harms = Self.boundaries(of: file, in: bytes).flatMap { offset in
                EveryByteTests.Harm.allCases.map { (offset, $0) }
            }
            // Every read of all takes its time: at CI's size some of them, of each file one at least.
            let stride = TestSizes.current.boundaryStride
            let start = Int.random(in: 0..<min(stride, harms.count), using: &generator)
            for number in Swift.stride(from: start, to: harms.count, by: stride) {
                let (offset, harm) = harms[number]
                let what = "\(file) \(harm.rawValue) at \(offset) of \(bytes.count)"
                let mask = UInt8.random(in: 1...255, using: &generator)
                try disk.replace(file, with: harm.applied(to: bytes, at: offset, mask: mask))
                let outcome = try oracle.examine(what)
                let isEntrance = EveryByteTests.isEntrance(name)
                let isNamed = outcome.complaints.contains {
                    $0.contains(name) || isEntrance && ($0.contains("vault") || $0.contains("key"))
                }
                let isHarmless = name == "vault.json" && outcome.missing?.isEmpty == true
                #expect(isNamed || isHarmless, "\(what): \(outcome.complaints.prefix(3))")
                kinds[isEntrance ? name : folder, default: 0] += 1
            }
            try disk.replace(file, with: bytes)
        }
        #expect(try oracle.examine("mended").complaints.isEmpty)
        print("boundaries, parity \(parity): \(kinds.sorted { $0.key < $1.key })")
        #expect(kinds.count >= (parity ? 8 : 7), "\(kinds)")
    }

    /// Goal: a damaged header that seems to be newer costs what no other pack has, as any other damage does.
    @Test func `a pack that seems to be newer costs what is named`() throws {
        let oracle = try Self.sample(seed: 165)
        let disk = oracle.world.disk
        let packs = try oracle.world.files().filter { $0.hasSuffix(PackFormat.fileEnding) }
        var spared = 0
        for pack in packs {
            let bytes = try disk.contents(of: pack)
            // The highest byte of the format's number.
            let harmed = EveryByteTests.Harm.flipped.applied(to: bytes, at: 11, mask: 1)
            try disk.replace(pack, with: harmed)
            let outcome = try oracle.examine("\(pack) seems newer")
            #expect(outcome.complaints.contains { $0.contains(DiskPath.name(of: pack)) })
            spared += outcome.missing?.isEmpty == true ? 1 : 0
            try disk.replace(pack, with: bytes)
        }
        #expect(spared > 0, "what a pack holds that a prune has copied is in another, too")
        #expect(try oracle.examine("mended").complaints.isEmpty)
    }

    /// Goal: a pack that is longer or shorter by a byte between two chunks, or ends there, costs what stands behind, and
    /// what stands before still reads.
    @Test func `packs that lose a byte or their rest between chunks cost what stands behind`()
        throws
    {
        var generator = SeededGenerator(seed: testSeed(default: 164))
        let oracle = try Self.sample(seed: 164)
        let world = oracle.world
        let packs = world.vault.knowledge.withLock { $0.index.packs.map(\.id) }
        let bytes = try packs.map { pack in
            try world.disk.contents(of: Self.path(pack))
        }
        let entries = try packs.map { try world.vault.readFooter($0).entries }
        let rounds = (entries.map(\.count).max() ?? 0) / TestSizes.current.boundaryStride + 1
        var partial = 0
        for harm in [EveryByteTests.Harm.removed, .truncated] {
            for round in 0..<rounds {
                // One pack a round in three is whole: what it holds must not be named.
                for (number, pack) in packs.enumerated() where (number + round) % 3 != 0 {
                    let own = entries[number]
                    let entry = own[(round * TestSizes.current.boundaryStride) % own.count]
                    let offset = Int(entry.offset) + (Bool.random(using: &generator) ? 0 : -1)
                    let harmed = harm.applied(to: bytes[number], at: offset, mask: 0)
                    try world.disk.replace(Self.path(pack), with: harmed)
                }
                let outcome = try oracle.examine("round \(round), \(harm.rawValue)")
                #expect(!outcome.complaints.isEmpty)
                let lost = outcome.missing?.count ?? 0
                if lost > 0, lost < oracle.partCount { partial += 1 }
                for (number, pack) in packs.enumerated() {
                    try world.disk.replace(Self.path(pack), with: bytes[number])
                }
            }
        }
        #expect(try oracle.examine("mended").complaints.isEmpty)
        print(
            "\(rounds) rounds, twice, over \(packs.count) packs: \(partial) cost some and not all"
        )
        #expect(packs.count > 1 && partial > 0)
    }

    private static func path(_ pack: UniqueID) -> String {
        VaultWorld.directory + "/packs/" + PackFormat.fileName(pack)
    }

    private func flip(_ hit: Hit, in world: VaultWorld) throws {
        try world.disk.corrupt(Self.path(hit.pack), at: hit.offset, mask: hit.mask)
    }
}

/// What a verify told on its way.
final class ToldProgress: Sendable {
    private let told = Mutex<[VerifyProgress]>([])

    func add(_ progress: VerifyProgress) { told.withLock { $0.append(progress) } }

    var all: [VerifyProgress] { told.withLock { $0 } }
}
