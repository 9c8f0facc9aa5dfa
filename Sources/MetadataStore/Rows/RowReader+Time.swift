package import VarveModel

extension RowReader {
    /// Named snapshots and holds, oldest first.
    package func snapshots() throws(MetadataError) -> [SnapshotRow] {
        try statements.all(.snapshots) { SnapshotRow($0) }
    }

    /// Named snapshots after one, in the order of their ids; a page costs what it answers and the holds between.
    ///
    /// - Parameters:
    ///   - id: 0 for the first page.
    ///   - limit: Snapshots at most.
    /// - Returns: Fewer than `limit` at the end.
    /// - Throws: `.failed`, `.corrupt`.
    package func namedSnapshots(
        after id: Int64,
        limit: Int
    ) throws(MetadataError) -> [SnapshotRow] {
        try statements.all(.namedSnapshots, id, Int64(limit)) { SnapshotRow($0) }
    }

    package func snapshot(id: Int64) throws(MetadataError) -> SnapshotRow? {
        try statements.first(.snapshotByID, id) { SnapshotRow($0) }
    }

    package func snapshot(name: String) throws(MetadataError) -> SnapshotRow? {
        let statement = try statements.bound(.snapshotByName, [])
        defer { statement.reset() }
        statement.bind(1, name)
        return try statement.step() ? SnapshotRow(statement) : nil
    }

    package func bookmark(name: String) throws(MetadataError) -> BookmarkRow? {
        try bookmarks().first { $0.name == name }
    }

    package func bookmarks() throws(MetadataError) -> [BookmarkRow] {
        try statements.all(.bookmarks) { statement in
            BookmarkRow(
                name: statement.text(0),
                epoch: Epoch(stored: statement.int(1)),
                expires: statement.isNull(2) ? nil : Timestamp(seconds: statement.int(2)),
                isBroken: statement.int(3) != 0
            )
        }
    }

    /// What the journal holds of epochs after `low`, up to and with `high`, in its own order.
    ///
    /// A page costs one step a row that it answers, so that all pages together cost one pass. A key comes once for
    /// each epoch in which it changed, and may turn out the same at both ends: ``compare(_:from:to:)`` tells. When
    /// the collector moves a key on between two pages it comes once more; none is missed while `high` is retained.
    ///
    /// - Parameters:
    ///   - low: Changes of this epoch are left out.
    ///   - high: Changes of this epoch are the last.
    ///   - last: The last change of the page before.
    ///   - limit: Changes at most; at least 1.
    /// - Returns: Changes, ascending; fewer than `limit` at the end.
    /// - Throws: `.corrupt`, `.failed`.
    package func changes(
        after low: Epoch,
        through high: Epoch,
        resumeAfter last: FiledChange?,
        limit: Int
    ) throws(MetadataError) -> [FiledChange] {
        // Kinds, inodes and tiles are below the greatest number: this comes after all keys of `low`.
        var position = [low.stored, Int64.max, Int64.max, Int64.max]
        if let last, last.epoch > low {
            position = [
                last.epoch.stored, last.key.kind, last.key.inode.stored, last.key.detail,
            ]
        }
        let values = position + [high.stored, Int64(limit)]
        let statement = try statements.bound(.changesFrom, values)
        defer { statement.reset() }
        var changes: [FiledChange] = []
        while try statement.step() { changes.append(try FiledChange(statement)) }
        return changes
    }

    /// The keys that changed in epochs after `low`, up to and with `high`: each once, ascending.
    ///
    /// They are held in memory.
    ///
    /// - Parameters:
    ///   - low: Changes of this epoch are left out.
    ///   - high: Changes of this epoch are the last.
    ///   - bound: Beyond so many it stops soon, and answers those it has.
    ///   - isWanted: Others are left out.
    /// - Returns: The keys, sorted.
    /// - Throws: `.corrupt`, `.failed`.
    package func changedKeys(
        after low: Epoch,
        through high: Epoch,
        stopsBeyond bound: Int = .max,
        where isWanted: (ChangeKey) -> Bool = { _ in true }
    ) throws(MetadataError) -> [ChangeKey] {
        var keys: Set<ChangeKey> = []
        var last: FiledChange?
        repeat {
            let changes = try changes(
                after: low,
                through: high,
                resumeAfter: last,
                limit: RowReader.pageChanges
            )
            for change in changes where isWanted(change.key) { keys.insert(change.key) }
            last = changes.count == RowReader.pageChanges ? changes.last : nil
        } while last != nil && keys.count <= bound
        return keys.sorted()
    }

