import Disk
import Synchronization
import TestKit
import Testing
import VarveModel

@testable import BackupVault

/// Goal: of every point that loses something a verify names parts, and says whether it names all.
@Suite struct AffectedPartsTests {
    /// Four points, in each of which 200 keys need the same chunk.
    static func sample() throws -> (world: VaultWorld, points: [RecoveryPoint], shared: ChunkID) {
        var generator = SeededGenerator(seed: testSeed(default: 221))
        let world = try VaultWorld(disk: SimulatedDisk(recording: false))
        let shared = generator.bytes(200)
        var contents: VaultWorld.Contents = [:]
        for number in 0..<200 { contents["entry \(1_000 + number)"] = shared }
        var points: [(point: RecoveryPoint, contents: VaultWorld.Contents)] = []
        for day in 0..<4 as Range<Int64> {
            contents["own"] = generator.bytes(100)
            let point = try VaultWorld.backUp(
                contents,
                to: world.vault,
                after: points.last,
                day: day
            )
            points.append((point, contents))
        }
        let map = try #require(points[0].point.maps["names"])
        let value = try #require(try world.vault.value(of: Array("entry 1000".utf8), in: map))
        return (world, points.map(\.point), try #require(value.chunks.first).id)
    }

    @Test func `no point goes unnamed for what the points before it have lost`() throws {
        let (world, points, shared) = try Self.sample()
        let place = try world.vault.placeForTests(of: shared)
        let path = VaultWorld.directory + "/" + place.file
        try world.disk.corrupt(path, at: UInt64(place.offset), mask: 1)
        for partsMax in [0, 80, 400] {
            let report = try world.reopened().verify(.everything, partsMax: partsMax)
            #expect(report.findings.map(\.chunk) == [shared])
            #expect(report.affectedPoints.map(\.point) == points.map(\.id))
            #expect(report.affectedPoints.allSatisfy { $0.count == 200 && $0.told > 0 })
            #expect(report.affectedPoints.allSatisfy { !$0.isComplete })
            let affected = report.findings[0].affected
            #expect(affected.count <= max(partsMax, 16 * points.count))
            #expect(Set(affected.map(\.point)) == Set(points.map(\.id)))
            #expect(report.findings[0].affectedCount == 800)
        }
        let all = try world.reopened().verify(.everything)
        #expect(all.affectedPoints.allSatisfy { $0.isComplete })
        #expect(all.findings[0].affected.count == 800)
    }

    @Test func `one chunk that all needs leaves room for others`() throws {
        let (world, points, shared) = try Self.sample()
        var lost = [shared]
        for point in points {
            let map = try #require(point.maps["names"])
            let value = try world.vault.value(of: Array("own".utf8), in: map)
            lost.append(try #require(value?.chunks.first).id)
        }
        for id in lost {
            let place = try world.vault.placeForTests(of: id)
            let path = VaultWorld.directory + "/" + place.file
            try world.disk.corrupt(path, at: UInt64(place.offset), mask: 1)
        }
        // "own" comes behind all that need the shared chunk.
        let report = try world.reopened().verify(.everything, partsMax: 64)
        #expect(Set(report.findings.compactMap(\.chunk)) == Set(lost))
        #expect(report.findings.allSatisfy { !$0.affected.isEmpty })
    }

    @Test func `lists of packs are what the packs say`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 222))
        let world = try VaultWorld()
        try VaultWorld.backUp(VaultWorld.contents(120, using: &generator), to: world.vault)
        let packs = world.vault.knowledge.withLock { $0.index.packIDs }
        #expect(packs.count > 3)
        let known = world.vault.knownEntries(of: packs.union([.random()]))
        #expect(Set(known.keys) == packs)
        for pack in packs {
            let listed = try world.vault.readFooter(pack).entries
            #expect(known[pack] == listed)
        }
    }
}
