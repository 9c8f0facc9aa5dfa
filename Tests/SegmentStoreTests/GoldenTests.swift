import Disk
import Foundation
import Keyring
import SegmentStore
import TestKit
import Testing
import VarveModel

/// Segments of format 1 are read for ever.
///
/// `VARVE_WRITE_GOLDEN=1` writes the samples anew; that is only right for a new format number.
@Suite struct GoldenTests {
    static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("Fixtures")
    static let family = UniqueID(bytes: Array(0x10..<0x20))

    /// What the samples hold: number, tier, bytes.
    static let records: [(number: UInt64, tier: Tier, bytes: [UInt8])] = [
        (1, .standard, Array("a varve is one year's layer".utf8)),
        (2, .standard, (0..<70_000).map { UInt8(($0 * 7 + $0 / 251) & 0xFF) }),
        (3, .infrequentAccess, [UInt8](repeating: 0x5A, count: 150_000)),
        (4, .archive, (0..<5000).map { UInt8($0 / 50) }),
    ]

    static func fixture(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: fixtures.appendingPathComponent(name)))
    }

    @Test(.enabled(if: ProcessInfo.processInfo.environment["VARVE_WRITE_GOLDEN"] != nil))
    func `write the samples`() throws {
        let family = try #require(Self.family)
        let root = RootKey.random()
        let key = DataKey.random()
        let world = try World(key: key, family: family)
        var lines: [String] = []
        for record in Self.records {
            let address = try world.store.append(
                draft(record.number),
                record.bytes,
                tier: record.tier
            )
            try world.store.syncDirty(after: DurablePosition(generation: 3, frame: record.number))
            lines.append(
                "\(record.number) \(address.segment.rawValue) \(address.offset) \(address.length)"
            )
        }
        try world.store.close()
        try FileManager.default.createDirectory(
            at: Self.fixtures,
            withIntermediateDirectories: true
        )
        func save(_ bytes: [UInt8], _ name: String) throws {
            try Data(bytes).write(to: Self.fixtures.appendingPathComponent(name))
        }
        try save(root.encoded(), "format1.root-key")
        try save(key.wrapped(by: root, for: family), "format1.data-key")
        try save(Array((lines.joined(separator: "\n") + "\n").utf8), "format1.records")
        for usage in world.store.usage() {
            let bytes = try world.disk.contents(of: World.path(usage.segment, usage.tier))
            try save(bytes, "format1.\(usage.tier.folder).seg")
        }
    }

    @Test func `segments of format 1 read as on the day they were written`() throws {
        let family = try #require(Self.family)
        let root = try RootKey(encoded: Self.fixture("format1.root-key"))
        let key = try DataKey(wrapped: Self.fixture("format1.data-key"), by: root, for: family)
        let disk = SimulatedDisk()
        let lines = String(decoding: try Self.fixture("format1.records"), as: UTF8.self)
            .split(separator: "\n").map { $0.split(separator: " ").compactMap { UInt64($0) } }
        var known: [SegmentUsage] = []
        for (line, record) in zip(lines, Self.records) {
            let segment = SegmentID(rawValue: line[1])
            guard !known.contains(where: { $0.segment == segment }) else { continue }
            let path = World.path(segment, record.tier)
            try disk.makeDirectories(DiskPath.parent(of: path))
            let file = try disk.open(path, .createNew)
            try file.write(Self.fixture("format1.\(record.tier.folder).seg"), at: 0)
            known.append(
                SegmentUsage(
                    segment: segment,
                    tier: record.tier,
                    state: .closed,
                    recordBytes: 0,
                    deadBytes: 0
                )
            )
        }
        let world = try World(disk: disk, key: key, family: family, known: known)
        for (line, record) in zip(lines, Self.records) {
            let address = RecordAddress(
                segment: SegmentID(rawValue: line[1]),
                offset: line[2],
                length: line[3]
            )
            let found = try world.store.readRecord(
                address,
                expecting: draft(record.number).identity
            )
            #expect(found.bytes == record.bytes)
            #expect(found.header.draft == draft(record.number))
            let scan = try world.store.scan(address.segment)
            #expect(scan.hasTable)
            #expect(scan.records.contains { $0.address == address })
        }
        let position = world.store.lastDurablePosition()
        #expect(position == DurablePosition(generation: 3, frame: 4))
    }
}
