import Synchronization
import VarveModel

/// Reading chunks and maps; every byte is authenticated before it is handed out.
extension Vault: MapNodeSource {
    /// Reads a whole chunk.
    ///
    /// - Throws: `.corrupt` when it is damaged or in no readable pack; `.failed`.
    package func read(_ chunk: ChunkReference) throws(VaultError) -> [UInt8] {
        if let known = plainChunks.withLock({ $0.value(chunk.id) }) {
            return try Vault.checked(known, chunk)
        }
        let plain = try Vault.checked(try readUncached(chunk.id), chunk)
        plainChunks.withLock { $0.insert(plain, for: chunk.id, bytes: plain.count) }
        return plain
    }

    /// Whether bytes are those of a chunk: its id is their digest under this vault's key.
    package func isContent(_ bytes: [UInt8], of chunk: ChunkID) -> Bool {
        bytes.withUnsafeBytes { keys.chunkID(of: $0) } == chunk
    }

    /// Reads some bytes of a chunk.
    ///
    /// - Parameters:
    ///   - chunk: As a map value refers to it.
    ///   - range: Within the chunk.
    /// - Returns: Exactly the bytes of the range.
    /// - Throws: `.invalid` when the range is not within the chunk, otherwise as `read(_:)`.
    package func read(
        _ chunk: ChunkReference,
        range: Range<Int>
    ) throws(VaultError) -> [UInt8] {
        guard range.lowerBound >= 0, range.upperBound <= Int(chunk.length) else {
            throw VaultError(
                .invalid,
                "bytes \(range) lie outside chunk \(chunk.id) of \(chunk.length) bytes"
            )
        }
        let plain = try read(chunk)
        return range.count == plain.count ? plain : Array(plain[range])
    }

    /// The value under a key of a map; `nil` when there is none.
    ///
    /// - Parameters:
    ///   - key: Any bytes.
    ///   - map: A root of a recovery point.
    /// - Returns: The value.
    /// - Throws: `.corrupt`, `.failed`.
    package func value(of key: [UInt8], in map: MapRoot) throws(VaultError) -> MapValue? {
        try lookUp(key, in: map)
    }

    /// The entries of a map in key order, beginning with the first key that is not below `key`.
    package func entries(of map: MapRoot, from key: [UInt8] = []) -> MapScan {
        MapScan(map, from: key, in: self)
    }

    /// Up to `limit` entries in key order, beginning with the first key that is not below `key`.
    ///
    /// - Throws: `.corrupt`, `.failed`.
    package func scan(
        _ map: MapRoot,
        from key: [UInt8] = [],
        limit: Int
    ) throws(VaultError) -> [MapEntry] {
        var scan = entries(of: map, from: key)
        return try scan.take(limit)
    }

    /// The keys in which two maps differ, in order; equal subtrees are not read.
    package func difference(from old: MapRoot?, to new: MapRoot?) -> MapDifferences {
        MapDifferences(from: old, to: new, in: self)
    }

    func node(_ reference: ChunkReference) throws(VaultError) -> MapNode {
        if let known = nodes.withLock({ $0.value(reference.id) }) { return known }
        let node = try Vault.node(reference, try readUncached(reference.id))
        nodes.withLock { $0.insert(node, for: reference.id, bytes: node.byteCount) }
        return node
    }

    static func node(_ reference: ChunkReference, _ bytes: [UInt8]) throws(VaultError) -> MapNode {
        guard let node = MapNode(try checked(bytes, reference)) else {
            throw VaultError(
                .corrupt,
                "chunk \(reference.id) is not a map node",
                remedy: "Run 'varve vault verify'."
            )
        }
        return node
    }

    static func checked(
        _ bytes: [UInt8],
        _ reference: ChunkReference
    ) throws(VaultError) -> [UInt8] {
        guard bytes.count == Int(reference.length) else {
            throw VaultError(
                .corrupt,
                "chunk \(reference.id) holds \(bytes.count) bytes, its reference says "
                    + "\(reference.length)",
                remedy: "Run 'varve vault verify'."
            )
        }
        return bytes
    }

    // MARK: From packs

    /// A chunk's plain bytes, straight from its pack.
    func readUncached(_ id: ChunkID) throws(VaultError) -> [UInt8] {
        let (entry, payload, name) = try payload(of: id)
        return try compression.plain(payload, entry: entry, name: name)
    }

