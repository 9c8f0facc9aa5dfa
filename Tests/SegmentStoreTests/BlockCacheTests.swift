import Disk
import SegmentStore
import TestKit
import Testing
import VarveModel

/// Compressed blocks that are read in small pieces are decompressed once.
@Suite struct BlockCacheTests {
    private static func text(_ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: $0 / 7 ^ $0 / 1_000) }
    }

    /// How many blocks reads have opened.
    private static func opened(_ world: World, by reads: () throws -> Void) rethrows -> UInt64 {
        let before = world.store.counters.blocksOpened
        try reads()
        return UInt64(world.store.counters.blocksOpened - before)
    }

    @Test func `small reads of a cold record open each block once`() throws {
        let world = try World()
        let plain = Self.text(100_000)
        let cold = try world.store.append(draft(1), plain, tier: .infrequentAccess)
        let warm = try world.store.append(draft(2), plain)
        try world.store.syncDirty()
        func read(_ address: RecordAddress, _ number: UInt64) throws {
            for start in stride(from: 0, to: plain.count - 1_000, by: 1_000) {
                let range = start..<start + 1_000
                let found = try world.store.bytes(address, draft(number), range)
                #expect(found == Array(plain[range]))
            }
        }
        // Seven blocks, of which pieces lie across the borders; Standard's are never kept.
        #expect(try Self.opened(world) { try read(cold, 1) } == 7)
        #expect(try Self.opened(world) { try read(cold, 1) } == 0)
        #expect(try Self.opened(world) { try read(warm, 2) } > 90)
        world.store.forgetIdle()
        #expect(try Self.opened(world) { try read(cold, 1) } == 0)
        for _ in 0..<2 { world.store.forgetIdle() }
        #expect(try Self.opened(world) { try read(cold, 1) } == 7)
        #expect(try world.store.bytes(cold, draft(1), 0..<plain.count) == plain)
    }

    @Test func `a copy may rest between blocks that it compresses`() throws {
        let world = try World()
        let plain = Self.text(100_000)
        let warm = try world.store.append(draft(1), plain)
        try world.store.syncDirty()
        var rests = 0
        let copy = try world.store.countedCopy(
            of: warm,
            expecting: draft(1).identity,
            to: .infrequentAccess
        ) { rests += 1 }
        // Seven blocks.
        #expect(rests == 6)
        #expect(copy.plainBytes == plain.count)
        #expect(try world.store.bytes(copy.address, draft(1), 0..<plain.count) == plain)
    }

    @Test func `a block in memory is nobody else's, and goes with its segment`() throws {
        let world = try World()
        let plain = Self.text(20_000)
        let address = try world.store.append(draft(1), plain, tier: .infrequentAccess)
        try world.store.syncDirty()
        #expect(try world.store.bytes(address, draft(1), 10..<20) == Array(plain[10..<20]))
        let other = SegmentStore.code { _ = try world.store.bytes(address, draft(2), 10..<20) }
        #expect(other == .corrupt)
        world.store.finishSegment(.infrequentAccess)
        try world.store.syncDirty()
        #expect(try world.store.reclaim([address]).segmentsRemoved == [address.segment])
        let gone = SegmentStore.code { _ = try world.store.bytes(address, draft(1), 10..<20) }
        #expect(gone == .missing)
    }

    @Test func `memory is bounded`() throws {
        let world = try World { $0.blocksCachedBytesMax = 64 << 10 }
        let plain = Self.text(200_000)
        let address = try world.store.append(draft(1), plain, tier: .infrequentAccess)
        try world.store.syncDirty()
        let read: () throws -> Void = {
            for start in stride(from: 0, to: plain.count, by: 16_384) {
                _ = try world.store.bytes(address, draft(1), start..<start + 10)
            }
        }
        #expect(try Self.opened(world, by: read) == 13)
        // In turn each was let go of before it is asked for again.
        #expect(try Self.opened(world, by: read) == 13)
    }
}
