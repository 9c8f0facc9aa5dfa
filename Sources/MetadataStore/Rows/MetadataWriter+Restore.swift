package import VarveModel

/// What a restored inode bears of the present: it has changed, whatever it looks like.
package struct RestoreStamp: Sendable, Hashable {
    package let change: UInt64
    package let changed: Timestamp

    package init(change: UInt64, changed: Timestamp) {
        self.change = change
        self.changed = changed
    }
}

extension MetadataWriter {
    /// Makes what a key names read as it did at a retained instant, by writing new versions.
    ///
    /// Nothing is copied: slices of the past are laid anew over the present, and share their records.
    /// The past itself stays, so this can be undone the same way. Restoring every key of
    /// ``RowReader/changedKeys(after:through:stopsBeyond:where:)`` since the instant, in order, rolls all back.
    ///
    /// - Parameters:
    ///   - key: As the change journal names it; tile -1 stands for all tiles of the file.
    ///   - instant: A retained one.
    ///   - stamp: For a restored inode.
    /// - Throws: `.notFound` when the instant is not retained.
    package func restore(
        _ key: ChangeKey,
        to instant: Epoch,
        stamp: RestoreStamp
    ) throws(MetadataError) {
        guard state.retained.contains(instant) else {
            throw MetadataWriter.notRetained(instant)
        }
        let past = View.past(instant)
        switch key {
        case .inode(let inode): try restoreInode(inode, instant, stamp)
        case .dirent(let directory, let hash): try restoreDirent(directory, hash, past)
        case .xattr(let inode, let hash): try restoreXattr(inode, hash, past)
        case .link(let inode): try restoreLinks(inode, past)
        case .inline(let inode):
            guard try isAlive(inode) else { return }
            guard let bytes = try inline(inode, at: past) else { return try removeInline(inode) }
            if try inline(inode, at: .live) != bytes { try putInline(inode, bytes) }
        case .content(let inode, SliceRow.rangeTile):
            guard try isAlive(inode) else { return }
            let then = try tiles(inode, limit: .max, at: past)
            let now = try tiles(inode, limit: .max, at: .live)
            for tile in Set(then + now).sorted() { try restoreTile(inode, tile, past) }
        case .content(let inode, let tile):
            guard try isAlive(inode) else { return }
            try restoreTile(inode, tile, past)
        }
    }

    private func isAlive(_ inode: InodeNumber) throws(MetadataError) -> Bool {
        try liveInode(inode) != nil
    }

    private func restoreInode(
        _ inode: InodeNumber,
        _ instant: Epoch,
        _ stamp: RestoreStamp
    ) throws(MetadataError) {
        let past = View.past(instant)
        let now = try self.inode(inode, at: .live)
        guard var then = try self.inode(inode, at: past) else {
            if now != nil { try removeInode(inode) }
            return
        }
        then.change = stamp.change
        then.changed = stamp.changed
        if let now {
            then.appliedSequence = now.appliedSequence
            try updateInode(then)
            return
        }
        // It lives again, under the number that it had: all of its content comes back with it.
        try finishReap(inode)
        try insertInode(then)
        try restore(
            .content(inode, SliceRow.rangeTile),
            to: instant,
            stamp: stamp
        )
        try placeByContent(inode, since: stamp.changed)
    }

    /// Puts a file that lives again into the tier in which most of its data lies: its place went with it.
    private func placeByContent(
        _ inode: InodeNumber,
        since: Timestamp
    ) throws(MetadataError) {
        let bytes = try liveBytes(inode)
        var place = Tier.standard
        for tier in Tier.allCases where bytes[tier] ?? 0 > bytes[place] ?? 0 { place = tier }
        if place != .standard { try setPlace(inode, place, since: since) }
    }

    private func restoreDirent(
        _ directory: InodeNumber,
        _ hash: UInt64,
        _ past: View
    ) throws(MetadataError) {
        let now = try dirent(directory: directory, hash: hash, at: .live)
        let then = try dirent(directory: directory, hash: hash, at: past)
        guard let then else {
            if now != nil { try removeDirent(directory: directory, hash: hash) }
            return
        }
        guard now?.name == then.name else {
            if now != nil { try removeDirent(directory: directory, hash: hash) }
            return try insertDirent(then)
        }
        if now?.inode != then.inode || now?.kind != then.kind {
            try replaceDirent(
                directory: directory,
                hash: hash,
                inode: then.inode,
                kind: then.kind
            )
        }
    }

    private func restoreXattr(
        _ inode: InodeNumber,
        _ hash: UInt64,
        _ past: View
    ) throws(MetadataError) {
        let now = try xattrs(of: inode, hash...hash, at: .live).first
        let then = try xattrs(of: inode, hash...hash, at: past).first
        guard let then else {
            if let now { try removeXattr(now) }
            return
        }
        guard try isAlive(inode) else { return }
        guard let now else {
            return try put(.insertXattr, inode, hash, then.name, then.value)
        }
        guard now.name != then.name || now.value != then.value else { return }
        try archiveXattr(now)
        try put(.updateXattr, inode, hash, then.name, then.value)
    }

    private func restoreLinks(
        _ inode: InodeNumber,
        _ past: View
    ) throws(MetadataError) {
        let now = try links(of: inode, at: .live)
        let then = try links(of: inode, at: past)
        func key(_ row: LinkRow) -> DirentKey {
            DirentKey(directory: row.directory, hash: row.hash)
        }
        let kept = Set(then.map(key)).intersection(now.map(key))
        for row in now where !kept.contains(key(row)) { try removeLink(row) }
        guard try isAlive(inode) else { return }
        for row in then where !kept.contains(key(row)) {
            try insertLink(inode, row.directory, row.hash)
        }
    }

    private func restoreTile(
        _ inode: InodeNumber,
        _ tile: Int64,
        _ past: View
    ) throws(MetadataError) {
        let then = try extents(inode, tile: tile, at: past)
        let now = Set(try extents(inode, tile: tile, at: .live).map(Place.init))
        // Holes first: what was a gap then hides what is data now.
        var end: UInt64 = 0
        for extent in then {
            if extent.offset > end { try hide(inode, tile, end..<extent.offset) }
            end = extent.end
        }
        if end < tileBytes { try hide(inode, tile, end..<tileBytes) }
        for extent in then where !now.contains(Place(extent)) {
            let row = SliceRow(
                inode: inode,
                tile: tile,
                sequence: try nextSequence(),
                born: state.epoch,
                died: .never,
                offset: extent.offset,
                length: extent.length,
                record: extent.record,
                skip: extent.skip,
                home: extent.home
            )
            let source = Referrer(inode: inode, tile: tile, sequence: extent.sequence)
            // Before the row is laid: laying it may end the life of the source.
            try share(extent.record, with: row, source: source)
            _ = try lay(row, isShared: true)
        }
    }

    private func hide(
        _ inode: InodeNumber,
        _ tile: Int64,
        _ range: Range<UInt64>
    ) throws(MetadataError) {
        _ = try cut(inode, tile, range, try nextSequence())
    }
}

/// An extent by its bytes alone.
private struct Place: Hashable {
    let offset: UInt64
    let length: UInt64
    let record: RecordPointer
    let skip: UInt64

    init(_ extent: TileExtent) {
        offset = extent.offset
        length = extent.length
        record = extent.record
        skip = extent.skip
    }
}
