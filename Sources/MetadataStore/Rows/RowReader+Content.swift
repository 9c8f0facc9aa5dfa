package import VarveModel

extension RowReader {
    package func xattr(
        _ inode: InodeNumber,
        name: [UInt8],
        at view: View
    ) throws(MetadataError) -> [UInt8]? {
        try xattrRow(inode, name: name, at: view)?.value
    }

    /// Every extended attribute of an inode, by hash.
    package func xattrs(
        of inode: InodeNumber,
        at view: View
    ) throws(MetadataError) -> [XattrRow] {
        try xattrs(of: inode, RowReader.hashes, at: view)
    }

    /// The same, within bounds of memory.
    ///
    /// - Parameters:
    ///   - inode: Theirs.
    ///   - view: The present, or a retained instant.
    ///   - bytesMax: What names and values may take together.
    /// - Returns: `nil` when they take more; at most one value beyond was in memory.
    /// - Throws: As every read of rows.
    package func xattrs(
        of inode: InodeNumber,
        at view: View,
        bytesMax: Int
    ) throws(MetadataError) -> [XattrRow]? {
        var room = bytesMax
        let rows = try xattrs(of: inode, RowReader.hashes, at: view, room: &room)
        return room < 0 ? nil : rows
    }

    private static let hashes = 0...UInt64(Int64.max)

    /// Content kept in a row; `nil` when the file's bytes are slices, or none.
    package func inline(
        _ inode: InodeNumber,
        at view: View
    ) throws(MetadataError) -> [UInt8]? {
        let live = try statements.first(.inlineLive, inode.stored) {
            (born: $0.int(0), bytes: $0.bytes(1))
        }
        guard case .past(let epoch) = view else { return live?.bytes }
        if let live, live.born <= epoch.stored { return live.bytes }
        let past = try statements.first(.inlinePast, inode.stored, epoch.stored) {
            (born: $0.int(0), bytes: $0.bytes(1))
        }
        guard let past, past.born <= epoch.stored else { return nil }
        return past.bytes
    }

    /// The data of one tile, ascending; what lies between reads as zeros.
    package func extents(
        _ inode: InodeNumber,
        tile: Int64,
        at view: View
    ) throws(MetadataError) -> [TileExtent] {
        TileMap(try shownSlices(inode, tile: tile, at: view)).extents
    }

    /// The tiles from `first` on that have slices at a view; some may show only holes.
    package func tiles(
        _ inode: InodeNumber,
        from first: Int64 = 0,
        limit: Int,
        at view: View
    ) throws(MetadataError) -> [Int64] {
        var tiles: [Int64] = []
        var next = max(first, 0)
        while tiles.count < limit,
            let tile = try statements.int(.nextTile, inode.stored, next)
        {
            if try statements.exists(.tileShows, inode.stored, tile, bound(view)) {
                tiles.append(tile)
            }
            next = tile + 1
        }
        return tiles
    }

    /// The runs of the file that hold data by slices, from byte `start` on, adjoining ones joined.
    ///
    /// They are not cut at the file's size, and inline content is not among them.
    package func dataRanges(
        _ inode: InodeNumber,
        at view: View,
        from start: UInt64 = 0,
        limit: Int = .max
    ) throws(MetadataError) -> [Range<UInt64>] {
        var ranges: [Range<UInt64>] = []
        var next = Int64(start / tileBytes)
        while let tile = try tiles(inode, from: next, limit: 1, at: view).first {
            let base = UInt64(tile) * tileBytes
            for extent in try extents(inode, tile: tile, at: view) {
                let low = max(base + extent.offset, start)
                let high = base + extent.end
                guard low < high else { continue }
                if let last = ranges.last, last.upperBound == low {
                    ranges[ranges.count - 1] = last.lowerBound..<high
                } else {
                    // A further run may still grow: the one before it is whole.
                    if ranges.count == limit { return ranges }
                    ranges.append(low..<high)
                }
            }
            next = tile + 1
        }
        return ranges
    }

