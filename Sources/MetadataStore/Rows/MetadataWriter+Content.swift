package import VarveModel

extension MetadataWriter {
    /// Keeps a small file's whole content in a row.
    package func putInline(
        _ inode: InodeNumber,
        _ bytes: [UInt8]
    ) throws(MetadataError) {
        let old = try archiveInline(inode)
        let statement = try statements.bound(.putInline, [inode.stored, state.epoch.stored])
        defer { statement.reset() }
        statement.bind(3, bytes)
        _ = try statement.step()
        countInline(inode, Int64(bytes.count) - (old ?? 0))
        note(.inline(inode))
    }

    /// Takes inline content away; nothing happens when there is none.
    package func removeInline(_ inode: InodeNumber) throws(MetadataError) {
        guard let old = try archiveInline(inode) else { return }
        try statements.run(.deleteInline, inode.stored)
        countInline(inode, -old)
        note(.inline(inode))
    }

    /// Adds a slice over what its tile shows; slices that nothing shows any more die with it.
    ///
    /// - Parameters:
    ///   - inode: A regular file; its inline content, if any, goes in the same transaction.
    ///   - tile: The tile's number.
    ///   - offset: Bytes from the start of the tile; the slice stays within it.
    ///   - length: Bytes that the slice shows.
    ///   - sequence: Greater than that of every slice and cut of this inode before.
    ///   - record: Holds the bytes, and nobody refers to it yet.
    ///   - skip: Plain bytes of the record that precede the slice's own.
    /// - Returns: What changed in the file's accounts.
    /// - Throws: `.notFound` when the segment has no row.
    package func insertSlice(
        _ inode: InodeNumber,
        tile: Int64,
        offset: UInt64,
        length: UInt64,
        sequence: UInt64,
        record: RecordPointer,
        skip: UInt64 = 0
    ) throws(MetadataError) -> SliceOutcome {
        try countNew(record)
        return try lay(
            SliceRow(
                inode: inode,
                tile: tile,
                sequence: sequence,
                born: state.epoch,
                died: .never,
                offset: offset,
                length: length,
                record: record,
                skip: skip
            )
        )
    }

    /// Makes a range of the file read as zeros: a hole punched, a range zeroed, a file cut short.
    ///
    /// - Parameters:
    ///   - inode: A regular file.
    ///   - range: Bytes of the file; to `UInt64.max` for a truncation.
    ///   - fileSize: The size until now: nothing lies beyond it.
    ///   - sequence: As of ``insertSlice(_:tile:offset:length:sequence:record:skip:)``.
    /// - Returns: What changed so far; of a range over many tiles, ``resolveRanges(limit:)`` does the
    ///   rest.
    /// - Throws: What SQLite answered.
    package func cut(
        _ inode: InodeNumber,
        _ range: Range<UInt64>,
        fileSize: UInt64,
        sequence: UInt64
    ) throws(MetadataError) -> SliceOutcome {
        let end = min(range.upperBound, fileSize)
        guard range.lowerBound < end else { return SliceOutcome() }
        let reachesEnd = range.upperBound >= fileSize
        let first = Int64(range.lowerBound / tileBytes)
        let last = Int64((end - 1) / tileBytes)
        if first == last {
            let base = UInt64(first) * tileBytes
            let high = reachesEnd ? tileBytes : end - base
            return try cut(inode, first, range.lowerBound - base..<high, sequence)
        }
        let bound = reachesEnd ? UInt64(Int64.max) : end
        let row = SliceRow(
            inode: inode,
            tile: SliceRow.rangeTile,
            sequence: sequence,
            born: state.epoch,
            died: .never,
            offset: range.lowerBound,
            length: bound - range.lowerBound,
            record: nil,
            skip: 0
        )
        try insert(row)
        note(.content(inode, SliceRow.rangeTile))
        guard last - first < MetadataWriter.tilesResolvedAtOnce else { return SliceOutcome() }
        let before = state.spaceDeltas[inode] ?? 0
        var cursor = RangeCursor(row: row, tile: first)
        while try resolveStep(&cursor) {}
        return SliceOutcome(spaceDelta: (state.spaceDeltas[inode] ?? 0) - before)
    }

    /// Range rows over fewer tiles are resolved in their own transaction.
    static let tilesResolvedAtOnce: Int64 = 8

