import Disk
import Keyring
import SegmentStore
import TestKit
import Testing
import VarveModel

/// What goes in comes out, in every tier, size and shape; nothing else ever does.
@Suite struct RecordTests {
    static let sizes = [1, 2, 63, 511, 4096, 65_535, 65_536, 65_537, 200_000, 1 << 20, 4 << 20]

    @Test(arguments: Tier.allCases)
    func `a record reads back whole and in parts`(tier: Tier) throws {
        let world = try World()
        var random = SeededGenerator(seed: testSeed(default: 1))
        for (number, size) in Self.sizes.enumerated() {
            let draft = draft(UInt64(number + 1))
            let plain = Samples.mixed(size, &random)
            let address = try world.store.append(draft, plain, tier: tier)
            let whole = try world.store.readRecord(address, expecting: draft.identity)
            #expect(whole.bytes == plain)
            #expect(whole.header.draft == draft)
            #expect(whole.header.address == address)
            for _ in 0..<20 {
                let lower = Int.random(in: 0..<size, using: &random)
                let upper = Int.random(in: lower...min(size, lower + 70_000), using: &random)
                let part = try world.store.bytes(address, draft, lower..<upper)
                #expect(part == Array(plain[lower..<upper]))
            }
        }
    }

    @Test func `pieces are gathered in order, wherever they are cut`() throws {
        var random = SeededGenerator(seed: testSeed(default: 2))
        for tier in [Tier.standard, .archive] {
            let world = try World()
            for number in 1...20 {
                let plain = Samples.mixed(Int.random(in: 1...300_000, using: &random), &random)
                var cuts = [0, plain.count]
                for _ in 0..<Int.random(in: 0...6, using: &random) {
                    cuts.append(Int.random(in: 0...plain.count, using: &random))
                }
                cuts.sort()
                let address = try plain.withUnsafeBytes { bytes in
                    try world.store.append(
                        draft(UInt64(number)),
                        gathering: zip(cuts, cuts.dropFirst()).map {
                            UnsafeRawBufferPointer(rebasing: bytes[$0..<$1])
                        },
                        tier: tier
                    )
                }
                let found = try world.store.bytes(address, draft(UInt64(number)), 0..<plain.count)
                #expect(found == plain)
            }
        }
    }

    @Test func `colder tiers are smaller, and bytes that do not shrink cost no more`() throws {
        let world = try World { $0.blockBytes[.standard] = 65_536 }
        let text = [UInt8](repeating: 0, count: 1 << 20).indices.map { UInt8($0 / 100 & 0x1F) }
        var random = SeededGenerator(seed: 1)
        let noise = random.bytes(1 << 20)
        let standard = try world.store.append(draft(1), text).length
        let cold = try world.store.append(draft(2), text, tier: .infrequentAccess).length
        #expect(cold < standard / 4)
        let plainNoise = try world.store.append(draft(3), noise).length
        let coldNoise = try world.store.append(draft(4), noise, tier: .archive).length
        #expect(plainNoise == coldNoise)
    }

    @Test func `a small record pays for a small block`() throws {
        let world = try World()
        let address = try world.store.append(draft(1), [42])
        #expect(address.length == 136 + 4 + 1 + 16)
        #expect(address.footprint == 192)
    }

    @Test func `a small read of a large record opens one block and reads no more`() throws {
        let world = try World()
        let plain = [UInt8](repeating: 9, count: 4 << 20)
        let address = try world.store.append(draft(1), plain)
        _ = try world.store.bytes(address, draft(1), 3_000_000..<3_000_001)
        let before = world.store.counters
        _ = try world.store.bytes(address, draft(1), 2_000_000..<2_004_096)
        let after = world.store.counters
        #expect(after.blocksOpened - before.blocksOpened == 1)
        #expect(after.bytesRead - before.bytesRead == 16_384 + 16)
    }

    @Test func `blocks may have any size, and each record says its own`() throws {
        var random = SeededGenerator(seed: testSeed(default: 8))
        let world = try World { $0.blockBytes[.standard] = 512 }
        let plain = Samples.mixed(300_001, &random)
        let old = try world.store.append(draft(1), plain)
        try world.store.syncDirty()
        let wide = try world.on(world.disk, known: world.store.usage()) {
            $0.blockBytes[.standard] = 65_536
        }
        #expect(try wide.store.bytes(old, draft(1), 0..<300_001) == plain)
        #expect(try wide.store.bytes(old, draft(1), 299_000..<300_001) == Array(plain[299_000...]))
        let new = try wide.store.copyRecord(old, expecting: draft(1).identity, to: .standard)
        #expect(new.length < old.length)
        #expect(try wide.store.bytes(new, draft(1), 70_000..<70_001) == [plain[70_000]])
    }

