import Disk
import SegmentStore
import Synchronization
import TestKit
import Testing
import VarveModel

/// Space: reserved, given back, run out of.
@Suite struct SpaceTests {
    @Test func `a segment emptied whole is written over by the next, and others are deleted`()
        throws
    {
        let world = try World { $0.sparesMax = 1 }
        var addresses: [RecordAddress] = []
        for number in 1...40 {
            addresses.append(
                try world.store.append(draft(UInt64(number)), [UInt8](repeating: 1, count: 30_000))
            )
        }
        try world.store.syncDirty()
        let segments = Set(addresses.map(\.segment)).sorted()
        #expect(segments.count > 3)
        let result = try world.store.reclaim(addresses)
        #expect(result.segmentsRemoved == Array(segments.dropLast()))
        let names = try world.disk.list(World.directory + "/standard")
        #expect(names.count { $0.hasSuffix(".spare") } == 1)
        #expect(names.count { $0.hasSuffix(".seg") } == 1)
        // The open one goes when it is closed.
        world.store.finishSegment(.standard)
        try world.store.syncDirty()
        #expect(try world.store.reclaim([]).segmentsRemoved == [segments.last])
        _ = try world.store.append(draft(99), [1])
        let after = try world.disk.list(World.directory + "/standard")
        #expect(after.count { $0.hasSuffix(".spare") } == 0)
        #expect(after.count == 1)
    }

    @Test func `holes of 64 KiB are punched, across the markers between the records`() throws {
        let world = try World()
        var addresses: [RecordAddress] = []
        for number in 1...40 {
            addresses.append(
                try world.store.append(draft(UInt64(number)), [UInt8](repeating: 1, count: 4096))
            )
            try world.store.syncDirty()
        }
        let before = try #require(try world.disk.status(of: World.path(addresses[0].segment)))
        let result = try world.store.reclaim(Array(addresses[0..<30]))
        #expect(result.bytesPunched >= 120_000)
        let after = try #require(try world.disk.status(of: World.path(addresses[0].segment)))
        #expect(before.allocated - after.allocated == result.bytesPunched)
        for number in 31...40 {
            let found = try world.store.bytes(
                addresses[number - 1],
                draft(UInt64(number)),
                0..<4096
            )
            #expect(found == [UInt8](repeating: 1, count: 4096))
        }
        // A punched segment is never a spare.
        world.store.finishSegment(.standard)
        try world.store.syncDirty()
        try world.store.reclaim(Array(addresses[30...]))
        #expect(try world.disk.list(World.directory + "/standard") == [])
    }

    @Test func `a hole that the disk has no room for is punched another time`() throws {
        let world = try World()
        var addresses: [RecordAddress] = []
        for number in 1...60 {
            addresses.append(
                try world.store.append(draft(UInt64(number)), [UInt8](repeating: 1, count: 4096))
            )
        }
        try world.store.syncDirty()
        let before = try #require(try world.disk.status(of: World.path(addresses[0].segment)))
        world.disk.fail(after: 1, with: .noSpace) { kind, _ in kind == .punch }
        // Two holes, with a record that lives between them.
        let freed = Array(addresses[0..<25] + addresses[26..<51])
        #expect(throws: SegmentError.self) { try world.store.reclaim(freed) }
        let between = try #require(try world.disk.status(of: World.path(addresses[0].segment)))
        #expect(between.allocated < before.allocated, "the first hole is there")
        let result = try world.store.squeeze()
        #expect(result.bytesPunched > 0)
        let after = try #require(try world.disk.status(of: World.path(addresses[0].segment)))
        #expect(between.allocated - after.allocated == result.bytesPunched)
        #expect(before.allocated - after.allocated >= 200_000)
        #expect(try world.store.squeeze().bytesPunched == 0)
    }

