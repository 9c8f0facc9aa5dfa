import VarveModel

/// What is live in each pack: one look at every chunk that is referred to.
struct LiveTally {
    /// Packs that must stay, since a repair may still give back of them what points need: those with chunks that no pack gives back
    /// whole, and, while chunks stand in no list at all, those whose own list does not read.
    let losing: Set<UniqueID>
    /// A chunk that is needed and stands in no list.
    let missing: ChunkID?
    /// By the packs' places in the index.
    private let bytes: [UInt64]
    private let chunks: [Int]

    init(of table: CountTable, in known: Vault.Knowledge) {
        var bytes = [UInt64](repeating: 0, count: known.index.packs.count)
        var chunks = [Int](repeating: 0, count: known.index.packs.count)
        var losing: Set<UniqueID> = []
        var missing: ChunkID?
        table.forEachLive { id in
            guard let place = known.index.chunks[id] else {
                missing = missing ?? id
                return
            }
            bytes[Int(place.pack)] += UInt64(place.stored)
            chunks[Int(place.pack)] += 1
            if known.index.isDamaged(place, of: id) {
                losing.insert(known.index.pack(of: place).id)
            }
        }
        self.losing = missing == nil ? losing : losing.union(known.damagedPacks.keys)
        self.missing = missing
        self.bytes = bytes
        self.chunks = chunks
    }

    /// What a plan judges.
    ///
    /// - Parameters:
    ///   - known: Of which this is the tally.
    ///   - listed: Packs that were there before the living writers were looked for; others are left alone.
    ///   - living: Writers whose packs are left alone.
    /// - Returns: One of each pack that is known.
    func candidates(
        _ known: Vault.Knowledge,
        among listed: Set<UniqueID>,
        living: Set<UniqueID>
    ) -> [PrunePlan.Candidate] {
        let damaged = known.index.damagedPacks
        return known.index.packs.enumerated().map { ordinal, pack in
            PrunePlan.Candidate(
                pack: pack.id,
                kind: pack.kind,
                fileBytes: pack.fileBytes,
                chunkBytes: pack.chunkBytes,
                liveBytes: bytes[ordinal],
                liveChunks: chunks[ordinal],
                isLeftAlone: known.index.condemned.contains(UInt32(ordinal))
                    || living.contains(pack.writer) || !listed.contains(pack.id)
                    || losing.contains(pack.id),
                isDamaged: damaged.contains(pack.id)
            )
        }
    }
}
