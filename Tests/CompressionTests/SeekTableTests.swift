import Compression
import TestKit
import Testing

@Suite struct SeekTableTests {
    /// Frames of data and, at the end, two that are skippable.
    static func table() -> SeekTable {
        var table = SeekTable()
        for (compressed, plain) in [(100, 1_000), (50, 1_000), (7, 1), (90, 500)] {
            table.append(
                SeekTable.Frame(
                    compressedBytes: UInt32(compressed),
                    plainBytes: UInt32(plain),
                    checksum: UInt32(compressed)
                )
            )
        }
        for count in [20, 30] {
            table.append(SeekTable.Frame(skippable: [UInt8](repeating: 0, count: count)))
        }
        return table
    }

    @Test func `a table is read as it was written`() throws {
        let table = Self.table()
        let bytes = table.encoded()
        #expect(bytes.count == 8 + 6 * 12 + 9)
        #expect(try SeekTable.byteCount(footer: bytes.suffix(9)) == UInt64(bytes.count))
        let read = try SeekTable(bytes, endingAt: 297)
        #expect(read.frames == table.frames)
        #expect(read.starts == [0, 100, 150, 157, 247, 267, 297])
        #expect(read.plainBytes == 2_501)
        #expect(throws: CompressionError.self) { try SeekTable(bytes, endingAt: 298) }
    }

    @Test func `a range touches the frames that hold its bytes`() {
        let table = Self.table()
        for (range, frames) in [
            (0..<1, 0..<1), (0..<1_000, 0..<1), (999..<1_001, 0..<2), (1_000..<2_000, 1..<2),
            (1_999..<2_002, 1..<4), (2_000..<2_001, 2..<3), (2_001..<2_501, 3..<4),
            (0..<2_501, 0..<4), (5..<5, 0..<0), (2_500..<2_502, 0..<0),
        ] as [(Range<UInt64>, Range<Int>)] {
            #expect(table.frames(of: range) == frames, "\(range)")
        }
    }

    @Test func `a frame's entry bears its checksum, as zstd computes it`() throws {
        let plain = ZstdTests.compressible(10_000, seed: 3)
        let frame = ZstdCompressor(level: 3, hasChecksum: true).compress(plain)
        let bare = ZstdCompressor(level: 3).compress(plain)
        #expect(frame.count == bare.count + 4)
        let entry = SeekTable.Frame(frame: frame, plainBytes: plain.count)
        #expect(entry.bytes.suffix(4) == frame.suffix(4))
        var changed = frame
        changed[frame.count - 1] ^= 1
        #expect(throws: CompressionError.self) {
            try ZstdDecompressor().decompress(changed, limit: plain.count)
        }
    }

    @Test func `a hostile footer asks for nothing`() {
        let bytes = Self.table().encoded()
        let footer = Array(bytes.suffix(9))
        var many = footer
        many[3] = 0xFF
        var bare = footer
        bare[4] = 0
        for hostile in [many, bare, Array(footer.dropLast()), [UInt8](repeating: 0, count: 9)] {
            #expect(throws: CompressionError.self) { try SeekTable.byteCount(footer: hostile) }
        }
    }

    @Test func `any bytes are a seek table or a typed error`() {
        let valid = Self.table().encoded()
        var generator = SeededGenerator(seed: testSeed(default: 5))
        for _ in 0..<TestSizes.current.fuzzInputs {
            var bytes = valid
            for _ in 0..<Int.random(in: 1...3, using: &generator) where !bytes.isEmpty {
                let place = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<3, using: &generator) {
                case 0: bytes.removeLast(bytes.count - place)
                case 1: bytes.insert(.random(in: .min ... .max, using: &generator), at: place)
                default: bytes[place] = .random(in: .min ... .max, using: &generator)
                }
            }
            guard let table = try? SeekTable(bytes, endingAt: 297) else { continue }
            #expect(table.encoded() == bytes)
            #expect(table.starts[table.starts.count - 1] == 297)
        }
    }

    @Test func `a skippable frame is exactly its own kind`() throws {
        let frame = SkippableFrame.encode([1, 2, 3], kind: 6)
        #expect(frame == [0x56, 0x2A, 0x4D, 0x18, 3, 0, 0, 0, 1, 2, 3])
        #expect(try SkippableFrame.decode(frame, kind: 6) == [1, 2, 3])
        #expect(throws: CompressionError.self) { try SkippableFrame.decode(frame, kind: 14) }
        #expect(throws: CompressionError.self) { try SkippableFrame.decode(frame + [0], kind: 6) }
    }
}