    @Test func `the segment with most waste is worth compacting, a full one is not`() throws {
        let world = try World()
        var addresses: [RecordAddress] = []
        for number in 1...120 {
            addresses.append(
                try world.store.append(draft(UInt64(number)), [UInt8](repeating: 1, count: 9_000))
            )
        }
        world.store.finishSegment(.standard)
        try world.store.syncDirty()
        let segments = Set(addresses.map(\.segment)).sorted()
        #expect(segments.count > 3)
        #expect(try world.store.worstSegment() == nil, "nothing has died")
        // Of the second segment two of three records die, of the third every second one.
        let second = addresses.filter { $0.segment == segments[1] }
        let third = addresses.filter { $0.segment == segments[2] }
        try world.store.reclaim(
            second.enumerated().filter { !$0.offset.isMultiple(of: 3) }.map(\.element)
                + third.enumerated().filter { $0.offset.isMultiple(of: 2) }.map(\.element)
        )
        #expect(try world.store.worstSegment(liveMax: 10) == nil, "no room for any survivor")
        #expect(try world.store.worstSegment() == segments[1])
        let listed = try world.store.records(in: segments[1])
        #expect(listed.map(\.address) == second)
        let live = try #require(listed.first)
        let copy = try world.store.copyRecord(
            live.address,
            expecting: live.identity,
            to: .standard,
            isSurvivor: true
        )
        let new = try world.store.append(draft(500), [7])
        #expect(copy.segment != new.segment, "survivors and new records stay apart")
        #expect(world.store.finishSurvivors())
        #expect(!world.store.finishSurvivors())
    }

    @Test func `on a full disk spares and holes of a page go too`() throws {
        let world = try World { $0.sparesMax = 1 }
        var addresses: [RecordAddress] = []
        for number in 1...60 {
            addresses.append(
                try world.store.append(draft(UInt64(number)), [UInt8](repeating: 1, count: 9_000))
            )
        }
        try world.store.syncDirty()
        let segments = Set(addresses.map(\.segment)).sorted()
        let (first, rest) = (
            addresses.filter { $0.segment == segments[0] },
            addresses.filter { $0.segment == segments[1] }
        )
        let holes = rest.enumerated().filter { $0.offset.isMultiple(of: 2) }.map(\.element)
        #expect(try world.store.reclaim(first + holes).bytesPunched == 0)
        let directory = World.directory + "/standard"
        #expect(try world.disk.list(directory).count { $0.hasSuffix(".spare") } == 1)
        let before = world.disk.used
        let squeezed = try world.store.squeeze()
        #expect(squeezed.bytesPunched >= UInt64(holes.count) * 4_096)
        #expect(try world.disk.list(directory).count { $0.hasSuffix(".spare") } == 0)
        #expect(before - world.disk.used >= squeezed.bytesPunched + 200_000)
        for (number, address) in zip(1..., addresses) where !(first + holes).contains(address) {
            let found = try world.store.bytes(address, draft(UInt64(number)), 0..<9_000)
            #expect(found == [UInt8](repeating: 1, count: 9_000))
        }
    }

    @Test func `a record freed twice is reported and counted once`() throws {
        let world = try World()
        let address = try world.store.append(draft(1), [1])
        _ = try world.store.append(draft(2), [2])
        #expect(try world.store.reclaim([address, address]).ignored == 1)
        #expect(world.store.usage(of: address.segment)?.deadBytes == 192)
        #expect(world.reports.all.contains { $0.contains("free already") })
    }

    @Test func `an old segment goes only after a sweep has named what lives`() throws {
        let world = try World()
        let plain = [UInt8](repeating: 1, count: 100_000)
        let a = try world.store.append(draft(1), plain)
        let b = try world.store.append(draft(2), plain)
        try world.store.syncDirty()
        // The rows of a crashed run may count too little: nothing is removed on their word.
        try world.reopen(known: [
            SegmentUsage(
                segment: a.segment,
                tier: .standard,
                state: .open,
                recordBytes: 0,
                deadBytes: 0
            )
        ])
        #expect(try world.store.reclaim([]).segmentsRemoved == [])
        let swept = try world.store.sweep(a.segment, live: [b])
        #expect(swept.bytesPunched > 64 << 10)
        #expect(try world.store.bytes(b, draft(2), 0..<100_000) == plain)
        #expect(world.store.usage(of: a.segment)?.recordBytes == b.footprint)
        #expect(try world.store.reclaim([b]).segmentsRemoved == [b.segment])
        #expect(SegmentStore.code { _ = try world.store.bytes(b, draft(2), 0..<1) } == .missing)
    }

    @Test func `a segment that no row knows is named and can be discarded`() throws {
        let world = try World()
        let address = try world.store.append(draft(1), [1])
        try world.store.syncDirty()
        try world.reopen(known: [])
        #expect(world.store.unknownSegments == [address.segment])
        try world.store.discard(address.segment)
        #expect(world.store.unknownSegments == [])
        #expect(try world.disk.list(World.directory + "/standard") == [])
        #expect(SegmentStore.code { try world.store.discard(address.segment) } == .invalid)
    }

