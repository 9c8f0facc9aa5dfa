package import VarveModel

extension MetadataWriter {
    /// Whether any record may have more than one referrer.
    package var mayShareRecords: Bool { state.hasSharedRecords }

    /// Adds a segment, or changes its key, state and zones; bytes and dead bytes are the store's own.
    package func putSegment(_ row: SegmentRow) throws(MetadataError) {
        try statements.run(
            .putSegment,
            Int64(row.id.rawValue),
            Int64(row.tier.rawValue),
            Int64(row.keyID),
            row.bornMin.stored,
            row.bornMax.stored,
            row.state.rawValue,
            Int64(bitPattern: row.zones)
        )
        state.tiers[row.id] = row.tier
    }

    /// Forgets a segment whose file is gone.
    package func removeSegment(_ id: SegmentID) throws(MetadataError) {
        try statements.run(.deleteSegment, Int64(id.rawValue))
        state.tiers[id] = nil
        state.segmentDeltas[id] = nil
    }

    /// Remembers where the lifecycle has put a file; `nil` forgets it.
    package func setPlace(
        _ inode: InodeNumber,
        _ tier: Tier?,
        since: Timestamp
    ) throws(MetadataError) {
        guard let tier else { return try statements.run(.deletePlace, inode.stored) }
        try statements.run(.setPlace, inode.stored, Int64(tier.rawValue), since.seconds)
    }

    /// Points slices, live and past, at copies of their records (design: the commit point of a move).
    ///
    /// A slice that no longer refers to the old record is left alone. Every referrer of a shared record
    /// is changed at once. Old records come out free with the commit; a move files no change.
    ///
    /// - Returns: The indices of the swaps that missed: their copies are the caller's to free.
    package func swapRecords(_ swaps: [RecordSwap]) throws(MetadataError) -> [Int] {
        var missed: [Int] = []
        for (index, swap) in swaps.enumerated() {
            let rows = try referringRows(swap)
            if rows.isEmpty {
                missed.append(index)
                continue
            }
            let (old, new) = (
                try tier(of: swap.old.segment), try tier(of: swap.new.segment)
            )
            for row in rows {
                try point(row, at: swap.new)
                guard row.died == .never else { continue }
                var map = try takeMap(row.inode, row.tile)
                let visible = Int64(map.replaceRecord(of: row, with: swap.new))
                state.count(-visible, in: old)
                state.count(visible, in: new)
                tiles.put(map, .init(inode: row.inode, tile: row.tile))
            }
            if state.hasSharedRecords { try moveReferrers(from: swap.old, to: swap.new) }
            if let life = PastLife(rows) {
                countPast(-Int64(swap.old.length), life)
                countPast(Int64(swap.new.length), life)
            }
            try countNew(swap.new)
            countFreed(swap.old, old)
        }
        return missed
    }

    func tier(of segment: SegmentID) throws(MetadataError) -> Tier {
        guard let tier = state.tiers[segment] else {
            throw MetadataError(
                .notFound,
                "segment \(segment.rawValue) has no row, so no slice can name it"
            )
        }
        return tier
    }

    /// Counts a record that a row now names for the first time.
    func countNew(_ record: RecordPointer) throws(MetadataError) {
        let tier = try tier(of: record.segment)
        state.counters.stored[Int(tier.rawValue)] += record.length
        var delta = state.segmentDeltas[record.segment] ?? SegmentDelta()
        delta.bytes += Int64(record.length)
        delta.bornMin = min(delta.bornMin, state.epoch)
        delta.bornMax = max(delta.bornMax, state.epoch)
        state.segmentDeltas[record.segment] = delta
    }

    /// Takes a referrer away; the record is free when it was the last (I6).
    func release(_ record: RecordPointer, of row: SliceRow) throws(MetadataError) {
        if state.hasSharedRecords {
            let others = try referrers(of: record)
            if !others.isEmpty {
                try removeReferrer(record, .init(row))
                let left = others.filter { $0 != Referrer(row) }
                // One at home is found without: by its tile.
                if left.count == 1, left[0].tileKey == row.home {
                    try removeReferrer(record, left[0])
                }
                if !left.isEmpty { return }
            }
        }
        countFreed(record, try tier(of: record.segment))
    }

    /// Lets `row` refer to a record that `source` refers to already.
    func share(
        _ record: RecordPointer,
        with row: SliceRow,
        source: Referrer
    ) throws(MetadataError) {
        try noteForeign(row)
        state.hasSharedRecords = true
        if try referrers(of: record).isEmpty { try addReferrer(record, source) }
        try addReferrer(record, .init(row))
    }

    /// A program that does not know of records at other files' must not touch the file system from here on.
    private func noteForeign(_ row: SliceRow) throws(MetadataError) {
        guard row.foreignHome != nil, !state.hasForeignRecords else { return }
        let statement = try statements.bound(.setMeta, [])
        defer { statement.reset() }
        statement.bind(1, "features.incompat")
        let features = database.superblock.incompatible | Superblock.sharesAcrossFiles
        statement.bind(2, Int64(bitPattern: features))
        _ = try statement.step()
        state.hasForeignRecords = true
    }

