import Synchronization
import VarveModel

/// Writes one recovery point: stores chunks, edits maps, publishes.
///
/// It holds a lease from its making to `publish` or `abandon`. One thread at a time. Until published,
/// nothing of it is to be seen but packs that no recovery point refers to.
package final class VaultWriter {
    /// What a writer has done so far; cost tests count by it.
    package struct Counters: Hashable, Sendable {
        /// Chunks stored anew, nodes included.
        package var chunksStored = 0
        /// Chunks that the vault held already, nodes included.
        package var chunksDeduplicated = 0
        /// Bytes of the chunks stored anew, before compression.
        package var plainBytes: UInt64 = 0
        /// Their bytes in packs.
        package var storedBytes: UInt64 = 0
        /// Map nodes stored anew.
        package var nodesWritten = 0
        /// Map nodes fetched.
        package var nodesRead = 0
        package var packsFinished = 0
        /// Chunks copied because a prune condemned their packs meanwhile.
        package var chunksRescued = 0
    }

    package private(set) var counters = Counters()

    let vault: Vault
    let lease: Lease
    /// How much parity its packs and its manifest get.
    let parity: ParityPolicy?
    /// The newest generation whose condemned packs this writer has looked at.
    var generationSeen: Generation
    /// Whether condemned packs were there when this writer began, which a base of its maps may still need: a
    /// point that was published while they were being condemned.
    var mustLookAtBase: Bool
    /// Packs that this writer finished and that stand in no index file yet.
    var unindexed: [(pack: IndexedPack, entries: [PackEntry])] = []
    /// Files of this writer that nobody has had the store keep yet.
    private var written: [String] = []
    /// Packs of others that this writer relies on, with their writers, where the store may have to keep them.
    private var relied: [UniqueID: UniqueID] = [:]
    private var open: [PackKind: PackWriter] = [:]
    /// Chunks of the open packs: nobody else may refer to them yet.
    private let pending = PendingChunks()
    /// Finds out about chunks on any thread what this writer then need only append.
    package let preparer: ChunkPreparer
    /// Map roots that new points may stand on.
    private var trusted: Set<MapRoot> = []
    private var state = State.writing
    /// A point whose manifest may be there, or on its way, and of which nobody was told.
    var unconfirmed: RecoveryPointID?

    private enum State {
        case writing
        /// An error left a pack in doubt: only `abandon` is of use.
        case broken
        case ended
    }

    init(_ vault: Vault, lease: Lease, generation: Generation, parity: ParityPolicy?) {
        self.vault = vault
        self.lease = lease
        self.parity = parity
        generationSeen = generation
        mustLookAtBase = vault.knowledge.withLock { !$0.index.condemned.isEmpty }
        preparer = ChunkPreparer(vault: vault, pending: pending)
    }

    deinit {
        abandon()
    }

    // MARK: Chunks

    /// Stores one chunk as it is, unless the vault holds it.
    ///
    /// - Parameter bytes: At most 1 MiB.
    /// - Returns: What map values refer to it by.
    /// - Throws: `.noSpace`, `.failed`; `.invalid` for too many bytes, or when the writer has ended.
    package func store(_ bytes: UnsafeRawBufferPointer) throws(VaultError) -> ChunkReference {
        try requireWriting()
        guard bytes.count <= ChunkSizes.bytesMax else {
            throw VaultError(.invalid, "a chunk of \(bytes.count) bytes; at most 1 MiB fits")
        }
        return try append(preparer.prepare(chunk: bytes), as: .content)
    }

    /// Stores one chunk as it is, unless the vault holds it.
    ///
    /// - Throws: As for a buffer.
    package func store(_ bytes: [UInt8]) throws(VaultError) -> ChunkReference {
        try bytes.withBytes { buffer throws(VaultError) in try store(buffer) }
    }

    /// Cuts a buffer by content and stores the chunks; hashes and compresses on every core.
    ///
    /// - Parameter bytes: The whole of what is to be cut; a chunk ends at its end.
    /// - Returns: The chunks in order; their lengths add up to `bytes.count`.
    /// - Throws: `.noSpace`, `.failed`; `.invalid` when the writer has ended.
    package func storeCut(
        _ bytes: UnsafeRawBufferPointer
    ) throws(VaultError) -> [ChunkReference] {
        try storeCut(bytes, lengths: vault.chunker.cuts(of: bytes))
    }

    /// Stores what was prepared beforehand.
    ///
    /// - Returns: The chunks in order.
    /// - Throws: As ``storeCut(_:)``.
    package func store(_ prepared: PreparedChunks) throws(VaultError) -> [ChunkReference] {
        try requireWriting()
        var references: [ChunkReference] = []
        references.reserveCapacity(prepared.chunks.count)
        for chunk in prepared.chunks { references.append(try append(chunk, as: .content)) }
        return references
    }

    /// Begins to cut and store a stream that comes in pieces.
    package func beginStream() -> ChunkStream {
        ChunkStream(self)
    }

    /// Stores chunks of the given lengths, which add up to at most `bytes.count`.
    func storeCut(
        _ bytes: UnsafeRawBufferPointer,
        lengths: [Int]
    ) throws(VaultError) -> [ChunkReference] {
        try requireWriting()
        var pieces: [UnsafeRawBufferPointer] = []
        pieces.reserveCapacity(lengths.count)
        var start = 0
        for length in lengths {
            pieces.append(UnsafeRawBufferPointer(rebasing: bytes[start..<start + length]))
            start += length
        }
        var references: [ChunkReference] = []
        references.reserveCapacity(pieces.count)
        // A batch at a time: what is compressed and not yet in a pack stays small.
        for batch in VaultWriter.batches(of: pieces) {
            for prepared in preparer.prepare(chunks: batch) {
                references.append(try append(prepared, as: .content))
            }
        }
        return references
    }

    /// 4 MiB: enough to keep the cores busy.
    private static let batchBytes = 4 << 20

    /// Chunks in order, each batch of at most ``batchBytes``; a longer chunk would be one alone.
    static func batches(of pieces: [UnsafeRawBufferPointer]) -> [[UnsafeRawBufferPointer]] {
        var batches: [[UnsafeRawBufferPointer]] = []
        var bytes = 0
        for piece in pieces {
            if batches.isEmpty || bytes + piece.count > batchBytes {
                batches.append([])
                bytes = 0
            }
            batches[batches.count - 1].append(piece)
            bytes += piece.count
        }
        return batches
    }

    private func append(_ chunk: PreparedChunk, as kind: PackKind) throws(VaultError)
        -> ChunkReference
    {
        let id = chunk.reference.id
        guard let payload = chunk.payload, pending.place(of: id) == nil, !vault.canDeduplicate(id)
        else {
            counters.chunksDeduplicated += 1
            noteReliance(on: id)
            return chunk.reference
        }
        try appendPayload(payload, reference: chunk.reference, codec: chunk.codec, as: kind)
        counters.plainBytes += UInt64(chunk.reference.length)
        return chunk.reference
    }

    private func noteReliance(on id: ChunkID) {
        guard vault.files.storage.arrivesLate, pending.place(of: id) == nil,
            let pack = vault.place(of: id)?.pack, pack.writer != lease.writer
        else { return }
        relied[pack.id] = pack.writer
    }

    /// Puts stored bytes into the open pack of their kind; ends a pack that is full.
    func appendPayload(
        _ payload: [UInt8],
        reference: ChunkReference,
        codec: ChunkCodec,
        as kind: PackKind
    ) throws(VaultError) {
        do throws(VaultError) {
            let pack = try openPack(kind)
            let entry = try payload.withBytes { bytes throws(VaultError) in
                try pack.append(
                    bytes,
                    id: reference.id,
                    length: reference.length,
                    codec: codec
                )
            }
            pending.add(reference.id, kind, number: pack.entries.count - 1)
            counters.chunksStored += 1
            counters.storedBytes += UInt64(entry.stored)
            if pack.size >= vault.settings.packBytes { try finish(kind) }
        } catch {
            state = .broken
            throw error
        }
    }

    func isPending(_ id: ChunkID) -> Bool { pending.place(of: id) != nil }

    // MARK: Packs

    private func openPack(_ kind: PackKind) throws(VaultError) -> PackWriter {
        if let pack = open[kind] { return pack }
        let header = PackHeader(
            vault: vault.id,
            pack: .random(),
            salt: VaultKeys.randomSalt(),
            writer: lease.writer,
            generation: lease.generation,
            kind: kind
        )
        let pack = try PackWriter(files: vault.files, keys: vault.keys, header: header)
        open[kind] = pack
        return pack
    }

    /// Ends a pack: from now on every writer of this vault may refer to its chunks.
    private func finish(_ kind: PackKind) throws(VaultError) {
        guard let pack = open[kind] else { return }
        try lease.check()
        try pack.finish()
        open[kind] = nil
        let indexed = IndexedPack(
            header: pack.header,
            fileBytes: UInt64(pack.size),
            chunks: pack.entries.count
        )
        unindexed.append((indexed, pack.entries))
        written.append("packs/" + PackFormat.fileName(pack.header.pack))
        vault.knowledge.withLock { $0.index.add(indexed, entries: pack.entries) }
        pending.remove(pack.entries)
        counters.packsFinished += 1
        if let parity { try vault.protect(pack.header.pack, parity) }
    }

    /// Ends the packs and writes an index of them, durably but for the packs' names.
    ///
    /// Who relies on these syncs their folder first. An index that lists a pack which a power cut took is read as
    /// though it did not.
    func settle() throws(VaultError) {
        try requireWriting()
        do throws(VaultError) {
            for kind in PackKind.allCases { try finish(kind) }
            guard !unindexed.isEmpty else { return }
            written += try vault.writeIndex(unindexed).map { "index/" + $0 }
            unindexed = []
        } catch {
            state = .broken
            throw error
        }
    }

    /// Makes what was stored durable without a recovery point, and ends the writer: points that had lost it have it again.
    ///
    /// - Throws: `.noSpace`, `.failed`; the writer is then to be abandoned.
    package func keep() throws(VaultError) {
        try settle()
        try vault.files.sync(.packs)
        try keepForAllPoints()
        abandon()
    }

    func takeWritten() -> [String] {
        defer { written = [] }
        return written
    }

    func takeRelied() -> [UniqueID: UniqueID] {
        defer { relied = [:] }
        return relied
    }

    func countRescued() { counters.chunksRescued += 1 }

    // MARK: The end

    /// Gives up: nothing is published; packs already finished serve the next backup until a prune.
    package func abandon() {
        guard state != .ended else { return }
        state = .ended
        for pack in open.values { pack.discard() }
        open = [:]
        pending.removeAll()
        do throws(VaultError) {
            if let unconfirmed { try vault.withdraw(unconfirmed) }
            lease.end()
        } catch {
            // The next prune takes this writer for dead, and voids the point before it deletes anything.
            lease.leave()
        }
    }

    func requireWriting() throws(VaultError) {
        switch state {
        case .writing: return
        case .broken:
            throw VaultError(
                .invalid,
                "this backup failed earlier and cannot go on",
                remedy: "Run the backup again."
            )
        case .ended: throw VaultError(.invalid, "this backup has ended already")
        }
    }

    func trust(_ root: MapRoot) { trusted.insert(root) }
    func trusts(_ root: MapRoot) -> Bool { trusted.contains(root) }
}

/// Map nodes, as far as this writer sees them.
extension VaultWriter: MapNodeStore {
    func node(_ reference: ChunkReference) throws(VaultError) -> MapNode {
        counters.nodesRead += 1
        guard let place = pending.place(of: reference.id), let pack = open[place.kind] else {
            return try vault.node(reference)
        }
        if let known = vault.nodes.withLock({ $0.value(reference.id) }) { return known }
        let payload = try pack.payload(number: place.number)
        let entry = pack.entries[place.number]
        let plain = try vault.compression.plain(payload, entry: entry, name: "an open pack")
        return try Vault.node(reference, plain)
    }

    func storeNode(_ bytes: [UInt8]) throws(VaultError) -> ChunkReference {
        let stored = counters.chunksStored
        let prepared = bytes.withUnsafeBytes { preparer.prepare(chunk: $0) }
        let reference = try append(prepared, as: .nodes)
        if counters.chunksStored > stored {
            counters.nodesWritten += 1
            if let node = MapNode(bytes) {
                vault.nodes.withLock {
                    $0.insert(node, for: reference.id, bytes: bytes.count)
                }
            }
        }
        return reference
    }
}
