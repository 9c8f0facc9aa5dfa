import Glibc
import Keyring
import TestKit
import Testing

/// A run of blocks opens as its blocks do, and a mapped file that fails ends the reading, not the process.
@Suite struct SealedRunTests {
    private static let blockBytes = 4_096
    private static let number: UInt64 = 0x0102_0304_0506_0708
    private static let header: [UInt8] = Array(0..<200)

    /// Blocks `first`… of `plain`, each sealed on its own.
    private static func sealed(_ plain: [UInt8], by sealer: Sealer, first: Int) -> [UInt8] {
        stride(from: 0, to: plain.count, by: blockBytes).flatMap { start in
            sealer.seal(
                Array(plain[start..<min(plain.count, start + blockBytes)]),
                nonce: Nonce(number: number, index: UInt32(first + start / blockBytes)),
                authenticating: header
            )
        }
    }

    private static func open(
        _ sealed: UnsafeRawBufferPointer,
        by sealer: Sealer,
        _ blocks: Range<Int>,
        plainBytes: Int
    ) -> (outcome: SealedRun.Outcome, plain: [UInt8]) {
        var plain = [UInt8](repeating: 0xEE, count: plainBytes)
        let outcome = plain.withUnsafeMutableBytes { plain in
            header.withUnsafeBytes { header in
                sealer.openRun(
                    SealedRun(
                        sealed: sealed,
                        into: plain,
                        blocks: blocks,
                        blockBytes: blockBytes,
                        number: number,
                        authenticating: header
                    )
                )
            }
        }
        return (outcome, plain)
    }

    @Test func `a run opens to what its blocks hold, whatever the last one's length`() throws {
        var random = SeededGenerator(seed: testSeed(default: 31))
        let sealer = Sealer(.random())
        for (count, last) in [(1, 1), (1, 4_096), (2, 15), (7, 4_095), (64, 4_096)] {
            let plain = random.bytes((count - 1) * Self.blockBytes + last)
            for first in [0, 3] {
                let sealed = Self.sealed(plain, by: sealer, first: first)
                let found = sealed.withUnsafeBytes {
                    Self.open($0, by: sealer, first..<first + count, plainBytes: plain.count)
                }
                #expect(found.outcome == .opened)
                #expect(found.plain == plain)
            }
        }
    }

    @Test func `one bit anywhere is named by its block, and none of that block comes out`() throws {
        var random = SeededGenerator(seed: testSeed(default: 32))
        let sealer = Sealer(.random())
        let plain = random.bytes(5 * Self.blockBytes + 100)
        let whole = Self.sealed(plain, by: sealer, first: 2)
        for bit in stride(from: 0, to: whole.count * 8, by: 1_013) {
            var sealed = whole
            sealed[bit / 8] ^= 1 << UInt8(bit % 8)
            let found = sealed.withUnsafeBytes {
                Self.open($0, by: sealer, 2..<8, plainBytes: plain.count)
            }
            let block = min(bit / 8 / (Self.blockBytes + Sealer.tagBytes), 5)
            #expect(found.outcome == .notAuthentic(block: 2 + block))
            let start = block * Self.blockBytes
            let end = min(plain.count, start + Self.blockBytes)
            #expect(found.plain[start..<end].allSatisfy { $0 == 0 })
        }
    }

    @Test func `bytes that a mapped file has lost are unreadable, at each block, again and again`()
        throws
    {
        let directory = try TemporaryDirectory()
        let sealer = Sealer(.random())
        let plain = [UInt8](repeating: 7, count: 16 * Self.blockBytes)
        let sealed = Self.sealed(plain, by: sealer, first: 0)
        let file = Glibc.open(directory.path + "/sealed", O_RDWR | O_CREAT, 0o600)
        defer { close(file) }
        try #require(pwrite(file, sealed, sealed.count, 0) == sealed.count)
        let start = try #require(mmap(nil, sealed.count, PROT_READ, MAP_SHARED, file, 0))
        try #require(start != MAP_FAILED)
        defer { munmap(start, sealed.count) }
        let mapped = UnsafeRawBufferPointer(start: start, count: sealed.count)
        #expect(Self.open(mapped, by: sealer, 0..<16, plainBytes: plain.count).outcome == .opened)
        for size in stride(from: sealed.count - 4_096, through: 0, by: -4_096) {
            try #require(ftruncate(file, off_t(size)) == 0)
            let found = Self.open(mapped, by: sealer, 0..<16, plainBytes: plain.count)
            // The rest of the last page that is there reads as zeros, so its block may be the first to fail.
            let last = size / (Self.blockBytes + Sealer.tagBytes)
            #expect([.unreadable, .notAuthentic(block: last)].contains(found.outcome), "\(size)")
            if size.isMultiple(of: 4_096) { #expect(found.outcome == .unreadable, "\(size)") }
        }
        try #require(pwrite(file, sealed, sealed.count, 0) == sealed.count)
        #expect(Self.open(mapped, by: sealer, 0..<16, plainBytes: plain.count).plain == plain)
    }

    @Test func `a bus error that is not a run's ends the process as ever`() async throws {
        await #expect(processExitsWith: .signal(SIGBUS)) {
            // The guard is in place once a run was opened.
            let sealer = Sealer(.random())
            let sealed = SealedRunTests.sealed([1, 2, 3], by: sealer, first: 0)
            _ = sealed.withUnsafeBytes {
                SealedRunTests.open($0, by: sealer, 0..<1, plainBytes: 3)
            }
            let file = try #require(tmpfile())
            let start = try #require(mmap(nil, 4_096, PROT_READ, MAP_SHARED, fileno(file), 0))
            print(UnsafeRawBufferPointer(start: start, count: 1)[0])
        }
    }
}
