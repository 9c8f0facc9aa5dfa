import Synchronization
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
    /// then the manifest, and its voucher. A crash before the manifest is durable leaves no point; packs that nobody
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
        // The store keeps what the point needs before anybody is told of it.
        let keeping = try storeKeeping()
        try keepWritten(until: keeping?.end(of: point.draft), keeping)
        try write(point)
        if let parity { vault.protect(point.id, parity) }
        // A prune that came between sees either this manifest or this lease; the lease keeps its
        // condemned packs in place until what the point needs has been copied out of them. The names of these
        // copies are durable when it deletes: it syncs them itself.
        try rescueCondemned(draft)
        try keepWritten(until: keeping?.end(of: point.draft), keeping)
        try keep(point, keeping)
        try confirm(point)
        vault.vouch(for: point, lease)
        abandon()
        return point
    }

    /// A lock that does not read hinders no backup: nothing is deleted meanwhile, and a prune keeps in the store what is not.
    private func storeKeeping() throws(VaultError) -> StoreKeeping? {
        do throws(VaultError) {
            return try vault.storeKeeping()
        } catch {
            guard error.code == .corrupt || error.code == .newerFormat else { throw error }
            return nil
        }
    }

    /// Has the store keep what this writer has stored, for all points that there are: some have got it back.
    func keepForAllPoints() throws(VaultError) {
        guard let keeping = try storeKeeping() else { return }
        let points = try vault.warmListing(readsAll: false).points
        try keepWritten(until: points.map { keeping.end(of: $0.draft) }.max(), keeping)
    }

    /// Has the store keep what this writer has stored, and what it found that is of no point: O(what is new).
    ///
    /// What the point shares with others is kept for them, and for longer by the next prune.
    private func keepWritten(
        until end: Timestamp?,
        _ keeping: StoreKeeping?
    ) throws(VaultError) {
        guard let keeping, let end else { return }
        let found = try packsOfNoPoint()
        var refused = RefusedFiles()
        try unlessDenied { () throws(VaultError) in
            for name in takeWritten() {
                try refused.pass { () throws(VaultError) in
                    try keepNew(name, until: end, keeping)
                }
            }
            for name in found {
                try refused.pass { () throws(VaultError) in
                    try keeping.keepShared(name, until: end)
                }
            }
        }
    }

    private func keepNew(
        _ name: String,
        until end: Timestamp,
        _ keeping: StoreKeeping
    ) throws(VaultError) {
        do throws(VaultError) {
            try keeping.keepShared(name, until: end, isNew: true)
        } catch {
            // A prune has joined this index file with others, and has the store keep what came of it.
            guard error.code == .notFound, name.hasPrefix("index/") else { throw error }
        }
    }

    /// Packs that this writer relies on, and whose writers have no point that they would be kept for: of a backup that
    /// failed or is not done yet, of a repair or a prune.
    private func packsOfNoPoint() throws(VaultError) -> [String] {
        let relied = takeRelied()
        guard !relied.isEmpty else { return [] }
        let points = Set(try vault.manifests.ids().map(\.unique))
        // What the point needs of a condemned one was copied.
        let condemned = vault.knowledge.withLock { $0.index.condemnedIDs }
        return relied.filter { !points.contains($0.value) && !condemned.contains($0.key) }
            .map { "packs/" + PackFormat.fileName($0.key) }.sorted()
    }

    /// Passes over keys that may not keep anything.
    ///
    /// They store backups all the same, as they did in a bucket without Object Lock: a backup that is not made is the greater
    /// loss. `doctor`, and each prune, name what is refused.
    private func unlessDenied(_ body: () throws(VaultError) -> Void) throws(VaultError) {
        do throws(VaultError) {
            try body()
        } catch {
            guard error.code == .denied else { throw error }
        }
    }

    private func keep(_ point: RecoveryPoint, _ keeping: StoreKeeping?) throws(VaultError) {
        guard let keeping else { return }
        let end = keeping.end(of: point.draft)
        var refused = RefusedFiles()
        try unlessDenied { () throws(VaultError) in
            try refused.pass { () throws(VaultError) in
                try keeping.keepManifest(of: point, isNew: true)
            }
            try vault.keepEntrance(until: end, keeping, &refused)
        }
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

    /// Builds on the maps of a point from now on, as any writer may on those of each point that there is.
    ///
    /// It reads that point's manifest alone; without it, the first map that is built on costs reading all of them.
    ///
    /// - Parameter id: A warm point.
    /// - Throws: `.notFound` when it is gone; what reading it throws.
    package func stand(on id: RecoveryPointID) throws(VaultError) {
        let point = try vault.recoveryPoint(id)
        guard !point.isCold else {
            throw VaultError(
                .notFound,
                "recovery point \(id) is in cold storage now",
                remedy: "Take a full backup."
            )
        }
        for root in point.maps.values { trust(root) }
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
    /// Those that came since they were last taken.
    private var new: [ChunkID] = []
    private let source: any MapNodeSource

    private let remembersNew: Bool

    /// - Parameters:
    ///   - source: Of nodes.
    ///   - remembersNew: Whether ``takeNew()`` is asked.
    init(source: any MapNodeSource, remembersNew: Bool = false) {
        self.source = source
        self.remembersNew = remembersNew
    }

    @discardableResult
    private mutating func insert(_ id: ChunkID) -> Bool {
        guard ids.insert(id).inserted else { return false }
        if remembersNew { new.append(id) }
        return true
    }

    /// The chunks that came since this was last asked.
    mutating func takeNew() -> [ChunkID] {
        defer { new = [] }
        return new
    }

    mutating func add(_ map: MapRoot) throws(VaultError) {
        try walk(map) { (error) throws(VaultError) in throw error }
    }

    /// The same, past nodes that do not read, which count as needed themselves.
    ///
    /// - Returns: Why the first of them does not; `nil` when all do.
    /// - Throws: What says nothing of a node: `.unavailable`, `.denied`.
    mutating func addReadable(_ map: MapRoot) throws(VaultError) -> VaultError? {
        var first: VaultError?
        try walk(map) { (error) throws(VaultError) in
            guard [.corrupt, .notFound, .newerFormat, .failed].contains(error.code) else {
                throw error
            }
            first = first ?? error
        }
        return first
    }

    private mutating func walk(
        _ map: MapRoot,
        onUnread: (VaultError) throws(VaultError) -> Void
    ) throws(VaultError) {
        var waiting = [map.node]
        while let reference = waiting.popLast() {
            guard insert(reference.id) else { continue }
            let node: MapNode
            do throws(VaultError) {
                node = try source.node(reference)
            } catch {
                try onUnread(error)
                continue
            }
            switch node.items {
            case .leaf(let entries):
                for entry in entries {
                    for chunk in entry.value.chunks { insert(chunk.id) }
                }
            case .branch(let children):
                for child in children.reversed() { waiting.append(child.node) }
            }
        }
    }
}
