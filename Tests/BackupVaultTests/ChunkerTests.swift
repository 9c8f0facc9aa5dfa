import BackupVault
import TestKit
import Testing

@Suite struct ChunkerTests {
    static let sizes = ChunkSizes(minimum: 256, average: 1024, maximum: 4096)

    static func chunker(seed: UInt64 = 5) -> Chunker {
        var generator = SeededGenerator(seed: seed)
        return Chunker(sizes: sizes, gear: (0..<256).map { _ in generator.next() })
    }

    @Test func `lengths lie within the bounds and add up`() {
        var generator = SeededGenerator(seed: testSeed(default: 11))
        let chunker = Self.chunker()
        for count in [0, 1, 255, 256, 257, 1023, 4096, 4097, 100_000, 99_999] {
            let bytes = generator.bytes(count)
            let cuts = bytes.withUnsafeBytes { chunker.cuts(of: $0) }
            #expect(cuts.reduce(0, +) == count)
            #expect(cuts.allSatisfy { $0 <= Self.sizes.maximum })
            #expect(cuts.dropLast().allSatisfy { $0 > Self.sizes.minimum })
        }
    }

    @Test func `the mean length is near the average`() {
        var generator = SeededGenerator(seed: testSeed(default: 12))
        let bytes = generator.bytes(1 << 20)
        let cuts = bytes.withUnsafeBytes { Self.chunker().cuts(of: $0) }
        let mean = Double(bytes.count) / Double(cuts.count)
        #expect((700...1600).contains(mean), "mean \(mean)")
    }

    @Test func `bytes put in front move few cuts`() {
        var generator = SeededGenerator(seed: testSeed(default: 13))
        let bytes = generator.bytes(200_000)
        let shifted = generator.bytes(777) + bytes
        func pieces(_ bytes: [UInt8]) -> Set<[UInt8]> {
            var start = 0
            return Set(
                bytes.withUnsafeBytes { Self.chunker().cuts(of: $0) }.map { length in
                    defer { start += length }
                    return Array(bytes[start..<start + length])
                }
            )
        }
        let before = pieces(bytes)
        let shared = before.intersection(pieces(shifted))
        #expect(shared.count > before.count * 9 / 10)
    }

    @Test func `two keys cut differently`() {
        var generator = SeededGenerator(seed: testSeed(default: 14))
        let bytes = generator.bytes(100_000)
        let one = bytes.withUnsafeBytes { Self.chunker(seed: 1).cuts(of: $0) }
        let other = bytes.withUnsafeBytes { Self.chunker(seed: 2).cuts(of: $0) }
        #expect(one != other)
    }

    @Test func `two bytes a step cut where one byte a step would`() {
        var generator = SeededGenerator(seed: testSeed(default: 15))
        var gearGenerator = SeededGenerator(seed: 5)
        let gear = (0..<256).map { _ in gearGenerator.next() }
        let chunker = Self.chunker()
        for _ in 0..<20 {
            let bytes = generator.bytes(Int.random(in: 1...20_000, using: &generator))
            let cuts = bytes.withUnsafeBytes { chunker.cuts(of: $0) }
            #expect(cuts == Self.plainCuts(bytes, gear: gear))
        }
    }

    /// FastCDC as the paper writes it, a byte a step.
    static func plainCuts(_ bytes: [UInt8], gear: [UInt64]) -> [Int] {
        func mask(_ bits: UInt64) -> UInt64 { ((1 << bits) - 1) << (63 - bits) }
        var cuts: [Int] = []
        var start = 0
        while start < bytes.count {
            let left = bytes.count - start
            var length = min(left, sizes.maximum)
            var hash: UInt64 = 0
            if left > sizes.minimum {
                for index in sizes.minimum..<min(left, sizes.maximum) {
                    hash = (hash << 1) &+ gear[Int(bytes[start + index])]
                    if hash & mask(index < sizes.average ? 12 : 8) == 0 {
                        length = index + 1
                        break
                    }
                }
            }
            cuts.append(length)
            start += length
        }
        return cuts
    }
}