    /// A chunk's stored bytes, authenticated.
    ///
    /// Looks again when a prune moved the chunk meanwhile. A damaged one is remembered as such, so that
    /// the next backup of the same bytes stores them anew, and read from another pack if it stands in one.
    func payload(
        of id: ChunkID
    ) throws(VaultError) -> (entry: PackEntry, payload: [UInt8], name: String) {
        var damage: VaultError?
        for attempt in 0..<3 {
            if attempt > 0 { try refresh() }
            let places = knowledge.withLock { known in
                known.index.places(of: id).map { ($0, known.index.pack(of: $0)) }
            }
            for (place, pack) in places {
                do throws(VaultError) {
                    let reader = try reader(of: pack.id)
                    let entry = PackEntry(id: id, place: place)
                    let payload = try reader.payload(of: entry, number: Int(place.number))
                    return (entry, payload, reader.name)
                } catch {
                    switch error.code {
                    case .notFound: continue
                    case .corrupt, .newerFormat, .failed:
                        // What a medium does not give is as good as damaged, and a damaged header may seem newer: another pack may have it.
                        damage = damage ?? error
                        noteDamaged(id, in: pack.id)
                    default: throw error
                    }
                }
            }
            if let damage { throw VaultError(lostBy: damage) }
        }
        let damaged = knowledge.withLock { $0.damagedPacks.count }
        throw VaultError(
            .corrupt,
            "chunk \(id) is in no readable pack"
                + (damaged == 0 ? "" : "; \(damaged) packs are damaged"),
            remedy: "Run 'varve vault verify', and restore the missing pack from a copy."
        )
    }

    /// Remembers that a pack does not give back a chunk.
    func noteDamaged(_ id: ChunkID, in pack: UniqueID) {
        knowledge.withLock { known in
            let place = known.index.places(of: id).first { known.index.pack(of: $0).id == pack }
            if let place { known.index.noteDamaged(place, of: id) }
        }
    }

    func place(of id: ChunkID) -> (place: ChunkPlace, pack: IndexedPack)? {
        knowledge.withLock { known in
            known.index.chunks[id].map { ($0, known.index.pack(of: $0)) }
        }
    }

    /// Whether new references to a chunk may rely on a finished pack.
    func canDeduplicate(_ id: ChunkID) -> Bool {
        knowledge.withLock { $0.index.canDeduplicate(id) }
    }

    func isCondemned(_ id: ChunkID) -> Bool {
        knowledge.withLock { known in
            known.index.chunks[id].map { known.index.isCondemned($0) } ?? false
        }
    }

    private func reader(of pack: UniqueID) throws(VaultError) -> PackReader {
        if let open = readers.withLock({ $0.value(pack) }) { return open }
        let opened = try PackReader(pack, files: files, keys: keys)
        readers.withLock { $0.insert(opened, for: pack, bytes: 1) }
        return opened
    }

    /// Forgets what is cached, so that the next read comes from storage.
    func dropCaches() {
        files.changes.forget()
        readers.withLock { $0 = RecentCache(bytesMax: 256) }
        nodes.withLock { $0 = RecentCache(bytesMax: 32 << 20) }
        plainChunks.withLock { $0 = RecentCache(bytesMax: 16 << 20) }
    }
}

extension VaultError {
    /// What became of a chunk that no pack gives: it is lost, whether its bytes are wrong or the medium fails, unless a newer
    /// program may read it.
    ///
    /// Whoever stands on it then does without, as the format says (docs/formats/vault.md); a failing write stays one.
    fileprivate init(lostBy error: VaultError) {
        let code = error.code == .newerFormat ? error.code : .corrupt
        self.init(code, error.message, remedy: error.remedy)
    }
}

extension MapScan {
    /// Up to `limit` entries more.
    ///
    /// - Parameters:
    ///   - limit: Entries at most.
    ///   - belongs: Ends it at the first key that does not; no node behind that one's is read.
    /// - Returns: Fewer than `limit` at the end.
    /// - Throws: As ``next()``.
    package mutating func take(
        _ limit: Int,
        while belongs: ([UInt8]) -> Bool = { _ in true }
    ) throws(VaultError) -> [MapEntry] {
        var entries: [MapEntry] = []
        while entries.count < limit, let entry = try next(), belongs(entry.key) {
            entries.append(entry)
        }
        return entries
    }
}
