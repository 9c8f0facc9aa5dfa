import Compression
import Disk
import Keyring
import SegmentStore
import TestKit
import Testing
import VarveModel

/// Damage is detected and named, whatever byte it hits (I5, I7).
@Suite struct DamageTests {
    struct Sample {
        let world: World
        var records: [(address: RecordAddress, draft: RecordDraft, bytes: [UInt8])] = []
        var size: UInt64 = 0
        var path: String { World.path(records[0].address.segment, .infrequentAccess) }
    }

    /// One closed segment with compressed and plain blocks, two markers and a table.
    static func sample() throws -> Sample {
        var random = SeededGenerator(seed: 5)
        var sample = Sample(world: try World())
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
        sample.size = try #require(try sample.world.disk.status(of: sample.path)).size
        return sample
    }

    /// Reads everything of a damaged sample; answers how many reads were refused.
    static func refusals(_ sample: Sample, _ what: String) throws -> Int {
        let world = sample.world
        try world.reopen()
        var refused = 0
        for record in sample.records {
            do {
                let found = try world.store.bytes(
                    record.address,
                    record.draft,
                    0..<record.bytes.count
                )
                #expect(found == record.bytes, "\(what): other bytes")
            } catch let error as SegmentError {
                refused += 1
                #expect([.corrupt, .newerFormat, .wrongKey].contains(error.code), "\(what)")
                #expect(error.message.contains("segment 1 (ia, zone 'a')"), "\(error.message)")
            }
        }
        let code = SegmentStore.code { _ = try world.store.scan(sample.records[0].address.segment) }
        #expect([nil, .corrupt, .newerFormat, .wrongKey].contains(code), "\(what)")
        return refused
    }

    @Test func `every flipped byte is detected or harmless`() throws {
        let sample = try Self.sample()
        #expect(try Self.refusals(sample, "undamaged") == 0)
        let covered = sample.records.map {
            $0.address.offset..<$0.address.offset + $0.address.length
        }
        var detected = 0
        let stride: UInt64 = TestSizes.current.powerCutStride == 1 ? 1 : 23
        for offset in Swift.stride(from: UInt64(0), to: sample.size, by: Int(stride)) {
            let mask = UInt8(1) << (offset % 8)
            try sample.world.disk.corrupt(sample.path, at: offset, mask: mask)
            let refused = try Self.refusals(sample, "byte \(offset) flipped")
            if offset < 4096 {
                #expect(refused == sample.records.count, "byte \(offset) of the header")
            } else if covered.contains(where: { $0.contains(offset) }) {
                #expect(refused == 1, "byte \(offset) of a record")
            } else {
                #expect(refused == 0, "byte \(offset) between records")
            }
            detected += refused
            try sample.world.disk.corrupt(sample.path, at: offset, mask: mask)
        }
        #expect(detected > 0)
    }

    @Test func `a segment cut short loses what was cut, and says so`() throws {
        let sample = try Self.sample()
        let whole = try sample.world.disk.contents(of: sample.path)
        var sizes = Array(stride(from: 0, to: Int(sample.size), by: 401))
        for record in sample.records {
            let end = Int(record.address.offset + record.address.length)
            sizes += [end - 1, end, end + 1]
        }
        for size in sizes {
            let file = try sample.world.disk.open(sample.path, .readWrite)
            try file.truncate(to: UInt64(size))
            let refused = try Self.refusals(sample, "cut to \(size)")
            let lost = sample.records.count { $0.address.offset + $0.address.length > size }
            #expect(refused == (size < 4096 ? sample.records.count : lost), "cut to \(size)")
            try file.write(whole, at: 0)
        }
    }

    @Test func `two records that change places are refused`() throws {
        let world = try World()
        let addresses = try (1...2).map { number in
            try world.store.append(draft(7), [UInt8](repeating: UInt8(number), count: 500))
        }
        try world.store.close()
        let path = World.path(addresses[0].segment)
        let file = try world.disk.open(path, .readWrite)
        let first = try file.read(count: 700, at: addresses[0].offset)
        let second = try file.read(count: 700, at: addresses[1].offset)
        try file.write(Array(second.prefix(Int(addresses[1].length))), at: addresses[0].offset)
        try file.write(Array(first.prefix(Int(addresses[0].length))), at: addresses[1].offset)
        try world.reopen()
        for address in addresses {
            let code = SegmentStore.code { _ = try world.store.bytes(address, draft(7), 0..<500) }
            #expect(code == .corrupt)
        }
    }

