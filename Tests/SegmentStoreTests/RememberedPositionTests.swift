import Disk
import Keyring
import TestKit
import Testing
import VarveModel

@testable import SegmentStore

/// Goal: what the newest segments remember of metadata's log is found without a store, and cheaply.
@Suite struct RememberedPositionTests {
    private static func position(_ frame: UInt64) -> DurablePosition {
        DurablePosition(generation: 2, frame: frame)
    }

    private static func found(
        _ world: World,
        on disk: SimulatedDisk? = nil
    ) -> RememberedPosition {
        SegmentStore.rememberedPosition(
            SegmentStoreConfiguration(
                disk: disk ?? world.disk,
                zones: [SegmentZone(name: "a", directory: World.directory)],
                key: world.key,
                family: world.family
            )
        )
    }

    @Test func `no segment, no demand`() throws {
        let world = try World()
        #expect(Self.found(world).position == .none)
        #expect(Self.found(world, on: SimulatedDisk()).position == .none, "no directory either")
    }

    @Test func `an open segment's newest marker counts, and what was never synced does not`() throws
    {
        let world = try World()
        for frame in 1...5 as ClosedRange<UInt64> {
            _ = try world.store.append(draft(frame), [1, 2, 3])
            try world.store.syncDirty(after: Self.position(frame))
        }
        _ = try world.store.append(draft(9), [1, 2, 3])
        let disk = world.disk
        let cut = disk.image(cuttingAfter: disk.operations, fate: .dropUnsynced)
        #expect(Self.found(world, on: cut).position == Self.position(5))
    }

    @Test func `a clean end is remembered in the table, exactly`() throws {
        let world = try World()
        _ = try world.store.append(draft(1), [1, 2, 3])
        try world.store.syncDirty(after: Self.position(1))
        try world.store.close(after: Self.position(7))
        #expect(Self.found(world).position == Self.position(7))
    }

    @Test func `segments without a marker are stepped over`() throws {
        let world = try World { $0.segmentBytes = 64 << 10 }
        _ = try world.store.append(draft(1), [1, 2, 3])
        try world.store.syncDirty(after: Self.position(4))
        // Unstable writes fill five segments, and nobody syncs.
        for number in 2...6 as ClosedRange<UInt64> {
            world.store.finishSegment(.standard)
            _ = try world.store.append(draft(number), [UInt8](repeating: 1, count: 50_000))
        }
        #expect(Self.found(world, on: world.disk.restarted()).position == Self.position(4))
    }

    @Test func `the marker that was relied on outlives a sweep`() throws {
        let world = try World()
        let address = try world.store.append(draft(1), [1, 2, 3])
        for frame in 1...3 as ClosedRange<UInt64> {
            _ = try world.store.append(draft(frame + 1), [UInt8](repeating: 9, count: 70_000))
            try world.store.syncDirty(after: Self.position(frame))
        }
        let disk = world.disk.restarted()
        let again = try world.on(disk, known: world.store.usage())
        again.store.keep(Self.found(world, on: disk))
        try again.store.sweep(address.segment, live: [address])
        #expect(Self.found(world, on: disk).position == Self.position(3))
    }

    @Test func `a spare that is written over remembers nothing of its first life`() throws {
        let world = try World { $0.sparesMax = 1 }
        let body = [UInt8](repeating: 7, count: 200_000)
        let address = try world.store.append(draft(1), body)
        try world.store.syncDirty(after: Self.position(50))
        world.store.finishSegment(.standard)
        try world.store.syncDirty(after: Self.position(51))
        try world.store.reclaim([address])
        _ = try world.store.append(draft(2), [1])
        try world.store.syncDirty(after: Self.position(60))
        let disk = world.disk
        #expect(disk.history.contains { $0.kind == .rename })
        // The last sync never reached the medium: old records and markers lie under the new header.
        let cut = disk.image(
            cuttingAfter: disk.operations,
            fate: .dropUnsynced,
            skippingSync: disk.syncs.last?.number
        )
        #expect(Self.found(world, on: cut).position == .none)
    }

    @Test func `the search costs the same however many segments there are`() throws {
        var costs: [UInt64] = []
        for count in [8, 80] as [UInt64] {
            let world = try World { $0.segmentBytes = 64 << 10 }
            for number in 1...count {
                _ = try world.store.append(draft(number), [UInt8](repeating: 3, count: 30_000))
                try world.store.syncDirty(after: Self.position(number))
                world.store.finishSegment(.standard)
            }
            try world.store.close()
            let disk = world.disk.restarted()
            #expect(Self.found(world, on: disk).position == Self.position(count))
            costs.append(disk.bytesRead)
        }
        print("bytes read to find the position among 8 and 80 segments:", costs)
        #expect(costs[0] == costs[1])
    }
}
