import Dispatch
import Synchronization
import VarveModel

/// Cuts, hashes and compresses what a writer will store: all that needs no order, on any thread.
package struct ChunkPreparer: Sendable {
    let vault: Vault
    let pending: PendingChunks

    /// Cuts a buffer by content; compresses the chunks that neither vault nor writer holds.
    ///
    /// - Parameter bytes: The whole of what is to be cut; a chunk ends at its end.
    /// - Returns: What the writer then appends.
    package func prepare(_ bytes: [UInt8]) -> PreparedChunks {
        bytes.withUnsafeBytes { buffer in
            var chunks: [PreparedChunk] = []
            var start = 0
            while start < buffer.count {
                let rest = UnsafeRawBufferPointer(rebasing: buffer[start...])
                let length = vault.chunker.cut(rest)
                chunks.append(prepare(chunk: UnsafeRawBufferPointer(rebasing: rest[..<length])))
                start += length
            }
            return PreparedChunks(chunks: chunks)
        }
    }

    /// Chunks that are cut already, on every core.
    func prepare(chunks pieces: [UnsafeRawBufferPointer]) -> [PreparedChunk] {
        guard pieces.count > 1 else { return pieces.map { prepare(chunk: $0) } }
        return [PreparedChunk](unsafeUninitializedCapacity: pieces.count) { results, count in
            // SAFETY: each iteration initialises the one place that bears its own number, and all
            // have ended when concurrentPerform returns.
            nonisolated(unsafe) let results = results
            nonisolated(unsafe) let pieces = pieces
            DispatchQueue.concurrentPerform(iterations: pieces.count) { index in
                results.initializeElement(at: index, to: prepare(chunk: pieces[index]))
            }
            count = pieces.count
        }
    }

    func prepare(chunk plain: UnsafeRawBufferPointer) -> PreparedChunk {
        let id = vault.keys.chunkID(of: plain)
        let reference = ChunkReference(id: id, length: UInt32(plain.count))
        if pending.place(of: id) != nil || vault.canDeduplicate(id) {
            return PreparedChunk(reference: reference, payload: nil, codec: .raw)
        }
        if let frame = vault.compression.shrunk(plain) {
            return PreparedChunk(reference: reference, payload: frame, codec: .zstd)
        }
        return PreparedChunk(
            reference: reference,
            payload: ChunkCompression.copy(of: plain),
            codec: .raw
        )
    }
}

/// Chunks of one buffer that are ready to be appended.
package struct PreparedChunks: Sendable {
    let chunks: [PreparedChunk]

    /// Bytes that it holds in memory: of chunks that are known already, none.
    package var bytesHeld: Int { chunks.reduce(0) { $0 + ($1.payload?.count ?? 0) } }
}

/// A chunk with what can be found out about it on any thread.
struct PreparedChunk: Sendable {
    let reference: ChunkReference
    /// The bytes to store: `nil` when they are held already.
    ///
    /// A pack that is condemned afterwards stays until the writer's lease ends, and publishing copies
    /// what the point needs of it.
    let payload: [UInt8]?
    let codec: ChunkCodec
}

/// Chunks of a writer's open packs.
final class PendingChunks: Sendable {
    private let places = Mutex<[ChunkID: (kind: PackKind, number: Int)]>([:])

    func place(of id: ChunkID) -> (kind: PackKind, number: Int)? {
        places.withLock { $0[id] }
    }

    func add(_ id: ChunkID, _ kind: PackKind, number: Int) {
        places.withLock { $0[id] = (kind, number) }
    }

    func remove(_ entries: [PackEntry]) {
        places.withLock { places in for entry in entries { places[entry.id] = nil } }
    }

    func removeAll() {
        places.withLock { $0 = [:] }
    }
}
