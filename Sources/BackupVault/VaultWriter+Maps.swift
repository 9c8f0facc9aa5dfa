import VarveModel

/// Maps as a writer sees them, and the end of its work.
extension VaultWriter {
    /// Applies edits to a map.
    ///
    /// - Parameters:
    ///   - map: A root that this writer made, or one of a recovery point that still exists; `nil` is
    ///     the empty map.
    ///   - edits: Keys strictly ascending, byte by byte.
    /// - Returns: The root of the new map; the old one is as it was.
    /// - Throws: `.notFound` when `map` belongs to no recovery point (any more); `.invalid` for edits
    ///   out of order or too large; `.noSpace`, `.corrupt`, `.failed`.
    package func update(_ map: MapRoot?, edits: [MapEdit]) throws(VaultError) -> MapRoot {
        try requireWriting()
        if let map { try requireTrusted(map) }
        let rewriter = MapRewriter(store: self, boundaries: vault.keys.boundaries)
        let root = try rewriter.apply(edits, to: map)
        trust(root)
        return root
    }

    /// The value under a key; sees what this writer has not published yet.
    ///
    /// - Throws: `.corrupt`, `.failed`.
    package func value(of key: [UInt8], in map: MapRoot) throws(VaultError) -> MapValue? {
        try lookUp(key, in: map)
    }

    /// Up to `limit` entries from a key on; sees what this writer has not published yet.
    ///
    /// - Throws: `.corrupt`, `.failed`.
    package func scan(
        _ map: MapRoot,
        from key: [UInt8] = [],
        limit: Int
    ) throws(VaultError) -> [MapEntry] {
        var scan = MapScan(map, from: key, in: self)
        return try scan.take(limit)
    }

    /// Publishes a recovery point, durably and at once, and ends the writer.
    ///
    /// The order is: packs, an index of them, the look at what was condemned meanwhile, the names of packs,
    /// then the manifest. A crash before the manifest is durable leaves no point; packs that nobody
    /// refers to go with the next prune.
    ///
    /// - Parameter draft: Its maps are roots that `update` gave, or of points that still exist.
    /// - Returns: The point, with its new id.
    /// - Throws: `.noSpace`, `.notFound`, `.corrupt`, `.failed`, `.invalid` when it has no maps, or the vault's lock does not admit it; the
    ///   writer is then to be abandoned.
    package func publish(_ draft: RecoveryPointDraft) throws(VaultError) -> RecoveryPoint {
        try requireWriting()
        guard !draft.maps.isEmpty else {
            throw VaultError(.invalid, "a recovery point without content is not published")
        }
        for (_, root) in draft.maps.sorted(by: { $0.key < $1.key }) { try requireTrusted(root) }
        try settle()
        try rescueCondemned(draft)
        // Of this backup's packs, and of those that others have ended and this one refers to.
        try vault.files.sync(.packs)
        let point = RecoveryPoint(id: newPointID(), draft: try vault.admitted(draft))
        try write(point)
        if let parity { vault.protect(point.id, parity) }
        // A prune that came between sees either this manifest or this lease; the lease keeps its
        // condemned packs in place until what the point needs has been copied out of them. The names of these
        // copies are durable when it deletes: it syncs them itself.
        try rescueCondemned(draft)
        try confirm(point)
        abandon()
        return point
    }

    /// Where changes may arrive late, a point bears its writer's id: who takes the writer for dead knows which manifest
    /// must not come any more.
    private func newPointID() -> RecoveryPointID {
        RecoveryPointID(vault.files.storage.arrivesLate ? lease.writer : .random())
    }

    private func write(_ point: RecoveryPoint) throws(VaultError) {
        try lease.check(isSure: true)
        if vault.files.storage.arrivesLate { unconfirmed = point.id }
        try vault.manifests.write(point)
    }

    /// Refuses a point whose writer was taken for dead before its manifest came: packs that it needs may be gone.
    private func confirm(_ point: RecoveryPoint) throws(VaultError) {
        try lease.check(isSure: true)
        guard try !vault.manifests.voided.marked().contains(point.id) else {
            throw VaultError(
                .failed,
                "this backup was taken for dead by a prune, and its recovery point does not count",
                remedy: "Run the backup again."
            )
        }
        unconfirmed = nil
    }

    /// A root may be built on only if a prune cannot have dropped what it needs.
    private func requireTrusted(_ root: MapRoot) throws(VaultError) {
        if trusts(root) { return }
        for point in try vault.manifests.listing().points {
            for known in point.maps.values { trust(known) }
        }
        guard trusts(root) else {
            throw VaultError(
                .notFound,
                "the map with root \(root.node.id) belongs to no recovery point of this vault",
                remedy: "Take a full backup."
            )
        }
    }

    /// Copies every chunk that the point needs out of packs that were condemned since it was begun.
    ///
    /// Also out of those that were condemned already, should the maps stand on a point that was published
    /// while a prune condemned them: the lease does not keep these in place.
    ///
    /// - Throws: `.notFound` when such a pack went before its chunks could be copied.
    private func rescueCondemned(_ draft: RecoveryPointDraft) throws(VaultError) {
        while true {
            let current = try vault.generations.current()
            if current == generationSeen, !mustLookAtBase { return }
            generationSeen = current
            mustLookAtBase = false
            try vault.refresh()
            var live = LiveChunks(source: vault)
            for map in draft.maps.values { try live.add(map) }
            if let lost = live.ids.first(where: { vault.place(of: $0) == nil }) {
                throw VaultError(
                    .notFound,
                    "chunk \(lost) was pruned with the earlier recovery point",
                    remedy: "Run the backup again."
                )
            }
            try copy(live.ids.filter { vault.isCondemned($0) })
            try settle()
        }
    }

    /// Copies chunks into packs of this writer, ids unchanged, without recompressing them.
    func copy(_ ids: some Sequence<ChunkID>) throws(VaultError) {
        let places = ids.compactMap { id in vault.place(of: id).map { (id, $0.place, $0.pack) } }
        let inOrder = places.sorted { ($0.1.pack, $0.1.number) < ($1.1.pack, $1.1.number) }
        for (id, _, pack) in inOrder where !isPending(id) {
            let (entry, payload, _) = try vault.payload(of: id)
            try appendPayload(
                payload,
                reference: ChunkReference(id: id, length: entry.length),
                codec: entry.codec,
                as: pack.kind
            )
            countRescued()
        }
    }
}

/// Every chunk that maps need: nodes, and what their values refer to.
///
/// Nodes that maps share are read once.
struct LiveChunks {
    private(set) var ids: Set<ChunkID> = []
    private let source: any MapNodeSource

    init(source: any MapNodeSource) {
        self.source = source
    }

    mutating func add(_ map: MapRoot) throws(VaultError) {
        var waiting = [map.node]
        while let reference = waiting.popLast() {
            guard ids.insert(reference.id).inserted else { continue }
            switch try source.node(reference).items {
            case .leaf(let entries):
                for entry in entries {
                    for chunk in entry.value.chunks { ids.insert(chunk.id) }
                }
            case .branch(let children):
                for child in children.reversed() { waiting.append(child.node) }
            }
        }
    }
}