    @Test func `a record of no bytes or of too many is refused`() throws {
        let world = try World()
        #expect(SegmentStore.code { _ = try world.store.append(draft(1), []) } == .invalid)
        let large = [UInt8](repeating: 0, count: (4 << 20) + 1)
        #expect(SegmentStore.code { _ = try world.store.append(draft(1), large) } == .invalid)
    }

    @Test func `a range outside the record is refused`() throws {
        let world = try World()
        let address = try world.store.append(draft(1), [1, 2, 3])
        for range in [0..<4, 3..<4, 2..<5_000_000, -1..<1] {
            let code = SegmentStore.code { _ = try world.store.bytes(address, draft(1), range) }
            #expect(code == .invalid)
        }
        #expect(try world.store.bytes(address, draft(1), 3..<3) == [])
    }

    @Test func `another slice's record is refused, except by who may not know the sequence`()
        throws
    {
        let world = try World()
        let address = try world.store.append(draft(5), [1, 2, 3])
        for other in [draft(6), draft(5, inode: 8), draft(5, tile: 1)] {
            let code = SegmentStore.code { _ = try world.store.bytes(address, other, 0..<3) }
            #expect(code == .corrupt)
        }
        #expect(try world.store.bytes(address, draft(0), 0..<3) == [1, 2, 3])
    }

    @Test func `an address that no record has is named, never answered`() throws {
        let world = try World()
        let good = try world.store.append(draft(1), [UInt8](repeating: 1, count: 5000))
        _ = try world.store.append(draft(2), [UInt8](repeating: 1, count: 5000))
        let offsets: [UInt64] = [0, 64, 4096, 4097, good.offset + 64, 1 << 31, 1 << 40, .max - 63]
        for offset in offsets where offset != good.offset {
            for length in [good.length, 0, 1, 200, .max] {
                let bad = RecordAddress(segment: good.segment, offset: offset, length: length)
                let code = SegmentStore.code { _ = try world.store.bytes(bad, draft(1), 0..<9) }
                #expect(code == .corrupt, "offset \(offset), length \(length)")
            }
        }
        let elsewhere = RecordAddress(
            segment: SegmentID(rawValue: 999),
            offset: good.offset,
            length: good.length
        )
        #expect(
            SegmentStore.code { _ = try world.store.bytes(elsewhere, draft(1), 0..<9) } == .missing
        )
    }

    @Test func `a copy into a colder tier reads the same and is sealed anew`() throws {
        let world = try World()
        let plain = [UInt8](repeating: 65, count: 100_000)
        let old = try world.store.append(draft(3), plain)
        let new = try world.store.copyRecord(old, expecting: draft(3).identity, to: .archive)
        #expect(new.segment != old.segment)
        #expect(new.length < old.length)
        let copy = try world.store.readRecord(new, expecting: draft(3).identity)
        #expect(copy.bytes == plain)
        #expect(copy.header.draft == draft(3))
    }

    @Test func `a store opened anew reads what the old one wrote and appends elsewhere`() throws {
        let world = try World()
        let old = try world.store.append(draft(1), [1, 2, 3])
        try world.store.syncDirty()
        try world.reopen()
        #expect(try world.store.bytes(old, draft(1), 0..<3) == [1, 2, 3])
        let new = try world.store.append(draft(2), [4])
        #expect(new.segment != old.segment)
    }

    @Test func `another data key, family or tier does not open a segment`() throws {
        let world = try World()
        let address = try world.store.append(draft(1), [1, 2, 3])
        try world.store.syncDirty()
        let known = world.store.usage()
        let otherKey = try World(disk: world.disk, family: world.family, known: known)
        #expect(
            SegmentStore.code { _ = try otherKey.store.bytes(address, draft(1), 0..<3) }
                == .wrongKey
        )
        let otherFamily = try World(disk: world.disk, key: world.key, known: known)
        #expect(
            SegmentStore.code { _ = try otherFamily.store.bytes(address, draft(1), 0..<3) }
                == .corrupt
        )
        try world.disk.rename(
            World.path(address.segment),
            to: World.path(address.segment, .archive)
        )
        try world.reopen(known: known)
        #expect(
            SegmentStore.code { _ = try world.store.bytes(address, draft(1), 0..<3) } == .corrupt
        )
    }
}

/// Bytes for tests.
enum Samples {
    /// Half noise, half runs, so that some blocks shrink and some do not.
    static func mixed(_ count: Int, _ random: inout SeededGenerator) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        while bytes.count < count {
            let run = Int.random(in: 1...100_000, using: &random)
            if Bool.random(using: &random) {
                bytes += [UInt8](repeating: UInt8.random(in: 0...255, using: &random), count: run)
            } else {
                var word = UInt64.random(in: 0 ... .max, using: &random)
                for _ in 0..<run {
                    word = word &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                    bytes.append(UInt8(word >> 56))
                }
            }
        }
        return Array(bytes.prefix(count))
    }
}