    /// What a merge of a tile starts from.
    package func tileBasis(
        _ inode: InodeNumber,
        tile: Int64
    ) throws(MetadataError) -> TileBasis {
        TileBasis(
            sequences: try statements.all(
                .sequencesLive,
                inode.stored,
                tile,
                Epoch.never.stored
            ) { UInt64($0.int(0)) }
        )
    }

    /// Every slice row, of any age, in the order of the primary key: for audits.
    package func slices(
        after key: SliceKey?,
        limit: Int
    ) throws(MetadataError) -> [SliceRow] {
        try statements.all(
            .slicesEverywhere,
            key?.inode.stored ?? -1,
            key?.tile ?? 0,
            key?.died.stored ?? 0,
            Int64(key?.sequence ?? 0),
            Int64(limit)
        ) { SliceRow($0) }
    }

    /// A file's slice rows, of any age, in the order of the primary key; none of another file is looked at.
    ///
    /// - Parameters:
    ///   - key: Of the file; ``SliceKey/init(before:)`` begins.
    ///   - limit: Rows at most.
    /// - Returns: The rows behind the key; fewer than `limit` when there are no more.
    /// - Throws: What SQLite refuses.
    package func slices(
        ofInodeAt key: SliceKey,
        limit: Int
    ) throws(MetadataError) -> [SliceRow] {
        try statements.all(
            .slicesOfInode,
            key.inode.stored,
            key.tile,
            key.died.stored,
            Int64(key.sequence),
            Int64(limit)
        ) { SliceRow($0) }
    }

    /// The rows of one tile, of any age, whose records lie in a segment.
    package func slices(
        _ inode: InodeNumber,
        tile: Int64,
        in segment: SegmentID
    ) throws(MetadataError) -> [SliceRow] {
        try statements.all(
            .slicesInSegment,
            inode.stored,
            tile,
            Int64(bitPattern: segment.rawValue)
        ) { SliceRow($0) }
        .filter { $0.record != nil }
    }

    /// Whether a slice row still points at a record: its own slice's, or another that shares it.
    package func isReferenced(
        _ record: RecordPointer,
        inode: InodeNumber,
        tile: Int64,
        sequence: UInt64
    ) throws(MetadataError) -> Bool {
        if try statements.exists(
            .referrers,
            Int64(record.segment.rawValue),
            Int64(record.offset)
        ) {
            return true
        }
        let rows = try statements.all(
            .sliceBySequence,
            inode.stored,
            tile,
            Int64(sequence)
        ) { SliceRow($0) }
        return rows.contains {
            $0.record?.segment == record.segment && $0.record?.offset == record.offset
        }
    }

    /// Every row, of any age, that shows bytes of a record that several share, or that is not of its own file and tile.
    ///
    /// - Returns: None for a record of one row at home: its tile tells of that.
    package func sharingSlices(of record: RecordPointer) throws(MetadataError) -> [SliceRow] {
        var rows: [SliceRow] = []
        for tile in try tilesReferring(to: record) {
            rows += try statements.all(
                .slicesNaming,
                tile.inode.stored,
                tile.tile,
                Int64(record.segment.rawValue),
                Int64(record.offset)
            ) { SliceRow($0) }
        }
        return rows
    }

    /// The files and tiles of a shared record's rows.
    func tilesReferring(to record: RecordPointer) throws(MetadataError) -> [RecordHome] {
        try statements.all(
            .tilesReferring,
            Int64(record.segment.rawValue),
            Int64(record.offset)
        ) { RecordHome(inode: InodeNumber(stored: $0.int(0)), tile: $0.int(1)) }
    }

