import Compression
import Disk
import SegmentStore
import Synchronization
import TestKit
import Testing
import VarveModel

/// No (salt, number) seals twice, whatever fails and whenever the power goes.
@Suite struct NonceTests {
    /// Every sealing that the writes show: the salt in force, and the record's number.
    static func sealings(_ writes: [SpyDisk.Write]) -> [(
        salt: [UInt8], number: UInt64, bytes: [UInt8]
    )] {
        var salts: [String: [UInt8]] = [:]
        var found: [(salt: [UInt8], number: UInt64, bytes: [UInt8])] = []
        for write in writes {
            if write.offset == 0, write.bytes.starts(with: Array("VRVSEGM\0".utf8)) {
                // A spare gets its header under its old name; the number names it for ever.
                let number = write.bytes[56..<64].reversed().reduce(UInt64(0)) {
                    $0 << 8 | UInt64($1)
                }
                salts["\(number)"] = Array(write.bytes[72..<104])
            } else if write.bytes.starts(with: Array("VRCD".utf8)) {
                func u64(_ at: Int) -> UInt64 {
                    write.bytes[at..<at + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
                }
                guard let salt = salts["\(u64(32))"] else { continue }
                found.append((salt, u64(48), write.bytes))
            }
        }
        return found
    }

    @Test func `no number seals twice under one salt, across failures, crashes and recycling`()
        throws
    {
        var random = SeededGenerator(seed: testSeed(default: 23))
        var disk = SimulatedDisk()
        var world = try World(disk: disk, door: SpyDisk(disk)) {
            $0.segmentBytes = 40 << 10
            $0.preallocationBytes = 8 << 10
        }
        var writes: [SpyDisk.Write] = []
        var failed = 0
        var number: UInt64 = 0
        for _ in 0..<12 {
            var addresses: [RecordAddress] = []
            for _ in 0..<40 {
                number += 1
                if Int.random(in: 0..<4, using: &random) == 0 {
                    disk.fail(after: 0) { kind, _ in kind == .write }
                }
                do {
                    let bytes = random.bytes(Int.random(in: 1...3000, using: &random))
                    addresses.append(try world.store.append(draft(number), bytes))
                } catch {
                    failed += 1
                }
                disk.clearFaults()
                if number.isMultiple(of: 7) { try world.store.syncDirty() }
            }
            try world.store.reclaim(addresses.filter { _ in Bool.random(using: &random) })
            writes += (world.door as? SpyDisk)?.writes ?? []
            // The power goes: what is found is opened by the next process.
            disk = disk.image(cuttingAfter: disk.operations, fate: .tear(seed: number))
            let next = World.Numbers.starting(after: world.numbers)
            world = try World(
                disk: disk,
                door: SpyDisk(disk),
                key: world.key,
                family: world.family,
                numbers: next,
                known: world.store.usage()
            ) {
                $0.segmentBytes = 40 << 10
                $0.preallocationBytes = 8 << 10
            }
        }
        let sealings = Self.sealings(writes)
        #expect(failed > 20)
        #expect(sealings.count > 400)
        var seen: [[UInt8]: [UInt8]] = [:]
        for sealing in sealings {
            let key = sealing.salt + withUnsafeBytes(of: sealing.number) { Array($0) }
            #expect(seen[key] == nil, "number \(sealing.number) came twice under one salt")
            seen[key] = sealing.bytes
        }
        #expect(Set(sealings.map(\.salt)).count > 12)
    }

    @Test func `a failed write spends its number and leaves nothing behind`() throws {
        let world = try World()
        let first = try world.store.append(draft(1), [1])
        world.disk.fail(after: 0) { kind, _ in kind == .write }
        #expect(SegmentStore.code { _ = try world.store.append(draft(2), [2]) } == .failed)
        let third = try world.store.append(draft(3), [3])
        let numbers = try [(first, draft(1)), (third, draft(3))].map {
            try world.store.header(of: $0.0, expecting: $0.1.identity).number
        }
        #expect(numbers == [0, 2])
        try world.store.syncDirty()
        #expect(try world.store.scan(first.segment).records.count == 2)
        #expect(world.store.usage(of: first.segment)?.recordBytes == 384)
    }

    @Test func `equal bytes appended twice look different`() throws {
        let world = try World()
        let plain = [UInt8](repeating: 0, count: 5000)
        let a = try world.store.append(draft(1), plain)
        let b = try world.store.append(draft(1), plain)
        let bytes = try world.disk.contents(of: World.path(a.segment))
        let sealed = [a, b].map { Array(bytes[Int($0.offset) + 140..<Int($0.offset + $0.length)]) }
        #expect(sealed[0] != sealed[1])
    }
}
