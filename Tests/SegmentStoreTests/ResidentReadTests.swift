import Disk
import Keyring
import SegmentStore
import TestKit
import Testing
import VarveModel

/// Long reads open their blocks where the page cache holds them; nobody can tell by the bytes.
@Suite struct ResidentReadTests {
    @Test func `every way of reading a record gives its bytes`() throws {
        var random = SeededGenerator(seed: testSeed(default: 51))
        let world = try World()
        let plain = random.bytes((1 << 20) + 777)
        let address = try world.store.append(draft(1), plain)
        for _ in 0..<2 {
            for _ in 0..<100 {
                let start = Int.random(in: 0..<plain.count - 1, using: &random)
                let end = Int.random(in: start + 1...plain.count, using: &random)
                let found = try world.store.bytes(address, draft(1), start..<end)
                #expect(found == Array(plain[start..<end]))
            }
            // Once with the headers that writing has left in memory, once without.
            try world.store.syncDirty()
            try world.reopen()
        }
        #expect(try world.store.bytes(address, draft(1), 0..<plain.count) == plain)
    }

    @Test func `a flipped bit in any block of a long read is named`() throws {
        var random = SeededGenerator(seed: testSeed(default: 52))
        let world = try World()
        let plain = random.bytes(1 << 20)
        let address = try world.store.append(draft(1), plain)
        try world.store.syncDirty()
        _ = try world.store.bytes(address, draft(1), 0..<plain.count)
        let path = World.path(address.segment, .standard)
        let data = address.offset + address.length - 64 * (16_384 + 16)
        for block in 0..<64 {
            let place =
                data + UInt64(block) * 16_400 + UInt64.random(in: 0..<16_400, using: &random)
            try world.disk.corrupt(path, at: place, mask: 8)
            do {
                _ = try world.store.bytes(address, draft(1), 0..<plain.count)
                Issue.record("block \(block) opened")
            } catch let error as SegmentError {
                #expect(error.code == .corrupt)
                #expect(error.message.hasSuffix("fails the tag of its block \(block)"))
            }
            try world.disk.corrupt(path, at: place, mask: 8)
        }
        #expect(try world.store.bytes(address, draft(1), 0..<plain.count) == plain)
    }
}