    /// The rows of a tile at a view, range rows cut to it, in order of sequence or not.
    func shownSlices(
        _ inode: InodeNumber,
        tile: Int64,
        at view: View
    ) throws(MetadataError) -> [SliceRow] {
        let base = UInt64(tile) * tileBytes
        let rows = try statements.all(.slicesShown, inode.stored, tile, bound(view)) {
            SliceRow($0)
        }
        guard rows.contains(where: { $0.tile == SliceRow.rangeTile }) else { return rows }
        return rows.compactMap { row in
            guard row.tile == SliceRow.rangeTile else { return row }
            return row.clipped(toTile: tile, base: base, bytes: tileBytes)
        }
    }

    func xattrRow(
        _ inode: InodeNumber,
        name: [UInt8],
        at view: View
    ) throws(MetadataError) -> XattrRow? {
        try xattrs(of: inode, hasher.candidates(name), at: view).first { $0.name == name }
    }

    func xattrs(
        of inode: InodeNumber,
        _ range: ClosedRange<UInt64>,
        at view: View
    ) throws(MetadataError) -> [XattrRow] {
        var room = Int.max
        return try xattrs(of: inode, range, at: view, room: &room)
    }

    /// Rows as long as there is room for them; it is negative when there was none for all.
    private func xattrs(
        of inode: InodeNumber,
        _ range: ClosedRange<UInt64>,
        at view: View,
        room: inout Int
    ) throws(MetadataError) -> [XattrRow] {
        let bound = bound(view)
        var left = room
        func row(_ statement: Statement) -> XattrRow? {
            let born = Epoch(stored: statement.int(1))
            guard born.stored <= bound else { return nil }
            let row = XattrRow(
                inode: inode,
                hash: UInt64(statement.int(0)),
                born: born,
                name: statement.bytes(2),
                value: statement.bytes(3)
            )
            left -= row.name.count + row.value.count
            return left < 0 ? nil : row
        }
        let (low, high) = (Int64(range.lowerBound), Int64(range.upperBound))
        var rows = try statements.all(.xattrsLive, inode.stored, low, high) { row($0) }
        if view != .live {
            rows += try statements.all(.xattrsPast, inode.stored, low, high, bound) { row($0) }
        }
        room = left
        let found = rows.compactMap { $0 }
        return view == .live ? found : found.sorted { $0.hash < $1.hash }
    }
}

extension SliceRow {
    /// Columns ino, tile, died, seq, born, off, len, seg, soff, slen, skip, kind.
    ///
    /// A kind over 1 is the inode that the record was written for, and the upper half of `skip` its tile.
    init(_ statement: Statement) {
        let (kind, skip) = (statement.int(11), UInt64(bitPattern: statement.int(10)))
        let isForeign = kind > SliceRow.holeKind
        let record = RecordPointer(
            segment: SegmentID(rawValue: UInt64(bitPattern: statement.int(7))),
            offset: UInt64(bitPattern: statement.int(8)),
            length: UInt64(bitPattern: statement.int(9))
        )
        self.init(
            inode: InodeNumber(stored: statement.int(0)),
            tile: statement.int(1),
            sequence: UInt64(bitPattern: statement.int(3)),
            born: Epoch(stored: statement.int(4)),
            died: Epoch(stored: statement.int(2)),
            offset: UInt64(bitPattern: statement.int(5)),
            length: UInt64(bitPattern: statement.int(6)),
            record: kind == SliceRow.holeKind ? nil : record,
            skip: isForeign ? skip & SliceRow.skipMask : skip,
            home: isForeign
                ? RecordHome(inode: InodeNumber(stored: kind), tile: Int64(skip >> 32)) : nil
        )
    }

    /// The columns `skip` and `kind`.
    var storedSkipAndKind: (skip: Int64, kind: Int64) {
        guard record != nil else { return (Int64(skip), SliceRow.holeKind) }
        guard let home = foreignHome else { return (Int64(skip), SliceRow.dataKind) }
        precondition(home.inode.stored > SliceRow.holeKind, "no file has the root's number")
        precondition(skip <= SliceRow.skipMask && home.tile < 1 << 31, "a record is of 32 bits")
        return (home.tile << 32 | Int64(skip), home.inode.stored)
    }

