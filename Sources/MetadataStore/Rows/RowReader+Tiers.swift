package import VarveModel

/// Where the data of files lies, by the segments that their slices name.
extension RowReader {
    /// The tiles of a file that show data which lies in other tiers than one; it costs the file's slices.
    package func tilesElsewhere(
        _ inode: InodeNumber,
        than tier: Tier
    ) throws(MetadataError) -> [Int64] {
        try statements.all(
            .tilesElsewhere,
            inode.stored,
            Int64(tier.rawValue),
            Epoch.never.stored
        ) { $0.int(0) }
    }

    /// When the newest slice or hole that a file shows was laid; `nil` when it has none.
    package func newestSlice(_ inode: InodeNumber) throws(MetadataError) -> Epoch? {
        try statements.first(.newestSlice, inode.stored, Epoch.never.stored) {
            $0.isNull(0) ? nil : Epoch(stored: $0.int(0))
        } ?? nil
    }

    /// Bytes of data that a file shows today, by the tier in which they lie.
    package func liveBytes(_ inode: InodeNumber) throws(MetadataError) -> [Tier: UInt64] {
        var bytes: [Tier: UInt64] = [:]
        var tiers: [SegmentID: Tier] = [:]
        for tile in try tiles(inode, limit: .max, at: .live) {
            for extent in try extents(inode, tile: tile, at: .live) {
                let segment = extent.record.segment
                if tiers[segment] == nil { tiers[segment] = try self.segment(segment)?.tier }
                if let tier = tiers[segment] { bytes[tier, default: 0] += extent.length }
            }
        }
        return bytes
    }

    /// The warmest tier that the other files are in which show a record today; `nil` when no other file shows it.
    package func warmestSharer(
        of record: RecordPointer,
        besides inode: InodeNumber
    ) throws(MetadataError) -> Tier? {
        var warmest: Tier?
        for tile in try tilesReferring(to: record) where tile.inode != inode {
            let shows = try statements.exists(
                .liveSliceNaming,
                tile.inode.stored,
                tile.tile,
                Int64(record.segment.rawValue),
                Int64(record.offset),
                Epoch.never.stored
            )
            // A file that has ended keeps its slices until they are reaped.
            guard shows, try liveInode(tile.inode) != nil else { continue }
            let tier = try place(tile.inode)?.tier ?? .standard
            if tier == .standard { return tier }
            if warmest.map({ tier.isWarmer(than: $0) }) ?? true { warmest = tier }
        }
        return warmest
    }

    /// The other files in colder tiers whose rows, of any age, refer to a record.
    package func coldSharers(
        of record: RecordPointer,
        besides inode: InodeNumber
    ) throws(MetadataError) -> Set<InodeNumber> {
        var sharers: Set<InodeNumber> = []
        for tile in try tilesReferring(to: record)
        where tile.inode != inode && !sharers.contains(tile.inode) {
            if try place(tile.inode) != nil { sharers.insert(tile.inode) }
        }
        return sharers
    }

    /// Whether a move may take a record along, out of the tier in which it lies.
    ///
    /// A move to Standard may. One to a colder tier leaves alone what another file shows that is in a warmer tier, and
    /// warms nothing that another file shows: a file's bytes do not go cold, or warm, by another's move to the cold.
    ///
    /// - Parameters:
    ///   - record: Of the file.
    ///   - current: The tier in which it lies.
    ///   - tier: Where the file goes, or is.
    ///   - inode: The file.
    /// - Returns: `false` too when the record lies there already.
    /// - Throws: What SQLite answered.
    package func mayMove(
        _ record: RecordPointer,
        from current: Tier,
        to tier: Tier,
        of inode: InodeNumber
    ) throws(MetadataError) -> Bool {
        guard current != tier else { return false }
        guard tier != .standard, let sharer = try warmestSharer(of: record, besides: inode) else {
            return true
        }
        return current.isWarmer(than: tier) && !sharer.isWarmer(than: tier)
    }

    /// Whether some retained instant may show an inode, gone or not, as it once was.
    ///
    /// Versions that no instant shows any more count until they are collected.
    package func isShownByPast(_ inode: InodeNumber) throws(MetadataError) -> Bool {
        try statements.exists(.inodeVersion, inode.stored)
    }
}

extension Query {
    static let tilesElsewhere = Query(
        """
        SELECT DISTINCT slice.tile FROM slice CROSS JOIN seg ON seg.id = slice.seg
        WHERE slice.ino = ?1 AND slice.died = ?3 AND slice.kind <> 1 AND seg.tier <> ?2
        ORDER BY slice.tile
        """
    )
    static let newestSlice = Query("SELECT max(born) FROM slice WHERE ino = ?1 AND died = ?2")
    static let liveSliceNaming = Query(
        """
        SELECT 1 FROM slice
        WHERE ino = ?1 AND tile = ?2 AND died = ?5 AND seg = ?3 AND soff = ?4 LIMIT 1
        """
    )
    static let inodeVersion = Query("SELECT 1 FROM h_inode WHERE ino = ?1 LIMIT 1")

    static let ofTierReads = [tilesElsewhere, newestSlice, liveSliceNaming, inodeVersion]
}