    /// Cuts within one tile, where a hole hides something; a tile left without data keeps no row.
    func cut(
        _ inode: InodeNumber,
        _ tile: Int64,
        _ range: Range<UInt64>,
        _ sequence: UInt64
    ) throws(MetadataError) -> SliceOutcome {
        let map = try takeMap(inode, tile)
        guard map.holdsData(in: range) else {
            tiles.put(map, .init(inode: inode, tile: tile))
            return SliceOutcome(liveSlices: map.count)
        }
        let hole = SliceRow(
            inode: inode,
            tile: tile,
            sequence: sequence,
            born: state.epoch,
            died: .never,
            offset: range.lowerBound,
            length: range.upperBound - range.lowerBound,
            record: nil,
            skip: 0
        )
        let isAll = map.members.values.allSatisfy {
            $0.visible == 0
                || ($0.row.offset >= range.lowerBound && $0.row.end <= range.upperBound)
        }
        guard isAll else {
            tiles.put(map, .init(inode: inode, tile: tile))
            return try lay(hole)
        }
        let before = try spaceByTier(map)
        for member in map.members.values { try kill(member.row, at: state.epoch) }
        note(.content(inode, tile))
        let delta = countSpace(inode, from: before, to: [0, 0, 0])
        tiles.put(TileMap(), .init(inode: inode, tile: tile))
        return SliceOutcome(spaceDelta: delta, liveSlices: 0)
    }

    /// Lays a row over its tile's live ones: the row, the deaths, the accounts, the journal.
    ///
    /// - Parameters:
    ///   - row: Newer than every row of its tile.
    ///   - isShared: Whether other rows, past ones perhaps, refer to its record too.
    /// - Returns: What changed in the file's accounts.
    /// - Throws: What SQLite answered; `.notFound` when its segment has no row.
    func lay(_ row: SliceRow, isShared: Bool = false) throws(MetadataError) -> SliceOutcome {
        precondition(row.tile >= 0, "a slice lies in a tile")
        precondition(row.length > 0 && row.end <= tileBytes, "a slice stays within its tile")
        var map = try takeMap(row.inode, row.tile)
        for hidden in map.hiddenMembers {
            try kill(hidden, at: state.epoch)
            map.removeHidden(hidden.sequence)
        }
        let effect = map.insert(row)
        if isShared, let record = row.record {
            recount(
                record,
                from: try pastLife(of: record, in: try tilesReferring(to: record)),
                to: nil
            )
        }
        try insert(row)
        for hidden in effect.hidden { try kill(hidden, at: state.epoch) }
        var delta: Int64 = 0
        if let record = row.record {
            delta += Int64(row.length)
            state.count(Int64(row.length), in: try tier(of: record.segment))
        }
        for lost in effect.lost {
            delta -= Int64(lost.bytes)
            state.count(-Int64(lost.bytes), in: try tier(of: lost.segment))
        }
        if delta != 0 { state.spaceDeltas[row.inode, default: 0] += delta }
        note(.content(row.inode, row.tile))
        let count = map.count
        tiles.put(map, .init(inode: row.inode, tile: row.tile))
        return SliceOutcome(spaceDelta: delta, liveSlices: count)
    }

    func insert(_ row: SliceRow) throws(MetadataError) {
        touched.touch(row)
        let (skip, kind) = row.storedSkipAndKind
        try statements.run(
            .insertSlice,
            row.inode.stored,
            row.tile,
            row.died.stored,
            Int64(row.sequence),
            row.born.stored,
            Int64(row.offset),
            Int64(row.length),
            Int64(bitPattern: row.record?.segment.rawValue ?? 0),
            Int64(bitPattern: row.record?.offset ?? 0),
            Int64(bitPattern: row.record?.length ?? 0),
            skip,
            kind
        )
    }

    /// Ends a slice's life at `died`, now or in the past; what no retained instant shows goes at once.
    ///
    /// Whoever sets `died` in the past stands in for the garbage collector: it applies the same rule
    /// and files the key there.
    func kill(_ row: SliceRow, at died: Epoch) throws(MetadataError) {
        let (inode, sequence) = (row.inode.stored, Int64(row.sequence))
        guard row.born < died, state.retained.isSeen(born: row.born, died: died) else {
            try drop(row)
            return
        }
        touched.touch(row)
        try accountingPast(of: row) { () throws(MetadataError) in
            try statements.run(
                .setDied,
                inode,
                row.tile,
                row.died.stored,
                sequence,
                died.stored
            )
            return PastLife(born: row.born, died: died)
        }
        let key = ChangeKey.content(row.inode, row.tile)
        if died == state.epoch { note(key) } else { note(key, at: died) }
    }