    func addReferrer(
        _ record: RecordPointer,
        _ referrer: Referrer
    ) throws(MetadataError) {
        state.hasSharedRecords = true
        try statements.run(
            .insertReferrer,
            Int64(record.segment.rawValue),
            Int64(record.offset),
            referrer.inode.stored,
            referrer.tile,
            Int64(referrer.sequence)
        )
    }

    private func removeReferrer(
        _ record: RecordPointer,
        _ referrer: Referrer
    ) throws(MetadataError) {
        try statements.run(
            .deleteReferrer,
            Int64(record.segment.rawValue),
            Int64(record.offset),
            referrer.inode.stored,
            referrer.tile,
            Int64(referrer.sequence)
        )
    }

    func referrers(of record: RecordPointer) throws(MetadataError) -> [Referrer] {
        try statements.all(
            .referrers,
            Int64(record.segment.rawValue),
            Int64(record.offset)
        ) {
            Referrer(
                inode: InodeNumber(stored: $0.int(0)),
                tile: $0.int(1),
                sequence: UInt64($0.int(2))
            )
        }
    }

    /// Every row, of any age, that refers to a swap's old record.
    ///
    /// Two and more are all in `rref`, and one that is not at home; any other is the swap's own, or there is none.
    private func referringRows(_ swap: RecordSwap) throws(MetadataError) -> [SliceRow] {
        if state.hasSharedRecords {
            var shared: [SliceRow] = []
            for referrer in try referrers(of: swap.old) {
                shared += try rows(of: referrer, naming: swap.old)
            }
            if !shared.isEmpty { return shared }
        }
        if let died = swap.died {
            // Where it was seen last: found without a walk through the tile's past.
            let row = try statements.first(
                .sliceAt,
                swap.inode.stored,
                swap.tile,
                died.stored,
                Int64(swap.sequence)
            ) { SliceRow($0) }
            if let row, row.record == swap.old { return [row] }
        }
        let own = Referrer(inode: swap.inode, tile: swap.tile, sequence: swap.sequence)
        return try rows(of: own, naming: swap.old)
    }

    private func rows(
        of referrer: Referrer,
        naming record: RecordPointer
    ) throws(MetadataError) -> [SliceRow] {
        try statements.all(
            .sliceBySequence,
            referrer.inode.stored,
            referrer.tile,
            Int64(referrer.sequence)
        ) { SliceRow($0) }
        .filter { $0.record == record }
    }

    private func point(_ row: SliceRow, at record: RecordPointer) throws(MetadataError) {
        touched.touch(row)
        try statements.run(
            .setRecord,
            row.inode.stored,
            row.tile,
            row.died.stored,
            Int64(row.sequence),
            Int64(record.segment.rawValue),
            Int64(record.offset),
            Int64(record.length)
        )
    }

    private func moveReferrers(
        from old: RecordPointer,
        to new: RecordPointer
    ) throws(MetadataError) {
        for referrer in try referrers(of: old) {
            try removeReferrer(old, referrer)
            try addReferrer(new, referrer)
        }
    }

    private func countFreed(_ record: RecordPointer, _ tier: Tier) {
        let index = Int(tier.rawValue)
        state.counters.stored[index] = UInt64(
            clamping: Int64(state.counters.stored[index]) - Int64(record.length)
        )
        state.segmentDeltas[record.segment, default: SegmentDelta()].dead += Int64(record.length)
        state.freed.append(FreedRecord(record: record, tier: tier))
    }
}

/// A slice row as `rref` names it.
struct Referrer: Hashable {
    let inode: InodeNumber
    let tile: Int64
    let sequence: UInt64

    init(inode: InodeNumber, tile: Int64, sequence: UInt64) {
        self.inode = inode
        self.tile = tile
        self.sequence = sequence
    }

    init(_ row: SliceRow) {
        self.init(inode: row.inode, tile: row.tile, sequence: row.sequence)
    }

    /// Its file and tile.
    var tileKey: RecordHome { RecordHome(inode: inode, tile: tile) }
}

extension Query {
    static let putSegment = Query(
        """
        INSERT INTO seg VALUES (?1, ?2, ?3, 0, 0, ?4, ?5, ?6, ?7)
        ON CONFLICT(id) DO UPDATE SET key_id = ?3, state = ?6, zones = ?7
        """
    )
    static let deleteSegment = Query("DELETE FROM seg WHERE id = ?1")
    static let setPlace = Query("INSERT OR REPLACE INTO place VALUES (?1, ?2, ?3)")
    static let insertReferrer = Query(
        "INSERT OR IGNORE INTO rref VALUES (?1, ?2, ?3, ?4, ?5)"
    )
    static let deleteReferrer = Query(
        """
        DELETE FROM rref WHERE seg = ?1 AND soff = ?2 AND ino = ?3 AND tile = ?4 AND seq = ?5
        """
    )
    static let sliceAt = Query(
        """
        SELECT \(sliceColumns) FROM slice WHERE ino = ?1 AND tile = ?2 AND died = ?3 AND seq = ?4
        """
    )
    static let setRecord = Query(
        """
        UPDATE slice SET seg = ?5, soff = ?6, slen = ?7
        WHERE ino = ?1 AND tile = ?2 AND died = ?3 AND seq = ?4
        """
    )

    static let ofRecordWrites = [
        putSegment, deleteSegment, setPlace, insertReferrer, deleteReferrer, setRecord,
        sliceAt,
    ]
}
