import Disk
import TestKit
import Testing
import VarveModel

/// The file `zone`, as docs/formats/zone.md has it.
@Suite struct ZonedFormatTests {
    private let sample = ZoneFile(
        unique: (0..<16).map { UInt8($0) },
        zones: ["local-a", "local-b", "local-c"],
        own: 1,
        promised: 4,
        stamp: ZoneStamp(start: 3, change: 2, rewrite: 9),
        settled: ZoneStamp(start: 3, change: 1, rewrite: 7),
        isMember: [true, true, false],
        left: [.epoch, .epoch, Timestamp(seconds: 1_700_000_000)],
        isClean: false,
        isAll: false,
        names: ["meta/log", "standard/0000000000000001"]
    )

    /// Laid out by hand from the page.
    private let golden: [UInt8] = {
        var bytes: [UInt8] = Array("VRVZONES".utf8)
        bytes += [1, 0, 0, 0] + [UInt8](repeating: 0, count: 24) + (0..<16).map { UInt8($0) }
        bytes += [4, 0, 0, 0]
        bytes += [3, 0, 0, 0, 2, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0]
        bytes += [3, 0, 0, 0, 1, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0]
        bytes += [0, 0, 1, 3]
        bytes += [1] + [UInt8](repeating: 0, count: 8) + [7, 0, 0, 0] + Array("local-a".utf8)
        bytes += [1] + [UInt8](repeating: 0, count: 8) + [7, 0, 0, 0] + Array("local-b".utf8)
        bytes += [0, 0x00, 0xF1, 0x53, 0x65, 0, 0, 0, 0] + [7, 0, 0, 0] + Array("local-c".utf8)
        bytes += [2, 0, 0, 0]
        bytes += [8, 0, 0, 0] + Array("meta/log".utf8)
        bytes += [25, 0, 0, 0] + Array("standard/0000000000000001".utf8)
        return bytes
    }()

    @Test func `a file is what the page says, and its checksum CRC-64 XZ`() throws {
        let bytes = sample.encoded()
        #expect(Array(bytes.dropLast(8)) == golden)
        #expect(try ZoneFile(decoding: bytes) == sample)
        // Of another program (python: crcmod's crc-64-xz, or bit by bit).
        var crc: UInt64 = .max
        for byte in golden {
            crc ^= UInt64(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xC96C_5795_D787_0F42 : crc >> 1 }
        }
        crc = ~crc
        #expect(
            Array(bytes.suffix(8)) == (0..<8).map { UInt8(truncatingIfNeeded: crc >> ($0 * 8)) }
        )
    }

    @Test func `every byte that is flipped or cut is seen`() throws {
        let bytes = sample.encoded()
        for position in bytes.indices {
            for mask in [UInt8(1), 0x80, 0xFF] {
                var damaged = bytes
                damaged[position] ^= mask
                #expect(throws: ZoneFileProblem.self) { _ = try ZoneFile(decoding: damaged) }
            }
            #expect(throws: ZoneFileProblem.self) {
                _ = try ZoneFile(decoding: Array(bytes.prefix(position)))
            }
            #expect(throws: ZoneFileProblem.self) {
                _ = try ZoneFile(decoding: bytes + bytes.prefix(position + 1))
            }
        }
    }

    /// In each zone in turn: the zone is out, and nothing is written to it.
    @Test func `a start takes no zone whose file is damaged`() throws {
        let world = ZonedWorld()
        let disk = try world.create()
        try disk.replace(path("f"), with: [1])
        disk.close()
        let size = try world.disks[0].contents(of: "/a/fs/zone").count
        for zone in 0..<3 {
            for position in stride(from: 0, to: size, by: 7) {
                let next = world.restarted()
                let place = next.zones[zone].directory
                try next.disks[zone].corrupt(place + "/zone", at: UInt64(position), mask: 16)
                let before = next.disks[zone].operations
                let again = try next.open()
                #expect(again.inSync.count == 2, "zone \(zone), byte \(position)")
                guard case .out(let reason, _) = again.standing.zones[zone].state else { continue }
                #expect(reason == .damaged)
                try again.look()
                #expect(next.disks[zone].operations == before)
                try again.admit(zone: ["a", "b", "c"][zone])
                try again.look()
                #expect(!again.standing.isDegraded)
            }
        }
    }

    @Test func `any bytes give a file or an error`() {
        let seed = testSeed(default: 4_801)
        var generator = SeededGenerator(seed: seed)
        let bytes = sample.encoded()
        for _ in 0..<TestSizes.current.fuzzInputs {
            let random = generator.bytes(Int.random(in: 0...200, using: &generator))
            #expect(throws: ZoneFileProblem.self, "seed \(seed)") {
                _ = try ZoneFile(decoding: Array(bytes.prefix(60)) + random)
            }
        }
    }
}
