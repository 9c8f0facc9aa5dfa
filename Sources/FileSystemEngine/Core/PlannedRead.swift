import MetadataStore
import VarveModel

/// A read of a file's bytes whose rows are known: what is wanted, and what shows it.
struct PlannedRead: Sendable {
    /// As they show; an access time is held against them.
    let attributes: Attributes
    /// The part of what was asked for that the file has.
    let wanted: Range<UInt64>
    /// Whether the range that was asked for reaches the end of the file.
    let isAtEnd: Bool
    /// What shows `wanted`, in the order in which to lay it down; what none shows is zeros.
    var runs: [DataRun] = []

    /// 64 MiB: what one read brings into memory, however much it asks for.
    static let bytesMax: UInt64 = 64 << 20

    init(_ attributes: Attributes, _ range: Range<UInt64>) {
        self.attributes = attributes
        let bounded = Self.bounded(range)
        wanted = bounded.clamped(to: 0..<attributes.size)
        isAtEnd = bounded.upperBound >= attributes.size
    }

    /// The part of a range that one read answers; read(2) may always be short.
    private static func bounded(_ range: Range<UInt64>) -> Range<UInt64> {
        let (end, isPastAll) = range.lowerBound.addingReportingOverflow(bytesMax)
        return range.lowerBound..<(isPastAll ? range.upperBound : min(range.upperBound, end))
    }

    /// Adds what a small file's row holds.
    mutating func add(_ bytes: [UInt8]) {
        let whole = 0..<UInt64(bytes.count)
        guard whole.overlaps(wanted) else { return }
        runs.append(DataRun(range: whole, tile: 0, source: .bytes(bytes)))
    }

    /// Adds what a tile shows; `extents` ascend.
    mutating func add(_ extents: [TileExtent], ofTile tile: Int64, tileBytes: UInt64) {
        let start = UInt64(tile) * tileBytes
        guard wanted.upperBound > start else { return }
        let low = wanted.lowerBound > start ? wanted.lowerBound - start : 0
        let first = extents.firstIndex(endingAfter: low)
        for extent in extents[first...] {
            guard start + extent.offset < wanted.upperBound else { return }
            runs.append(
                DataRun(
                    range: start + extent.offset..<start + extent.end,
                    tile: tile,
                    source: .record(extent.record, skip: extent.skip),
                    home: extent.home
                )
            )
        }
    }

    /// Adds unstable writes that the rows do not have yet.
    mutating func add(_ pending: PendingView?, after applied: UInt64) {
        for slice in pending?.slices ?? []
        where slice.sequence > applied && slice.range.overlaps(wanted) {
            runs.append(
                DataRun(
                    range: slice.range,
                    tile: slice.tile,
                    source: .record(slice.record, skip: 0)
                )
            )
        }
    }

    /// Whether each run begins where the one before ends, from the first byte wanted to the last.
    static func adjoin(_ runs: [DataRun], over wanted: Range<UInt64>) -> Bool {
        var end = wanted.lowerBound
        for run in runs {
            let part = run.range.clamped(to: wanted)
            guard part.lowerBound == end else { return false }
            end = part.upperBound
        }
        return end == wanted.upperBound
    }
}

extension [TileExtent] {
    /// The index of the first extent whose end is after `offset`.
    fileprivate func firstIndex(endingAfter offset: UInt64) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if self[middle].end <= offset { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

extension ReadContext {
    /// What shows a range, by the rows of a transaction; those of the present are kept for who reads there next.
    ///
    /// - Throws: `.stale`; what the database answers.
    func plannedRead(
        _ inode: InodeNumber,
        _ range: Range<UInt64>,
        at view: View
    ) throws -> PlannedRead {
        // The pending writes first: what is committed meanwhile is then seen twice, never missed.
        let pending = view == .live ? core.pending.view(of: inode) : nil
        try begin(view)
        guard let row = try reader.inode(inode, at: view) else { throw FileSystemError.gone(inode) }
        var plan = PlannedRead(try remembered(row, pending, at: view), range)
        guard plan.attributes.kind == .regular, !plan.wanted.isEmpty else { return plan }
        if row.flags & InodeFlags.hasSlices == 0 {
            plan.add(try reader.inline(row.inode, at: view) ?? [])
        } else {
            for piece in TilePiece.split(plan.wanted, core.tileBytes) {
                let extents = try reader.extents(row.inode, tile: piece.tile, at: view)
                if view == .live { reader.keep(extents, of: row.inode, tile: piece.tile) }
                plan.add(extents, ofTile: piece.tile, tileBytes: core.tileBytes)
            }
        }
        plan.add(pending, after: row.appliedSequence)
        return plan
    }
}

extension Core {
    /// What shows a range of the present, by the rows in memory; `nil` when one is missing that it takes.
    func rememberedRead(_ inode: InodeNumber, _ range: Range<UInt64>) -> PlannedRead? {
        let pending = pending.view(of: inode)
        guard let (found, version) = database.liveRows.versionedInode(inode) else { return nil }
        var plan = PlannedRead(shown(found, pending), range)
        guard plan.attributes.kind == .regular, found.row.flags & InodeFlags.hasSlices != 0 else {
            return nil
        }
        guard let last = plan.wanted.last else { return plan }
        let first = Int64(plan.wanted.lowerBound / tileBytes)
        let tiles = first...Int64(last / tileBytes)
        // Row and tiles are of one version: together what one transaction shows.
        guard let extents = database.liveRows.tiles(tiles, of: inode, atVersion: version) else {
            return nil
        }
        for (tile, extents) in zip(tiles, extents) {
            plan.add(extents, ofTile: tile, tileBytes: tileBytes)
        }
        plan.add(pending, after: found.row.appliedSequence)
        return plan
    }

    /// A row in memory as it shows.
    func shown(_ inode: LiveRowCache.Inode, _ pending: PendingView?) -> Attributes {
        let attributes = Attributes(inode.row, pending: pending).accessed(at: inode.accessed)
        guard inode.row.kind == .regular else { return attributes }
        return attributes.accessed(at: accessTimes.look(inode.row.inode).known)
    }
}
