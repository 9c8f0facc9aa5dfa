import Disk
import Keyring
import Synchronization
import TestKit
import Testing
import VarveModel

@testable import SegmentStore

/// What does not verify in one zone is read from another, and put right there (I5, I7).
@Suite struct ZoneDamageTests {
    struct Sample {
        let mirror: MirroredDisk
        let world: World
        var records: [(address: RecordAddress, draft: RecordDraft, bytes: [UInt8])] = []
        var segment: SegmentID { records[0].address.segment }
        var path: String { World.path(segment, .infrequentAccess) }

        /// Ranges of the file that mean something.
        func covered(_ size: UInt64) throws -> [Range<UInt64>] {
            let trailer = try #require(
                try SegmentScanner.trailer(
                    try mirror.disks[0].open(path, .read).everyCopy(zone: "a")[0],
                    segment,
                    size: size
                )
            )
            let table = trailer.tableOffset..<trailer.tableOffset + trailer.tableLength
            let data = records.map { $0.address.offset..<$0.address.offset + $0.address.length }
            return [0..<4096, table, size - 64..<size] + data
        }
    }

    /// One closed segment in three zones, with compressed and plain blocks, markers and a table.
    static func sample() throws -> Sample {
        var random = SeededGenerator(seed: 5)
        let mirror = MirroredDisk()
        var sample = Sample(
            mirror: mirror,
            world: try World(disk: mirror.disks[0], door: mirror)
        )
        for (number, size) in [1, 700, 3000, 70_000].enumerated() {
            let draft = draft(UInt64(number + 1))
            let bytes =
                number.isMultiple(of: 2)
                ? Samples.mixed(size, &random)
                : [UInt8](repeating: 3, count: size)
            let address = try sample.world.store.append(draft, bytes, tier: .infrequentAccess)
            sample.records.append((address, draft, bytes))
            if number > 1 { try sample.world.store.syncDirty() }
        }
        try sample.world.store.close()
        return sample
    }

    static func expectAllRead(_ sample: Sample, _ what: String) throws {
        for record in sample.records {
            let range = 0..<record.bytes.count
            let found = try sample.world.store.bytes(record.address, record.draft, range)
            #expect(found == record.bytes, "\(what)")
        }
    }

    static func scrub(_ sample: Sample) throws -> ScrubbedCopies {
        var all = try sample.world.store.scrubOwnRecords(of: sample.segment)
        for record in sample.records {
            let found = try sample.world.store.scrub(
                record.address,
                expecting: record.draft.identity
            )
            all.healed += found.healed
            all.lost += found.lost
            all.bytesRead += found.bytesRead
        }
        return all
    }

    /// Goal: whatever byte is flipped in one zone, all is read, and put right there and nowhere else.
    @Test func `every byte flipped in one zone is read from another and put right`() throws {
        let sample = try Self.sample()
        let whole = try sample.mirror.disks[0].contents(of: sample.path)
        let covered = try sample.covered(UInt64(whole.count))
        let stride = TestSizes.current.powerCutStride == 1 ? 1 : 41
        var healed = 0
        for offset in Swift.stride(from: UInt64(0), to: UInt64(whole.count), by: stride) {
            let zone = Int(offset) % 3
            let what = "byte \(offset) flipped in zone \(zone)"
            try sample.mirror.corrupt(sample.path, at: offset, in: [zone])
            try sample.world.reopen()
            let listed = try sample.world.store.records(in: sample.segment).map(\.address)
            #expect(Set(listed).isSuperset(of: sample.records.map(\.address)), "\(what)")
            try Self.expectAllRead(sample, what)
            let found = try Self.scrub(sample)
            #expect(found.lost.isEmpty, "\(what): \(found.lost)")
            let isCovered = covered.contains { $0.contains(offset) }
            for (number, disk) in sample.mirror.disks.enumerated() {
                let stored = try disk.contents(of: sample.path)
                if isCovered || number != zone {
                    #expect(stored == whole, "\(what), looked at in zone \(number)")
                } else {
                    try disk.corrupt(sample.path, at: offset, mask: 0x10)
                }
            }
            if isCovered { healed += 1 }
            #expect((sample.world.store.counters.mends > 0) == isCovered, "\(what)")
        }
        print("healed \(healed) places")
        #expect(healed > 100)
        #expect(sample.world.reports.all.contains { $0.contains("zone 'b'): its record at ") })
    }

    @Test func `two of three zones flipped at the same place are read right and put right`() throws
    {
        let sample = try Self.sample()
        let whole = try sample.mirror.disks[0].contents(of: sample.path)
        for zones in [[0, 1], [0, 2], [1, 2]] {
            for offset in try sample.covered(UInt64(whole.count)).map({ $0.lowerBound + 20 }) {
                try sample.mirror.corrupt(sample.path, at: offset, in: zones)
            }
            try sample.world.reopen()
            try Self.expectAllRead(sample, "zones \(zones)")
            let found = try Self.scrub(sample)
            #expect(found.lost.isEmpty)
            for disk in sample.mirror.disks {
                #expect(try disk.contents(of: sample.path) == whole, "zones \(zones)")
            }
        }
    }

    @Test func `three zones damaged in different blocks give the whole together`() throws {
        let mirror = MirroredDisk()
        let world = try World(disk: mirror.disks[0], door: mirror)
        let bytes = SeededBytes.of(60_000, seed: 8)
        let address = try world.store.append(draft(1), bytes)
        try world.store.close()
        let path = World.path(address.segment)
        let whole = try mirror.disks[0].contents(of: path)
        for zone in 0..<3 {
            let offset = address.offset + 1_000 + UInt64(zone) * 16_400
            try mirror.corrupt(path, at: offset, in: [zone])
        }
        try world.reopen()
        #expect(try world.store.bytes(address, draft(1), 0..<bytes.count) == bytes)
        for disk in mirror.disks { #expect(try disk.contents(of: path) == whole) }
        #expect(world.store.counters.mends == 3)
    }

    @Test func `a block flipped in all zones is refused and named, and the others are read`() throws
    {
        let mirror = MirroredDisk()
        let world = try World(disk: mirror.disks[0], door: mirror)
        let bytes = SeededBytes.of(60_000, seed: 9)
        let address = try world.store.append(draft(1), bytes)
        try world.store.close()
        let path = World.path(address.segment)
        // Block 1 everywhere, at different bytes; block 2 in one zone.
        for zone in 0..<3 {
            try mirror.corrupt(path, at: address.offset + 20_000 + UInt64(zone), in: [zone])
        }
        try mirror.corrupt(path, at: address.offset + 40_000, in: [0])
        try world.reopen()
        let failure = #expect(throws: SegmentError.self) {
            _ = try world.store.bytes(address, draft(1), 0..<bytes.count)
        }
        #expect(failure?.code == .corrupt)
        for zone in ["a", "b", "c"] {
            let words = "in zone '\(zone)' it fails the tag of its block 1"
            #expect(failure?.message.contains(words) == true, "\(failure?.message ?? "")")
        }
        #expect(try world.store.bytes(address, draft(1), 0..<16_384) == Array(bytes[0..<16_384]))
        let rest = 32_768..<bytes.count
        #expect(try world.store.bytes(address, draft(1), rest) == Array(bytes[rest]))
        let found = try world.store.scrub(address, expecting: draft(1).identity)
        #expect(found.lost.map(\.plainRanges) == [[16_384..<32_768]])
        #expect(found.lost.first?.zones == ["a", "b", "c"])
        // What verified somewhere is right everywhere.
        let stored = try mirror.disks.map { try $0.contents(of: path) }
        let third = Int(address.offset) + 152 + 2 * 16_400..<Int(address.offset) + 152 + 3 * 16_400
        #expect(stored[0][third] == stored[1][third])
    }

    @Test func `a record that was given back is not put back`() throws {
        let mirror = MirroredDisk()
        let world = try World(disk: mirror.disks[0], door: mirror)
        let dead = try world.store.append(draft(1), SeededBytes.of(100_000, seed: 1))
        let live = try world.store.append(draft(2), SeededBytes.of(100_000, seed: 2))
        try world.store.close()
        let path = World.path(dead.segment)
        let before = try mirror.disks[2].contents(of: path)
        try world.reopen()
        _ = try world.store.sweep(dead.segment, live: [live])
        let punched = try mirror.disks[0].contents(of: path)
        #expect(punched != before)
        // As if one zone had not been told.
        let file = try mirror.disks[2].open(path, .readWrite)
        try file.write(before, at: 0)
        let code = SegmentStore.code { _ = try world.store.bytes(dead, draft(1), 0..<100_000) }
        // Its reader may have it from there, for it verifies; but nothing is written.
        #expect(code == nil)
        _ = try world.store.scrubOwnRecords(of: dead.segment)
        #expect(try mirror.disks[0].contents(of: path) == punched)
        #expect(try mirror.disks[1].contents(of: path) == punched)
        #expect(world.store.counters.mends == 0)
    }

    @Test func `a segment that another has written over is not put back`() throws {
        let mirror = MirroredDisk()
        let world = try World(disk: mirror.disks[0], door: mirror) { $0.segmentBytes = 8192 }
        let old = try world.store.append(draft(1), [UInt8](repeating: 1, count: 3000))
        try world.store.syncDirty()
        world.store.finishSegment(.standard)
        try world.store.syncDirty()
        let file = try world.store.file(old.segment)
        let reading = RecordReading(
            store: world.store,
            file: file,
            replica: file.replicas[0],
            address: old,
            identity: draft(1).identity
        )
        try mirror.corrupt(World.path(old.segment), at: old.offset + 500, in: [0])
        let record = world.store.assemble(reading)
        #expect(record.isWhole && record.parts[0].problem != nil)
        // Between the reading and the putting right it is freed, and its file begun anew.
        _ = try world.store.reclaim([old])
        let new = try world.store.append(draft(2), [UInt8](repeating: 2, count: 3000))
        try world.store.syncDirty()
        let path = World.path(new.segment)
        let stored = try mirror.disks.map { try $0.contents(of: path) }
        #expect(world.store.mend(record, in: file).isEmpty)
        #expect(try mirror.disks.map { try $0.contents(of: path) } == stored)
    }

    @Test func `the newest commit marker is found in whatever zone has it`() throws {
        let mirror = MirroredDisk()
        let world = try World(disk: mirror.disks[0], door: mirror)
        let first = try world.store.append(draft(1), [1])
        for frame in 1...3 {
            _ = try world.store.append(draft(UInt64(frame) + 1), [UInt8](repeating: 7, count: 900))
            try world.store.syncDirty(after: DurablePosition(generation: 1, frame: UInt64(frame)))
        }
        // Not closed: as a crash leaves it.
        let marker = try #require(
            world.store.state.withLock { $0.segments[first.segment]?.marker }
        )
        let path = World.path(first.segment)
        for zone in 0..<2 {
            try mirror.corrupt(path, at: marker.lowerBound + 150, in: [zone])
        }
        try world.reopen()
        #expect(
            world.store.lastDurablePosition() == DurablePosition(generation: 1, frame: 3)
        )
        let found = try world.store.scrubOwnRecords(of: first.segment)
        #expect(found.healed.map(\.zone) == ["a", "b"])
        #expect(found.lost.isEmpty)
    }

    @Test func `a scrub of one zone names what is lost and heals nothing`() throws {
        let world = try World()
        let bytes = SeededBytes.of(60_000, seed: 3)
        let address = try world.store.append(draft(1), bytes)
        try world.store.close()
        try world.reopen()
        var found = try world.store.scrub(address, expecting: draft(1).identity)
        #expect(found.lost.isEmpty && found.healed.isEmpty)
        #expect(found.bytesRead == address.length)
        let path = World.path(address.segment)
        try world.disk.corrupt(path, at: address.offset + 40_000, mask: 1)
        let stored = try world.disk.contents(of: path)
        found = try world.store.scrub(address, expecting: draft(1).identity)
        #expect(found.lost.map(\.plainRanges) == [[32_768..<49_152]])
        #expect(found.healed.isEmpty)
        #expect(try world.disk.contents(of: path) == stored)
    }
}

enum SeededBytes {
    static func of(_ count: Int, seed: UInt64) -> [UInt8] {
        var generator = SeededGenerator(seed: seed)
        return generator.bytes(count)
    }
}
