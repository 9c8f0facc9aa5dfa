import VarveModel

/// What a transaction has changed beside its rows: reverted with a savepoint, reset by a rollback.
struct WriterState {
    var clock: EpochClock
    var retained: RetainedInstants
    var counters: FileSystemCounters
    var tiers: [SegmentID: Tier]
    /// Whether any record has, or had since the last look, more than one referrer.
    var hasSharedRecords: Bool
    /// Whether a row may refer to a record of another file or tile: the superblock says so.
    var hasForeignRecords: Bool
    /// Bytes to add to the space of inodes when the transaction ends.
    var spaceDeltas: [InodeNumber: Int64] = [:]
    var segmentDeltas: [SegmentID: SegmentDelta] = [:]
    var freed: [FreedRecord] = []
    /// Bytes that only the past shows, and what to add to their table when the transaction ends.
    var past: PastBytes
    var pastDeltas: [PastCell: Int64] = [:]
    var ended: [InodeNumber] = []

    var epoch: Epoch { clock.epoch }

    /// Counts bytes of data that began or stopped showing, in the file system's accounts.
    mutating func count(_ bytes: Int64, in tier: Tier) {
        let index = Int(tier.rawValue)
        counters.space[index] = UInt64(clamping: Int64(counters.space[index]) + bytes)
    }
}

/// What to add to a segment's row when the transaction ends.
struct SegmentDelta {
    var bytes: Int64 = 0
    var dead: Int64 = 0
    var bornMin = Epoch.never
    var bornMax = Epoch.zero
}

/// The live maps of recently written tiles, so that a write need not read its tile's rows again.
struct TileCache {
    struct Key: Hashable {
        let inode: InodeNumber
        let tile: Int64
    }

    /// Slices that the cache holds at most, over all tiles: about 16 MiB of memory.
    static let membersMax = 1 << 16

    private var maps: [Key: TileMap] = [:]
    private var members = 0

    mutating func take(_ key: Key) -> TileMap? {
        guard let map = maps.removeValue(forKey: key) else { return nil }
        members -= map.count + 1
        return map
    }

    mutating func put(_ map: TileMap, _ key: Key) {
        if members > TileCache.membersMax { removeAll() }
        members += map.count + 1
        maps[key] = map
    }

    mutating func removeAll() {
        maps.removeAll(keepingCapacity: true)
        members = 0
    }
}