    private static let pageChanges = 8_192

    /// Whether what a key names reads the same at two moments; `nil` stands for an empty past.
    package func compare(
        _ key: ChangeKey,
        from old: Epoch?,
        to new: View
    ) throws(MetadataError) -> ChangeComparison {
        guard let old else { return .changed }
        let past = View.past(old)
        let isSame: Bool
        switch key {
        case .inode(let inode):
            isSame = try sameInode(inode, past, new)
        case .dirent(let directory, let hash):
            let before = try dirent(directory: directory, hash: hash, at: past)
            let after = try dirent(directory: directory, hash: hash, at: new)
            isSame =
                before?.inode == after?.inode && before?.name == after?.name
                && before?.kind == after?.kind
        case .xattr(let inode, let hash):
            let before = try xattrs(of: inode, hash...hash, at: past).first
            let after = try xattrs(of: inode, hash...hash, at: new).first
            isSame = before?.name == after?.name && before?.value == after?.value
        case .inline(let inode):
            isSame = try inline(inode, at: past) == inline(inode, at: new)
        case .link(let inode):
            let before = try links(of: inode, at: past).map { [$0.directory.rawValue, $0.hash] }
            isSame =
                try before == links(of: inode, at: new).map { [$0.directory.rawValue, $0.hash] }
        case .content(_, SliceRow.rangeTile):
            // Which tiles a range row reached is not kept once it is resolved.
            return .changed
        case .content(let inode, let tile):
            isSame = try shown(inode, tile, past) == shown(inode, tile, new)
        }
        return isSame ? .same : .changed
    }

    private func sameInode(
        _ inode: InodeNumber,
        _ past: View,
        _ new: View
    ) throws(MetadataError) -> Bool {
        var before = try self.inode(inode, at: past)
        var after = try self.inode(inode, at: new)
        before?.born = .zero
        after?.born = .zero
        before?.space = 0
        after?.space = 0
        return before == after
    }

    /// Extents without what a merge or a move alone would change is not to be had here: records are.
    private func shown(
        _ inode: InodeNumber,
        _ tile: Int64,
        _ view: View
    ) throws(MetadataError) -> [[UInt64]] {
        try extents(inode, tile: tile, at: view).map {
            [$0.offset, $0.length, $0.record.segment.rawValue, $0.record.offset, $0.skip]
        }
    }
}

extension FiledChange {
    /// Columns epoch, kind, k1, k2.
    init(_ statement: Statement) throws(MetadataError) {
        self.init(
            epoch: Epoch(stored: statement.int(0)),
            key: try ChangeKey(statement, at: 1)
        )
    }
}

extension ChangeKey {
    /// Columns kind, k1, k2.
    init(_ statement: Statement, at column: Int32) throws(MetadataError) {
        let key = ChangeKey(
            kind: statement.int(column),
            inode: InodeNumber(stored: statement.int(column + 1)),
            detail: statement.int(column + 2)
        )
        guard let key else {
            throw MetadataError(
                .corrupt,
                "the change journal holds a key of kind \(statement.int(column))"
            )
        }
        self = key
    }
}

extension SnapshotRow {
    init(_ statement: Statement) {
        self.init(
            id: statement.int(0),
            epoch: Epoch(stored: statement.int(1)),
            name: statement.isNull(2) ? nil : statement.text(2),
            created: Timestamp(
                seconds: statement.int(3),
                nanoseconds: UInt32(clamping: statement.int(4))
            ),
            expires: statement.isNull(5) ? nil : Timestamp(seconds: statement.int(5)),
            lockedUntil: statement.isNull(6) ? nil : Timestamp(seconds: statement.int(6)),
            holds: Int(statement.int(7))
        )
    }
}

extension Query {
    private static let snapshotColumns =
        "id, epoch, name, created, created_n, expires, lock_until, holds"

    static let snapshots = Query("SELECT \(snapshotColumns) FROM snap ORDER BY id")
    static let namedSnapshots = Query(
        """
        SELECT \(snapshotColumns) FROM snap WHERE id > ?1 AND name IS NOT NULL ORDER BY id LIMIT ?2
        """
    )
    static let snapshotByName = Query("SELECT \(snapshotColumns) FROM snap WHERE name = ?1")
    static let snapshotByID = Query("SELECT \(snapshotColumns) FROM snap WHERE id = ?1")
    static let bookmarks = Query("SELECT name, epoch, expires, broken FROM bookmark ORDER BY name")

    static let ofTimeReads = [
        snapshots, namedSnapshots, snapshotByName, snapshotByID, bookmarks,
    ]
}
