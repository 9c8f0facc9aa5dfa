import Compression
import TestKit
import Testing

@Suite struct CRC32CTests {
    /// The vectors of RFC 3720, appendix B.4.
    @Test func `the standard's vectors come out`() {
        #expect(CRC32C.checksum([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
        #expect(CRC32C.checksum([UInt8](repeating: 0xFF, count: 32)) == 0x62A8_AB43)
        #expect(CRC32C.checksum(Array(0..<32)) == 0x46DD_794E)
        #expect(CRC32C.checksum(Array((0..<32).reversed())) == 0x113F_DB5C)
        #expect(CRC32C.checksum(Array("123456789".utf8)) == 0xE306_9283)
        #expect(CRC32C.checksum([]) == 0)
    }

    @Test func `a checksum continues over pieces`() {
        var random = SeededGenerator(seed: testSeed(default: 3))
        for _ in 0..<200 {
            let bytes = random.bytes(Int.random(in: 0...100, using: &random))
            let cut = Int.random(in: 0...bytes.count, using: &random)
            let whole = CRC32C.checksum(bytes)
            let pieces = bytes.withUnsafeBytes { bytes in
                CRC32C.checksum(
                    UnsafeRawBufferPointer(rebasing: bytes[cut...]),
                    continuing: CRC32C.checksum(UnsafeRawBufferPointer(rebasing: bytes[..<cut]))
                )
            }
            #expect(whole == pieces)
        }
    }
}
