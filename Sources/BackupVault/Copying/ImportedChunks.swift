import VarveModel

/// Chunks of another vault, read, named as this one names them, and ready to be stored.
package struct ImportedChunks: Sendable {
    /// In the order in which they were asked for, without the lost ones.
    fileprivate(set) var chunks: [(source: ChunkReference, prepared: PreparedChunk)] = []
    /// Chunks that the other vault does not give any more, and why.
    package fileprivate(set) var lost: [(chunk: ChunkReference, error: VaultError)] = []

    package var count: Int { chunks.count }

    /// Plain bytes that were read.
    package var bytesRead: UInt64 { chunks.reduce(0) { $0 + UInt64($1.source.length) } }

    /// Bytes that it holds in memory: of chunks that are known already, none.
    package var bytesHeld: UInt64 {
        chunks.reduce(0) { $0 + UInt64($1.prepared.payload?.count ?? 0) }
    }

    package init() {}
}

extension ChunkPreparer {
    /// Reads chunks of another vault, checks that they are what their ids say, and names them; on any thread.
    ///
    /// What is compressed there is stored as it is: only the seal and the id are a vault's own, and compressing is
    /// what costs most.
    ///
    /// - Parameters:
    ///   - references: Chunks of `source`.
    ///   - source: Another vault.
    /// - Returns: What the writer then stores; those that are lost are told, and no error.
    /// - Throws: `.denied`, `.newerFormat`.
    package func `import`(
        _ references: [ChunkReference],
        from source: Vault
    ) throws(VaultError) -> ImportedChunks {
        var imported = ImportedChunks()
        imported.chunks.reserveCapacity(references.count)
        for reference in references {
            do throws(VaultError) {
                imported.chunks.append((reference, try prepare(reference, of: source)))
            } catch {
                guard error.code == .corrupt else { throw error }
                imported.lost.append((reference, error))
            }
        }
        return imported
    }

    private func prepare(
        _ reference: ChunkReference,
        of source: Vault
    ) throws(VaultError) -> PreparedChunk {
        let (entry, payload, name) = try source.payload(of: reference.id)
        let plain = try Vault.checked(
            try source.compression.plain(payload, entry: entry, name: name),
            reference
        )
        // The seal says that somebody with the key wrote these bytes under this id; a copy vouches for them anew.
        guard source.isContent(plain, of: reference.id) else {
            throw VaultError.damaged(name, "holds other content under the id \(reference.id)")
        }
        let id = plain.withUnsafeBytes { vault.keys.chunkID(of: $0) }
        let isKnown = pending.place(of: id) != nil || vault.canDeduplicate(id)
        return PreparedChunk(
            reference: ChunkReference(id: id, length: reference.length),
            payload: isKnown ? nil : payload,
            codec: entry.codec
        )
    }
}

extension VaultWriter {
    /// Stores chunks of another vault.
    ///
    /// - Parameter imported: What a preparer of this writer read.
    /// - Returns: What each is called here.
    /// - Throws: As ``storeCut(_:)``.
    package func store(
        _ imported: ImportedChunks
    ) throws(VaultError) -> [(source: ChunkReference, reference: ChunkReference)] {
        let stored = try store(PreparedChunks(chunks: imported.chunks.map(\.prepared)))
        return zip(imported.chunks, stored).map { ($0.source, $1) }
    }

    /// Whether new references may rely on a chunk that was found here before.
    package func holds(_ chunk: ChunkReference) -> Bool {
        isPending(chunk.id) || vault.canDeduplicate(chunk.id)
    }
}

/// What chunks of one vault are called in another, as far as one run of copies has found out.
///
/// Names are only a hint: whoever goes by one asks the writer whether it still holds the chunk.
package struct ChunkNames: Sendable {
    private var names: RecentCache<ChunkID, ChunkID>

    /// 32 MiB: the newest 150,000 to 300,000 names, those of 70 GiB and more in chunks of 512 KiB.
    private static let bytesMax = 32 << 20
    /// Two ids and what a table takes beside them.
    private static let entryBytes = 112

    package init() {
        names = RecentCache(bytesMax: ChunkNames.bytesMax)
    }

    /// What a chunk is called there; `nil` when that is not known, or forgotten.
    package mutating func name(of chunk: ChunkReference) -> ChunkReference? {
        names.value(chunk.id).map { ChunkReference(id: $0, length: chunk.length) }
    }

    package mutating func learn(_ chunk: ChunkReference, is other: ChunkReference) {
        names.insert(other.id, for: chunk.id, bytes: ChunkNames.entryBytes)
    }
}