    /// Deletes a slice row, and frees its record when that was the last to refer to it.
    func drop(_ row: SliceRow) throws(MetadataError) {
        touched.touch(row)
        try accountingPast(of: row) { () throws(MetadataError) in
            try statements.run(
                .deleteSlice,
                row.inode.stored,
                row.tile,
                row.died.stored,
                Int64(row.sequence)
            )
            if let record = row.record { try release(record, of: row) }
            return nil
        }
    }

    /// The live rows of a tile, taken out of the cache while they change.
    func takeMap(_ inode: InodeNumber, _ tile: Int64) throws(MetadataError) -> TileMap {
        if let map = tiles.take(.init(inode: inode, tile: tile)) { return map }
        return TileMap(try liveSlices(inode, tile))
    }

    func liveSlices(_ inode: InodeNumber, _ tile: Int64) throws(MetadataError) -> [SliceRow] {
        try statements.all(.slicesLive, inode.stored, tile, Epoch.never.stored) { SliceRow($0) }
    }

    /// Bytes of data that a map shows, by tier.
    func spaceByTier(_ map: TileMap) throws(MetadataError) -> [Int64] {
        var space: [Int64] = [0, 0, 0]
        for member in map.members.values {
            guard member.visible > 0, let record = member.row.record else { continue }
            space[Int(try tier(of: record.segment).rawValue)] += Int64(member.visible)
        }
        return space
    }

    /// Counts a tile's change of space in the accounts of the file and of the file system.
    func countSpace(_ inode: InodeNumber, from old: [Int64], to new: [Int64]) -> Int64 {
        var delta: Int64 = 0
        for tier in Tier.allCases {
            let change = new[Int(tier.rawValue)] - old[Int(tier.rawValue)]
            state.count(change, in: tier)
            delta += change
        }
        if delta != 0 { state.spaceDeltas[inode, default: 0] += delta }
        return delta
    }

    /// Keeps the inline version that a retained instant shows; answers the live one's length.
    private func archiveInline(_ inode: InodeNumber) throws(MetadataError) -> Int64? {
        let old = try statements.first(.inlineBasics, inode.stored) {
            (born: Epoch(stored: $0.int(0)), count: $0.int(1))
        }
        guard let old else { return nil }
        if isSeen(born: old.born) {
            try statements.run(.archiveInline, inode.stored, state.epoch.stored)
        }
        return old.count
    }

    private func countInline(_ inode: InodeNumber, _ delta: Int64) {
        guard delta != 0 else { return }
        state.spaceDeltas[inode, default: 0] += delta
        state.counters.inlineBytes = UInt64(
            clamping: Int64(state.counters.inlineBytes) + delta
        )
    }
}

extension Query {
    static let putInline = Query("INSERT OR REPLACE INTO inline VALUES (?1, ?2, ?3)")
    static let deleteInline = Query("DELETE FROM inline WHERE ino = ?1")
    static let inlineBasics = Query("SELECT born, length(bytes) FROM inline WHERE ino = ?1")
    static let archiveInline = Query(
        """
        INSERT INTO h_inline(ino, died, born, bytes)
        SELECT ino, ?2, born, bytes FROM inline WHERE ino = ?1
        """
    )
    static let insertSlice = Query(
        "INSERT INTO slice VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"
    )
    static let setDied = Query(
        "UPDATE slice SET died = ?5 WHERE ino = ?1 AND tile = ?2 AND died = ?3 AND seq = ?4"
    )
    static let deleteSlice = Query(
        "DELETE FROM slice WHERE ino = ?1 AND tile = ?2 AND died = ?3 AND seq = ?4"
    )
    static let slicesLive = Query(
        """
        SELECT \(sliceColumns) FROM slice WHERE ino = ?1 AND tile = ?2 AND died = ?3
        """
    )

    static let ofContentWrites = [
        putInline, deleteInline, inlineBasics, archiveInline, insertSlice, setDied, deleteSlice,
        slicesLive,
    ]
}
