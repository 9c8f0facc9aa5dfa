/// Cuts a stream that comes in pieces into chunks, and stores them.
///
/// The cuts are those that the whole content in one buffer would have. It belongs to its writer's
/// thread.
package struct ChunkStream {
    private let writer: VaultWriter
    private var buffer: [UInt8] = []

    /// 4 MiB at once keeps every core busy and memory small.
    private static let batchBytes = 4 << 20

    init(_ writer: VaultWriter) {
        self.writer = writer
    }

    /// Takes the next piece.
    ///
    /// - Parameter bytes: Any number.
    /// - Returns: The chunks that were stored meanwhile, in order; often none.
    /// - Throws: As ``VaultWriter/storeCut(_:)``.
    package mutating func append(
        _ bytes: UnsafeRawBufferPointer
    ) throws(VaultError) -> [ChunkReference] {
        var references: [ChunkReference] = []
        var start = 0
        while start < bytes.count {
            let end = min(bytes.count, start + max(1, ChunkStream.batchBytes - buffer.count))
            buffer.append(contentsOf: UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
            start = end
            guard buffer.count >= ChunkStream.batchBytes else { continue }
            references += try storeFinal(isEnd: false)
        }
        return references
    }

    /// Takes the next piece.
    ///
    /// - Throws: As for a buffer.
    package mutating func append(_ bytes: [UInt8]) throws(VaultError) -> [ChunkReference] {
        var references: [ChunkReference] = []
        try bytes.withBytes { buffer throws(VaultError) in references = try append(buffer) }
        return references
    }

    /// Ends the content; the stream can then take another.
    ///
    /// - Returns: The remaining chunks.
    /// - Throws: As ``VaultWriter/storeCut(_:)``.
    package mutating func finish() throws(VaultError) -> [ChunkReference] {
        try storeFinal(isEnd: true)
    }

    /// Stores every chunk whose end cannot move any more.
    private mutating func storeFinal(isEnd: Bool) throws(VaultError) -> [ChunkReference] {
        let writer = writer
        var used = 0
        let references = try buffer.withBytes { bytes throws(VaultError) in
            var lengths: [Int] = []
            while used < bytes.count {
                let rest = UnsafeRawBufferPointer(rebasing: bytes[used...])
                guard isEnd || rest.count >= writer.vault.chunker.sizes.maximum else { break }
                let length = writer.vault.chunker.cut(rest)
                lengths.append(length)
                used += length
            }
            return try writer.storeCut(bytes, lengths: lengths)
        }
        buffer.removeFirst(used)
        return references
    }
}