    /// A record holds at most 4 MiB.
    private static let skipMask: UInt64 = 0xFFFF_FFFF

    static let dataKind: Int64 = 0
    static let holeKind: Int64 = 1

    /// The part of a range row within a tile, with offsets of the tile; `nil` when there is none.
    func clipped(toTile tile: Int64, base: UInt64, bytes: UInt64) -> SliceRow? {
        let low = max(offset, base)
        let high = min(end, base + bytes)
        guard low < high else { return nil }
        return SliceRow(
            inode: inode,
            tile: tile,
            sequence: sequence,
            born: born,
            died: died,
            offset: low - base,
            length: high - low,
            record: nil,
            skip: 0
        )
    }
}

extension Query {
    static let sliceColumns = """
        ino, tile, died, seq, born, off, len, seg, soff, slen, skip, kind
        """

    /// The tile's rows and the range rows, in one statement: two probes of the primary key.
    static let slicesShown = Query(
        """
        SELECT \(sliceColumns) FROM slice
        WHERE ino = ?1 AND tile IN (-1, ?2) AND died > ?3 AND born <= ?3
        """
    )
    static let nextTile = Query(
        "SELECT tile FROM slice WHERE ino = ?1 AND tile >= ?2 ORDER BY tile LIMIT 1"
    )
    static let tileShows = Query(
        """
        SELECT 1 FROM slice WHERE ino = ?1 AND tile = ?2 AND died > ?3 AND born <= ?3 LIMIT 1
        """
    )
    static let sequencesLive = Query(
        "SELECT seq FROM slice WHERE ino = ?1 AND tile = ?2 AND died = ?3 ORDER BY seq"
    )
    static let slicesEverywhere = Query(
        """
        SELECT \(sliceColumns) FROM slice WHERE (ino, tile, died, seq) > (?1, ?2, ?3, ?4)
        ORDER BY ino, tile, died, seq LIMIT ?5
        """
    )
    static let slicesOfInode = Query(
        """
        SELECT \(sliceColumns) FROM slice WHERE ino = ?1 AND (tile, died, seq) > (?2, ?3, ?4)
        ORDER BY tile, died, seq LIMIT ?5
        """
    )
    static let sliceBySequence = Query(
        "SELECT \(sliceColumns) FROM slice WHERE ino = ?1 AND tile = ?2 AND seq = ?3"
    )
    static let slicesInSegment = Query(
        "SELECT \(sliceColumns) FROM slice WHERE ino = ?1 AND tile = ?2 AND seg = ?3"
    )
    static let referrers = Query(
        "SELECT ino, tile, seq FROM rref WHERE seg = ?1 AND soff = ?2"
    )
    static let tilesReferring = Query(
        "SELECT DISTINCT ino, tile FROM rref WHERE seg = ?1 AND soff = ?2"
    )
    static let slicesNaming = Query(
        """
        SELECT \(sliceColumns) FROM slice WHERE ino = ?1 AND tile = ?2 AND seg = ?3 AND soff = ?4
        """
    )
    static let inlineLive = Query("SELECT born, bytes FROM inline WHERE ino = ?1")
    static let inlinePast = Query(
        "SELECT born, bytes FROM h_inline WHERE ino = ?1 AND died > ?2 ORDER BY died LIMIT 1"
    )
    static let xattrsLive = Query(
        "SELECT h, born, name, value FROM xattr WHERE ino = ?1 AND h BETWEEN ?2 AND ?3"
    )
    static let xattrsPast = Query(
        """
        SELECT h, born, name, value FROM h_xattr
        WHERE ino = ?1 AND h BETWEEN ?2 AND ?3 AND died > ?4 AND born <= ?4
        """
    )

    static let ofContentReads = [
        slicesShown, nextTile, tileShows, sequencesLive, slicesEverywhere, slicesOfInode,
        sliceBySequence, slicesInSegment, referrers, tilesReferring, slicesNaming, inlineLive,
        inlinePast, xattrsLive, xattrsPast,
    ]
}
