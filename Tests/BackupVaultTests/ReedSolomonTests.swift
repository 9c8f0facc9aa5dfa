import TestKit
import Testing

@testable import BackupVault

/// Goal: any k of k + m blocks give back the others, and the numbers are those that docs/formats/vault.md says.
@Suite struct ReedSolomonTests {
    /// Multiplication in the field of x^8+x^4+x^3+x^2+1, bit by bit.
    static func product(_ left: UInt8, _ right: UInt8) -> UInt8 {
        var (a, b, sum) = (Int(left), Int(right), 0)
        while b > 0 {
            if b & 1 == 1 { sum ^= a }
            a <<= 1
            if a & 0x100 != 0 { a ^= 0x11D }
            b >>= 1
        }
        return UInt8(sum)
    }

    /// By value; that of 0 is never asked for.
    static let inverses: [UInt8] = (0...255 as ClosedRange<UInt8>).map { value in
        (1...255 as ClosedRange<UInt8>).first { product($0, value) == 1 } ?? 0
    }

    /// Blocks in one piece of memory, lent as pointers.
    static func withBlocks<Result>(
        _ blocks: inout [UInt8],
        _ length: Int,
        _ body: ([UnsafeMutablePointer<UInt8>]) -> Result
    ) -> Result {
        blocks.withUnsafeMutableBufferPointer { buffer in
            guard let start = buffer.baseAddress else { return body([]) }
            return body(
                stride(from: 0, to: buffer.count, by: length).map { start + $0 }
            )
        }
    }

    @Test(arguments: [(1, 1), (3, 2), (16, 16), (200, 10), (127, 127), (250, 5)])
    func `parity is what the format says`(data: Int, parity: Int) {
        var generator = SeededGenerator(seed: testSeed(default: 181))
        let length = 7
        var blocks = generator.bytes(data * length) + [UInt8](repeating: 0, count: parity * length)
        let code = ReedSolomon(dataBlocks: data, parityBlocks: parity)
        Self.withBlocks(&blocks, length) { pointers in
            code.encode(Array(pointers[..<data]), into: Array(pointers[data...]), length: length)
        }
        for row in 0..<parity {
            for byte in 0..<length {
                let expected = (0..<data).reduce(UInt8(0)) { sum, column in
                    let factor = Self.inverses[(data + row) ^ column]
                    return sum ^ Self.product(factor, blocks[column * length + byte])
                }
                #expect(blocks[(data + row) * length + byte] == expected)
            }
        }
    }

    @Test func `any k blocks give back all, and fewer nothing`() {
        var generator = SeededGenerator(seed: testSeed(default: 182))
        let length = 64
        for _ in 0..<200 {
            let data = Int.random(in: 1...120, using: &generator)
            let parity = Int.random(in: 1...40, using: &generator)
            let code = ReedSolomon(dataBlocks: data, parityBlocks: parity)
            var blocks =
                generator.bytes(data * length)
                + [UInt8](repeating: 0, count: parity * length)
            Self.withBlocks(&blocks, length) { pointers in
                code.encode(
                    Array(pointers[..<data]),
                    into: Array(pointers[data...]),
                    length: length
                )
            }
            let count = Int.random(in: 0...min(data + parity, parity + 1), using: &generator)
            let missing = Set((0..<data + parity).shuffled(using: &generator).prefix(count))
            var damaged = blocks
            for block in missing {
                for byte in 0..<length { damaged[block * length + byte] ^= 0x5A }
            }
            let before = damaged
            let isDone = Self.withBlocks(&damaged, length) { pointers in
                code.restore(pointers, missing: missing, length: length)
            }
            let isData = missing.contains { $0 < data }
            #expect(isDone == (count <= parity || !isData))
            if isDone {
                #expect(damaged.prefix(data * length) == blocks.prefix(data * length))
            } else {
                #expect(damaged == before)
            }
        }
    }
}
