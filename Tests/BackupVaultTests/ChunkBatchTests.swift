import Testing

@testable import BackupVault

/// What is compressed and not yet in a pack stays small, however long chunks are.
@Suite struct ChunkBatchTests {
    @Test(arguments: [
        ([1 << 20, 1 << 20, 1 << 20, 1 << 20, 1 << 20], [4, 1]),
        ([3 << 20, 2 << 20, 2 << 20, 1], [1, 2, 1]), ([5 << 20, 1, 5 << 20], [1, 1, 1]), ([], []),
        ([Int](repeating: 1 << 10, count: 5_000), [4_096, 904]),
    ])
    func `a batch has at most 4 MiB, and no chunk is lost`(lengths: [Int], counts: [Int]) {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 5 << 20, alignment: 16)
        defer { memory.deallocate() }
        let pieces = lengths.map {
            // SAFETY: only lengths are looked at; no piece is longer than the memory.
            UnsafeRawBufferPointer(rebasing: memory[..<$0])
        }
        let batches = VaultWriter.batches(of: pieces)
        #expect(batches.map(\.count) == counts)
        #expect(batches.flatMap { $0.map(\.count) } == lengths)
    }
}
