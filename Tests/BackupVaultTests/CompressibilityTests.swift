import TestKit
import Testing

@testable import BackupVault

/// Bytes that look random are not compressed, and all others are.
@Suite struct CompressibilityTests {
    private func isHopeless(_ bytes: [UInt8]) -> Bool {
        bytes.withUnsafeBytes { Compressibility.isHopeless($0) }
    }

    @Test func `random bytes are hopeless at any length above the least`() {
        var generator = SeededGenerator(seed: testSeed(default: 81))
        for length in [16_384, 16_385, 70_001, 1 << 20] {
            #expect(isHopeless(generator.bytes(length)), "\(length)")
        }
        #expect(!isHopeless(generator.bytes(16_383)))
    }

    @Test func `what shrinks by a few hundredths is tried`() {
        var generator = SeededGenerator(seed: testSeed(default: 82))
        let random = generator.bytes(200_000)
        // Seven bits a byte; one byte in ten a zero; a zero run of a tenth.
        #expect(!isHopeless(random.map { $0 & 0x7F }))
        #expect(!isHopeless(random.enumerated().map { $0.offset % 10 == 0 ? 0 : $0.element }))
        #expect(
            !isHopeless(
                Array(random[..<90_000]) + [UInt8](repeating: 0, count: 20_000)
                    + Array(random[90_000...])
            )
        )
        #expect(!isHopeless(Array("the quick brown fox ".utf8).repeated(2_000)))
    }

    @Test func `chunks that look random are stored as they are, and counted`() throws {
        var generator = SeededGenerator(seed: testSeed(default: 83))
        let settings = VaultSettings(chunks: .standard)
        let world = try VaultWorld(settings: settings)
        let writer = try world.vault.beginWrite()
        defer { writer.abandon() }
        _ = try writer.store(generator.bytes(100_000))
        #expect(writer.counters.chunksUntried == 1)
        #expect(writer.counters.storedBytes == 100_016)
        _ = try writer.store(generator.bytes(100_000).map { $0 & 0x3F })
        #expect(writer.counters.chunksUntried == 1)
        #expect(writer.counters.storedBytes < 100_016 + 80_000)
    }
}

extension [UInt8] {
    fileprivate func repeated(_ times: Int) -> [UInt8] {
        (0..<times).flatMap { _ in self }
    }
}