    @Test func `a segment whose file is gone is named`() throws {
        let world = try World()
        let address = try world.store.append(draft(1), [1])
        try world.store.syncDirty()
        try world.disk.remove(World.path(address.segment))
        try world.reopen()
        #expect(world.store.missingSegments == [address.segment])
        #expect(
            SegmentStore.code { _ = try world.store.bytes(address, draft(1), 0..<1) } == .missing
        )
    }

    @Test
    func `a full disk refuses the append, keeps what is there and goes on when there is room`()
        throws
    {
        let world = try World()
        var written: [(RecordAddress, UInt64)] = []
        world.disk.setCapacity(600 << 10)
        var number: UInt64 = 0
        var code: SegmentError.Code?
        while code == nil, number < 200 {
            number += 1
            code = SegmentStore.code {
                let plain = [UInt8](repeating: UInt8(number), count: 10_000)
                written.append((try world.store.append(draft(number), plain), number))
            }
        }
        #expect(code == .noSpace)
        try world.store.syncDirty()
        for (address, number) in written {
            let found = try world.store.bytes(address, draft(number), 0..<10_000)
            #expect(found == [UInt8](repeating: UInt8(number), count: 10_000))
        }
        let directory = World.directory + "/standard"
        #expect(try world.disk.list(directory).count == Set(written.map(\.0.segment)).count)
        world.disk.setCapacity(1 << 30)
        _ = try world.store.append(draft(1000), [1, 2, 3])
        try world.store.syncDirty()
    }

    @Test func `a spare outlives a segment that could not begin`() throws {
        let world = try World { $0.segmentBytes = 8192 }
        let old = try world.store.append(draft(1), [UInt8](repeating: 1, count: 3000))
        world.store.finishSegment(.standard)
        try world.store.syncDirty()
        try world.store.reclaim([old])
        world.disk.fail(after: 0) { kind, _ in kind == .write }
        #expect(SegmentStore.code { _ = try world.store.append(draft(2), [2]) } == .failed)
        let directory = World.directory + "/standard"
        #expect(try world.disk.list(directory).count { $0.hasSuffix(".spare") } == 1)
        let new = try world.store.append(draft(3), [3])
        #expect(try world.disk.list(directory).count == 1)
        #expect(try world.store.bytes(new, draft(3), 0..<1) == [3])
    }

    @Test func `a failed sync stops appends until the store is opened anew, and reads go on`()
        throws
    {
        let world = try World()
        let address = try world.store.append(draft(1), [1, 2, 3])
        try world.store.syncDirty()
        _ = try world.store.append(draft(2), [4])
        world.disk.fail(after: 0) { kind, _ in kind == .sync }
        #expect(SegmentStore.code { try world.store.syncDirty() } == .suspect)
        #expect(SegmentStore.code { _ = try world.store.append(draft(3), [5]) } == .suspect)
        #expect(SegmentStore.code { try world.store.syncDirty() } == .suspect)
        #expect(try world.store.bytes(address, draft(1), 0..<3) == [1, 2, 3])
        try world.reopen()
        _ = try world.store.append(draft(4), [6])
        try world.store.syncDirty()
    }

    @Test func `a read error is an error, not bytes`() throws {
        let world = try World()
        let address = try world.store.append(draft(1), [1, 2, 3])
        world.disk.failReads(of: World.path(address.segment))
        #expect(
            SegmentStore.code { _ = try world.store.bytes(address, draft(1), 0..<3) } == .failed
        )
        world.disk.failReads(of: nil)
        #expect(try world.store.bytes(address, draft(1), 0..<3) == [1, 2, 3])
    }

    @Test func `a sync with nothing to do touches nothing`() throws {
        let world = try World()
        _ = try world.store.append(draft(1), [1])
        #expect(try world.store.syncDirty() == 1)
        let operations = world.disk.operations
        #expect(try world.store.syncDirty() == 0)
        #expect(world.disk.operations == operations)
    }

    /// Goal: space that is written before its use looks like reserved space to everybody else.
    @Test func `a segment that is synced often grows by space written before`() throws {
        let spy = SpyDisk(SimulatedDisk())
        let world = try World(door: spy) { $0.preallocationBytes = 32 << 10 }
        var addresses: [RecordAddress] = []
        for number in 1...60 {
            let plain = [UInt8](repeating: UInt8(number), count: 1500)
            addresses.append(try world.store.append(draft(UInt64(number)), plain))
            try world.store.syncDirty()
        }
        #expect(
            spy.writes.contains { $0.bytes.count == 32 << 10 && $0.bytes.allSatisfy { $0 == 0 } }
        )
        for (number, address) in zip(1..., addresses) {
            let found = try world.store.bytes(address, draft(UInt64(number)), 0..<1500)
            #expect(found == [UInt8](repeating: UInt8(number), count: 1500))
        }
        let scan = try world.store.scan(addresses[0].segment)
        #expect(scan.records.map(\.address) == addresses)
        #expect(scan.foreign.isEmpty)
        #expect(scan.lastMarker?.records == 60)
    }

    @Test func `a tier may stand in a directory of its own`() throws {
        let disk = SimulatedDisk()
        let world = try World(disk: disk) { configuration in
            configuration = Self.moved(configuration)
        }
        let address = try world.store.append(draft(1), [1, 2, 3], tier: .archive)
        try world.store.close()
        #expect(try disk.list("/elsewhere/cold").count == 1)
        try world.reopen()
        #expect(try world.store.bytes(address, draft(1), 0..<3) == [1, 2, 3])
    }

    static func moved(_ old: SegmentStoreConfiguration) -> SegmentStoreConfiguration {
        SegmentStoreConfiguration(
            disk: old.disk,
            zones: [
                SegmentZone(
                    name: "a",
                    directory: World.directory,
                    tierDirectories: [.archive: "/elsewhere/cold"]
                )
            ],
            key: old.key,
            family: old.family
        )
    }

    @Test func `two zones hold the same bytes, and the second serves when the first is damaged`()
        throws
    {
        let world = try World { configuration in
            configuration = SegmentStoreConfiguration(
                disk: configuration.disk,
                zones: ["a", "b"].map { SegmentZone(name: $0, directory: "/zones/\($0)/fs-1") },
                key: configuration.key,
                family: configuration.family
            )
        }
        let plain = [UInt8](repeating: 8, count: 100_000)
        let address = try world.store.append(draft(1), plain)
        try world.store.syncDirty()
        let name = "/standard/" + DiskPath.name(of: World.path(address.segment))
        let first = try world.disk.contents(of: "/zones/a/fs-1" + name)
        #expect(try world.disk.contents(of: "/zones/b/fs-1" + name) == first)
        try world.disk.corrupt("/zones/a/fs-1" + name, at: address.offset + 5000, mask: 1)
        #expect(try world.store.bytes(address, draft(1), 0..<100_000) == plain)
        // A forged header in front of good blocks is no better: it is not remembered.
        let path = "/zones/a/fs-1" + name
        var forged = try world.disk.contents(of: path)
        forged[Int(address.offset) + 104] ^= 1
        DamageTests.setChecksum(&forged, Int(address.offset))
        try world.disk.open(path, .readWrite).write(forged, at: 0)
        try world.reopen()
        #expect(try world.store.bytes(address, draft(1), 0..<100_000) == plain)
        #expect(try world.store.bytes(address, draft(1), 50_000..<50_001) == [8])
        try world.disk.corrupt("/zones/b/fs-1" + name, at: address.offset + 5000, mask: 1)
        #expect(
            SegmentStore.code { _ = try world.store.bytes(address, draft(1), 0..<9) } == .corrupt
        )
    }

    @Test func `the reserve gives its space back and takes it again`() throws {
        let disk = SimulatedDisk(capacity: 1 << 20)
        try disk.makeDirectory("/r")
        let reserve = ReserveFile(disk: disk, path: "/r/reserve", bytes: 600 << 10)
        try reserve.ensure()
        #expect(reserve.isHeld)
        #expect(try disk.space(at: "/r").available < 500 << 10)
        try reserve.release()
        #expect(try disk.space(at: "/r").available > 900 << 10)
        let file = try disk.open("/r/other", .create)
        try file.preallocate(0..<(700 << 10))
        #expect(throws: DiskError.self) { try reserve.ensure() }
        #expect(!reserve.isHeld)
    }
}
