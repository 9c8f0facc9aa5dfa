import Compression
import TestKit
import Testing

@Suite struct ZstdTests {
    /// Bytes that compress: runs and repeats, from a seed.
    static func compressible(_ count: Int, seed: UInt64) -> [UInt8] {
        var random = SeededGenerator(seed: seed)
        var bytes: [UInt8] = []
        while bytes.count < count {
            let word = random.bytes(Int.random(in: 1...24, using: &random))
            for _ in 0..<Int.random(in: 1...20, using: &random) { bytes += word }
        }
        return Array(bytes.prefix(count))
    }

    @Test(arguments: [-5, -1, 1, 3, 6, 15, 19] as [Int32])
    func `what was compressed comes back at every level`(level: Int32) throws {
        let compressor = ZstdCompressor(level: level)
        let decompressor = ZstdDecompressor()
        for count in [0, 1, 2, 63, 64, 4096, 65_536, 300_000] {
            let plain = Self.compressible(count, seed: UInt64(count))
            let frame = compressor.compress(plain)
            #expect(try decompressor.decompress(frame, limit: count) == plain)
        }
    }

    @Test func `shorter blocks follow content that changes its kind`() throws {
        var random = SeededGenerator(seed: 5)
        var plain: [UInt8] = []
        for stretch in 0..<8 {
            plain += random.bytes(40_000)
            plain += Self.compressible(40_000, seed: UInt64(stretch)).map { $0 & 0x3F }
        }
        let standard = ZstdCompressor(level: 3).compress(plain)
        let short = ZstdCompressor(level: 3, blockBytesMax: 32 << 10).compress(plain)
        #expect(short.count < standard.count)
        #expect(try ZstdDecompressor().decompress(short, limit: plain.count) == plain)
    }

    @Test func `a frame that does not fit is refused, not cut`() {
        let plain = Self.compressible(10_000, seed: 1)
        let compressor = ZstdCompressor(level: 1)
        let size = compressor.compress(plain).count
        var room = [UInt8](repeating: 0, count: ZstdCompressor.bound(plain.count))
        let fits = room.withUnsafeMutableBytes { room in
            plain.withUnsafeBytes { compressor.compress($0, into: room) }
        }
        #expect(fits == size)
        let tooSmall = room.withUnsafeMutableBytes { room in
            plain.withUnsafeBytes {
                compressor.compress($0, into: .init(rebasing: room[0..<size - 1]))
            }
        }
        #expect(tooSmall == nil)
        #expect(compressor.compress(plain).count == size, "the context survives a refusal")
    }

    @Test func `a frame larger than the limit is refused before anything is allocated`() throws {
        let frame = ZstdCompressor(level: 1).compress([UInt8](repeating: 7, count: 1 << 20))
        let error = #expect(throws: CompressionError.self) {
            try ZstdDecompressor().decompress(frame, limit: (1 << 20) - 1)
        }
        #expect(error?.code == .tooLarge)
    }

    @Test func `a frame must fill its target exactly`() {
        let frame = ZstdCompressor(level: 1).compress([UInt8](repeating: 7, count: 1000))
        for (count, code) in [(999, CompressionError.Code.tooLarge), (1001, .malformed)] {
            var plain = [UInt8](repeating: 0, count: count)
            let error = #expect(throws: CompressionError.self) {
                try plain.withUnsafeMutableBytes { plain in
                    try frame.withUnsafeBytes {
                        try ZstdDecompressor().decompress($0, into: plain)
                    }
                }
            }
            #expect(error?.code == code)
        }
    }

    @Test func `bytes behind a frame are refused`() {
        let frame = ZstdCompressor(level: 1).compress([1, 2, 3])
        for tail in [[0], frame, [0x50, 0x2A, 0x4D, 0x18, 0, 0, 0, 0]] as [[UInt8]] {
            #expect(throws: CompressionError.self) {
                try ZstdDecompressor().decompress(frame + tail, limit: 1000)
            }
        }
    }

    @Test func `a frame that declares no size is refused`() {
        // Magic, a header of a window and no content size, one raw last block of one byte.
        let frame: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD, 0x00, 0x58, 0x09, 0x00, 0x00, 0x41]
        let error = #expect(throws: CompressionError.self) {
            try ZstdDecompressor().decompress(frame, limit: 1000)
        }
        #expect(error?.code == .unsized)
    }

    /// Goal: no bytes make the decoder crash, hang or write past its target.
    @Test func `any bytes give a value or a typed error`() {
        var random = SeededGenerator(seed: testSeed(default: 11))
        let decompressor = ZstdDecompressor()
        let good = ZstdCompressor(level: 3).compress(Self.compressible(5000, seed: 5))
        var refused = 0
        for _ in 0..<TestSizes.current.fuzzInputs {
            var bytes = good
            switch Int.random(in: 0..<3, using: &random) {
            case 0: bytes = random.bytes(Int.random(in: 0...200, using: &random))
            case 1: bytes.removeLast(Int.random(in: 1...bytes.count, using: &random))
            default:
                let index = Int.random(in: bytes.indices, using: &random)
                bytes[index] ^= UInt8.random(in: 1...255, using: &random)
            }
            do throws(CompressionError) {
                let plain = try decompressor.decompress(bytes, limit: 8192)
                #expect(plain.count <= 8192)
            } catch {
                refused += 1
            }
        }
        #expect(refused > 0)
        #expect(throws: Never.self) { try decompressor.decompress(good, limit: 8192) }
    }
}
