package import VarveModel

/// How far the resolving of one range row has come.
struct RangeCursor {
    let row: SliceRow
    /// The first tile that is not yet resolved.
    var tile: Int64
}

/// What ``MetadataWriter/resolveRanges(limit:)`` did.
package struct ResolveReport: Sendable, Hashable {
    package var tiles = 0
    /// Inodes whose space has changed.
    package var inodes: [InodeNumber] = []
    package var hasMore = false

    package init() {}
}

extension MetadataWriter {
    /// Works range rows into the tiles that they reach, up to `limit` tiles.
    package func resolveRanges(limit: Int) throws(MetadataError) -> ResolveReport {
        var report = ResolveReport()
        while report.tiles < limit {
            var cursor: RangeCursor
            if let resolving {
                cursor = resolving
            } else if let row = try nextRangeRow() {
                cursor = RangeCursor(row: row, tile: Int64(row.offset / tileBytes))
            } else {
                break
            }
            if report.inodes.last != cursor.row.inode { report.inodes.append(cursor.row.inode) }
            let goesOn = try resolveStep(&cursor)
            resolving = goesOn ? cursor : nil
            report.tiles += 1
        }
        let isWaiting = try nextRangeRow() != nil
        report.hasMore = resolving != nil || isWaiting
        return report
    }

    /// Resolves one tile; after the last, the range row goes in the same transaction.
    ///
    /// - Returns: Whether there may be more tiles.
    func resolveStep(_ cursor: inout RangeCursor) throws(MetadataError) -> Bool {
        let row = cursor.row
        if let tile = try statements.int(.nextTile, row.inode.stored, cursor.tile),
            let cut = row.clipped(
                toTile: tile,
                base: UInt64(tile) * tileBytes,
                bytes: tileBytes
            )
        {
            try resolve(cut)
            cursor.tile = tile + 1
            return true
        }
        try drop(row)
        return false
    }

    /// Resolves the part of a range row (born E, sequence q) that lies in one tile.
    ///
    /// Every slice with a lesser sequence that lives past E is treated, dead ones too: wholly inside, it
    /// dies at E; partly, the tile gets a hole with the row's own sequence and birth. Until the row
    /// itself goes, both say the same, so the work may stop after any tile.
    private func resolve(_ cut: SliceRow) throws(MetadataError) {
        let rows = try statements.all(
            .slicesBeneath,
            cut.inode.stored,
            cut.tile,
            cut.born.stored,
            Int64(cut.sequence)
        ) { SliceRow($0) }
        let touched = rows.filter { $0.offset < cut.end && $0.end > cut.offset }
        guard !touched.isEmpty else { return }
        let before = try spaceByTier(takeMap(cut.inode, cut.tile))
        var isPartly = false
        for row in touched {
            if row.offset >= cut.offset && row.end <= cut.end {
                try kill(row, at: cut.born)
            } else {
                isPartly = true
            }
        }
        if isPartly {
            // Work that was begun before a restart has left its hole, which may have died since.
            let isThere = try statements.exists(
                .sliceBySequence,
                cut.inode.stored,
                cut.tile,
                Int64(cut.sequence)
            )
            if !isThere { try insert(cut) }
        }
        let map = TileMap(try liveSlices(cut.inode, cut.tile))
        _ = countSpace(cut.inode, from: before, to: try spaceByTier(map))
        tiles.put(map, .init(inode: cut.inode, tile: cut.tile))
    }

    /// Whether an inode has a range row that is not resolved yet.
    func hasRangeRow(_ inode: InodeNumber) throws(MetadataError) -> Bool {
        try statements.exists(
            .tileShows,
            inode.stored,
            SliceRow.rangeTile,
            Epoch.never.stored - 1
        )
    }

    private func nextRangeRow() throws(MetadataError) -> SliceRow? {
        try statements.first(.rangeRow) { SliceRow($0) }
    }
}

extension MetadataWriter {
    /// Replaces a tile's live slices by a few that show the same (a tile of too many slices).
    ///
    /// The merged slices take the greatest birth of their inputs, or the latest death in the tile if
    /// that is later, and the inputs die then: every retained instant reads the same. Sequences are the
    /// greatest of the inputs', so what comes later still lies over them.
    ///
    /// - Parameters:
    ///   - inode: A regular file.
    ///   - tile: The tile's number.
    ///   - basis: The slices that the runs were computed from.
    ///   - runs: What the tile shows, ascending; gaps are zeros. Runs may share a record; none of the
    ///     records has a referrer yet.
    /// - Returns: False when the tile has changed since, or a range row is not resolved yet: then
    ///   nothing was done, and the records are the caller's to free.
    /// - Throws: What SQLite answered.
    package func merge(
        _ inode: InodeNumber,
        tile: Int64,
        basis: TileBasis,
        runs: [MergedRun]
    ) throws(MetadataError) -> Bool {
        guard try !hasRangeRow(inode) else { return false }
        let rows = try liveSlices(inode, tile)
        let sequences = rows.map(\.sequence).sorted(by: >)
        guard sequences.reversed() == basis.sequences, !rows.isEmpty,
            runs.count <= sequences.count
        else { return false }
        let lastDeath = try statements.int(
            .lastDeath,
            inode.stored,
            tile,
            Epoch.never.stored
        )
        let lastBirth = rows.map(\.born).max() ?? .zero
        let born = max(lastBirth, Epoch(stored: lastDeath ?? 0))
        let before = try spaceByTier(takeMap(inode, tile))
        for row in rows { try kill(row, at: born) }
        var referrers: [RecordPointer: Referrer] = [:]
        for (run, sequence) in zip(runs, sequences) {
            let row = SliceRow(
                inode: inode,
                tile: tile,
                sequence: sequence,
                born: born,
                died: .never,
                offset: run.offset,
                length: run.length,
                record: run.record,
                skip: run.skip
            )
            precondition(row.length > 0 && row.end <= tileBytes, "a run stays within its tile")
            if let source = referrers[run.record] {
                try share(run.record, with: row, source: source)
            } else {
                try countNew(run.record)
                referrers[run.record] = Referrer(row)
            }
            try insert(row)
        }
        let map = TileMap(try liveSlices(inode, tile))
        _ = countSpace(inode, from: before, to: try spaceByTier(map))
        tiles.put(map, .init(inode: inode, tile: tile))
        return true
    }
}

extension Query {
    static let rangeRow = Query(
        """
        SELECT \(sliceColumns) FROM slice INDEXED BY slice_ranges
        WHERE tile = -1 AND died = 9223372036854775807 ORDER BY ino, seq LIMIT 1
        """
    )
    static let slicesBeneath = Query(
        """
        SELECT \(sliceColumns) FROM slice
        WHERE ino = ?1 AND tile = ?2 AND died > ?3 AND seq < ?4
        """
    )
    static let lastDeath = Query(
        "SELECT max(died) FROM slice WHERE ino = ?1 AND tile = ?2 AND died < ?3"
    )

    static let ofRanges = [rangeRow, slicesBeneath, lastDeath]
}