    @Test func `an older state of a file written over does not pass for the new one`() throws {
        let world = try World { $0.segmentBytes = 8192 }
        let old = try world.store.append(draft(1), [UInt8](repeating: 1, count: 3000))
        try world.store.syncDirty()
        world.store.finishSegment(.standard)
        try world.store.syncDirty()
        let result = try world.store.reclaim([old])
        #expect(result.segmentsRemoved == [old.segment])
        let new = try world.store.append(draft(2), [2])
        try world.store.syncDirty()
        #expect(world.disk.history.contains { $0.kind == .rename })
        // The old record's bytes still stand behind the new one, under the new name.
        let scan = try world.store.scan(new.segment)
        #expect(scan.records.map(\.address) == [new])
        #expect(!scan.foreign.isEmpty)
        let stale = RecordAddress(segment: new.segment, offset: old.offset, length: old.length)
        #expect(SegmentStore.code { _ = try world.store.bytes(stale, draft(1), 0..<9) } == .corrupt)
    }

    @Test func `a newer format is refused by name`() throws {
        let sample = try Self.sample()
        let file = try sample.world.disk.open(sample.path, .readWrite)
        try file.write([9], at: 8)
        try sample.world.reopen()
        let record = sample.records[0]
        #expect(
            SegmentStore.code {
                _ = try sample.world.store.bytes(record.address, record.draft, 0..<1)
            }
                == .newerFormat
        )
    }

    /// Goal: no bytes in a segment's file crash the scanner, the opener or a read.
    ///
    /// Method: fields of headers are changed and their checksums put right again, so that the
    /// decoders behind the checksum are reached; or whole stretches become noise.
    @Test func `any bytes give records or typed errors`() throws {
        var random = SeededGenerator(seed: testSeed(default: 17))
        let sample = try Self.sample()
        let whole = try sample.world.disk.contents(of: sample.path)
        let file = try sample.world.disk.open(sample.path, .readWrite)
        var scanned = 0
        for _ in 0..<TestSizes.current.fuzzInputs / 4 {
            var bytes = whole
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let record = sample.records[Int.random(in: 0..<4, using: &random)].address
                let start = Int(record.offset)
                switch Int.random(in: 0..<3, using: &random) {
                case 0:
                    let noise = random.bytes(Int.random(in: 1...300, using: &random))
                    let at = Int.random(in: 4096..<bytes.count - 300, using: &random)
                    bytes.replaceSubrange(at..<at + noise.count, with: noise)
                default:
                    let field = Int.random(in: 4..<150, using: &random)
                    bytes[start + field] = UInt8.random(in: 0...255, using: &random)
                    Self.setChecksum(&bytes, start)
                }
            }
            try file.write(bytes, at: 0)
            try sample.world.reopen()
            for record in sample.records {
                do {
                    let range = 0..<record.bytes.count
                    let found = try sample.world.store.bytes(record.address, record.draft, range)
                    #expect(found == record.bytes)
                } catch let error as SegmentError {
                    #expect(error.code == .corrupt || error.code == .invalid)
                }
            }
            let segment = sample.records[0].address.segment
            let scan = try sample.world.store.scan(segment)
            scanned += scan.records.count
            _ = try sample.world.store.verify(segment)
        }
        #expect(scanned > 0)
    }

    /// Puts a record header's crc32c right.
    static func setChecksum(_ bytes: inout [UInt8], _ start: Int) {
        let size = bytes[start + 8..<start + 12].reversed().reduce(0) { $0 << 8 | Int($1) }
        guard (136...4096).contains(size), start + size <= bytes.count else { return }
        bytes.replaceSubrange(start + 12..<start + 16, with: [0, 0, 0, 0])
        let checksum = CRC32C.checksum(Array(bytes[start..<start + size]))
        let field = withUnsafeBytes(of: checksum.littleEndian) { Array($0) }
        bytes.replaceSubrange(start + 12..<start + 16, with: field)
    }

    @Test func `nothing of the content stands in plain in any file`() throws {
        let world = try World()
        let planted = Array("the varve of the year 1816 is thin".utf8)
        let text = (0..<200).flatMap { _ in planted }
        for tier in Tier.allCases {
            for number in 1...3 {
                _ = try world.store.append(draft(UInt64(number)), text, tier: tier)
            }
        }
        try world.store.close()
        for tier in Tier.allCases {
            let directory = World.directory + "/" + tier.folder
            for name in try world.disk.list(directory) {
                let bytes = try world.disk.contents(of: directory + "/" + name)
                #expect(!bytes.contains(planted))
                #expect(!bytes.contains(planted.prefix(9)))
            }
        }
    }
}
