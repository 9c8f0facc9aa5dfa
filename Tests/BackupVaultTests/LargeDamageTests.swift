import Disk
import Synchronization
import TestKit
import Testing
import VarveModel

@testable import BackupVault

/// Goal: in a large vault, too, verify finds the chunks that were hit: all of them, and no others.
@Suite struct LargeDamageTests {
    /// A byte of a pack, and what it belongs to.
    struct Hit: Hashable {
        let pack: UniqueID
        let offset: UInt64
        /// `nil` for the pack's list and end.
        let chunk: ChunkID?
    }

    static func sample(seed: UInt64) throws -> DamageOracle {
        var generator = SeededGenerator(seed: seed)
        let settings = VaultSettings(
            packBytes: 2 << 20,
            compressionLevel: 1,
            chunks: ChunkSizes(minimum: 4 << 10, average: 16 << 10, maximum: 64 << 10)
        )
        let disk = SimulatedDisk(recording: false)
        let world = try VaultWorld(disk: disk, settings: settings)
        var contents: VaultWorld.Contents = [:]
        let files = TestSizes.current.vaultBytes / (48 << 10)
        for number in 0..<files { contents["file \(number)"] = generator.bytes(48 << 10) }
        let point = try VaultWorld.backUp(contents, to: world.vault)
        return DamageOracle(world: world, points: [(point, contents)])
    }

    /// Every boundary between structures behind the packs' headers, and seeded bytes.
    static func hits(in vault: Vault, using generator: inout SeededGenerator) throws -> [Hit] {
        var hits: [Hit] = []
        var sizes: [(pack: UniqueID, entries: [PackEntry], bytes: UInt64)] = []
        for pack in vault.knowledge.withLock({ $0.index.packs }) {
            let (_, entries) = try vault.readFooter(pack.id)
            sizes.append((pack.id, entries, pack.fileBytes))
            for entry in entries {
                let (start, end) = (UInt64(entry.offset), UInt64(entry.offset + entry.stored))
                hits.append(Hit(pack: pack.id, offset: start, chunk: entry.id))
                hits.append(Hit(pack: pack.id, offset: end - 1, chunk: entry.id))
            }
            let list = entries.last.map { UInt64($0.offset + $0.stored) } ?? 128
            for offset in [list, pack.fileBytes - 25, pack.fileBytes - 24, pack.fileBytes - 1] {
                hits.append(Hit(pack: pack.id, offset: offset, chunk: nil))
            }
        }
        for _ in 0..<TestSizes.current.vaultHits {
            let (pack, entries, bytes) = sizes[Int.random(in: 0..<sizes.count, using: &generator)]
            let offset = UInt64.random(in: 128..<bytes, using: &generator)
            let chunk = entries.last { UInt64($0.offset) <= offset }
            let isChunk = chunk.map { offset < UInt64($0.offset) + UInt64($0.stored) } ?? false
            hits.append(Hit(pack: pack, offset: offset, chunk: isChunk ? chunk?.id : nil))
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
            // Reading all of it besides takes a third of the time again: for one in ten.
            if first / batch % 10 == 0 { _ = try oracle.examine("batch \(first)") }
            for hit in some { try flip(hit, in: world) }
        }
        print("\(hits.count) bytes of \(TestSizes.current.vaultBytes) in batches of \(batch)")
        #expect(try oracle.examine("mended").complaints.isEmpty)
    }

    @Test func `a damaged header costs its pack, and what needs it is named`() throws {
        let oracle = try Self.sample(seed: 162)
        let packs = oracle.world.vault.knowledge.withLock { $0.index.packs }
        for (number, pack) in packs.enumerated() {
            let hit = Hit(pack: pack.id, offset: UInt64(number * 37 % 128), chunk: nil)
            try flip(hit, in: oracle.world)
            let outcome = try oracle.examine("header of \(pack.id)")
            #expect(outcome.missing?.isEmpty == false)
            try flip(hit, in: oracle.world)
        }
        #expect(packs.count > 1)
    }

    private func flip(_ hit: Hit, in world: VaultWorld) throws {
        let path = VaultWorld.directory + "/packs/" + PackFormat.fileName(hit.pack)
        try world.disk.corrupt(path, at: hit.offset, mask: 0x10)
    }
}

/// What a verify told on its way.
final class ToldProgress: Sendable {
    private let told = Mutex<[VerifyProgress]>([])

    func add(_ progress: VerifyProgress) { told.withLock { $0.append(progress) } }

    var all: [VerifyProgress] { told.withLock { $0 } }
}
