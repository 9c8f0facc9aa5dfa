import VarveModel

/// What ``MetadataWriter/collectGarbage(limit:)`` did.
package struct GarbageReport: Sendable, Hashable {
    /// Keys of the change journal that were looked at.
    package var examined = 0
    /// Versions and slices that no retained instant shows any more.
    package var dropped = 0
    /// Keys that left the journal, or moved on to the next instant that anyone can ask about.
    package var trimmed = 0
    package var hasMore = false

    package init() {}
}

extension MetadataWriter {
    /// Drops versions that dropped instants alone showed, guided by the change journal.
    ///
    /// Dropping K, with N the next retained instant, only concerns versions that died in (K, N], and
    /// `chg` lists their keys: the cost is that of the changes, never of the files.
    ///
    /// - Parameter limit: Keys that are looked at, at most; the next call goes on from there.
    /// - Returns: What was done, and whether there is more.
    /// - Throws: What SQLite answered.
    package func collectGarbage(limit: Int) throws(MetadataError) -> GarbageReport {
        var report = GarbageReport()
        var marks = try coalescingMarks()
        // A range costs something also where nothing changed in it.
        var ranges = 0
        while report.examined + ranges < limit {
            let task = try statements.first(.nextGarbage) { GarbageTask($0) }
            guard let task else { break }
            try work(task, limit: limit - report.examined - ranges, &marks, &report)
            ranges += 1
        }
        if try statements.exists(.nextGarbage) {
            report.hasMore = true
            return report
        }
        try trimChanges(limit: limit, marks, &report)
        return report
    }

    /// One queued range of epochs, from its cursor on.
    private func work(
        _ task: GarbageTask,
        limit: Int,
        _ marks: inout CoalescingMarks,
        _ report: inout GarbageReport
    ) throws(MetadataError) {
        let page = try changes(of: task, limit: limit)
        var seen: Set<ChangeKey> = []
        for change in page {
            report.examined += 1
            if seen.insert(change.key).inserted {
                report.dropped += try collect(change.key, after: task.low, through: task.high)
            }
            try coalesce(change, marks, &report)
        }
        guard page.count == limit, let last = page.last else {
            marks.remove(Epoch(stored: task.high))
            return try statements.run(.deleteGarbage, task.id)
        }
        try statements.run(
            .moveGarbage,
            task.id,
            last.epoch.stored,
            last.key.kind,
            last.key.inode.stored,
            last.key.detail
        )
    }

    private func changes(
        of task: GarbageTask,
        limit: Int
    ) throws(MetadataError) -> [FiledChange] {
        try statements.all(
            .changesFrom,
            task.epoch,
            task.kind,
            task.first,
            task.second,
            task.high,
            Int64(limit)
        ) { statement throws(MetadataError) in
            try FiledChange(statement)
        }
    }

    /// Drops the versions of one key that died in (low, high] and that nobody can see.
    private func collect(
        _ key: ChangeKey,
        after low: Int64,
        through high: Int64
    ) throws(MetadataError) -> Int {
        let inode = key.inode.stored
        switch key {
        case .inode:
            return try collect(.versionsOfInode, .dropInode, [inode], low, high)
        case .inline:
            return try collect(.versionsOfInline, .dropInline, [inode], low, high)
        case .dirent:
            return try collect(.versionsOfDirent, .dropDirent, [inode, key.detail], low, high)
        case .xattr:
            return try collect(.versionsOfXattr, .dropXattr, [inode, key.detail], low, high)
        case .link:
            return try collectLinks(inode, low, high)
        case .content(_, let tile):
            return try collectSlices(inode, tile, low, high)
        }
    }

    private func collect(
        _ find: Query,
        _ drop: Query,
        _ key: [Int64],
        _ low: Int64,
        _ high: Int64
    ) throws(MetadataError) -> Int {
        let statement = try statements.bound(find, key + [low, high])
        var unseen: [Int64] = []
        do {
            defer { statement.reset() }
            while try statement.step() {
                let died = statement.int(0)
                if !isKept(born: statement.int(1), died: died) { unseen.append(died) }
            }
        }
        for died in unseen {
            let statement = try statements.bound(drop, key + [died])
            defer { statement.reset() }
            _ = try statement.step()
        }
        return unseen.count
    }

    private func collectLinks(
        _ inode: Int64,
        _ low: Int64,
        _ high: Int64
    ) throws(MetadataError) -> Int {
        let versions = try statements.all(.versionsOfLinks, inode, low, high) {
            (directory: $0.int(0), hash: $0.int(1), died: $0.int(2), born: $0.int(3))
        }
        var dropped = 0
        for version in versions where !isKept(born: version.born, died: version.died) {
            try statements.run(
                .dropLink,
                inode,
                version.directory,
                version.hash,
                version.died
            )
            dropped += 1
        }
        return dropped
    }

    private func collectSlices(
        _ inode: Int64,
        _ tile: Int64,
        _ low: Int64,
        _ high: Int64
    ) throws(MetadataError) -> Int {
        let rows = try statements.all(.slicesDied, inode, tile, low, high) { SliceRow($0) }
        var dropped = 0
        for row in rows where !isKept(born: row.born.stored, died: row.died.stored) {
            try drop(row)
            dropped += 1
        }
        return dropped
    }

    private func isKept(born: Int64, died: Int64) -> Bool {
        state.retained.isSeen(born: Epoch(stored: born), died: Epoch(stored: died))
    }

    // MARK: The journal's own length

    /// Moves a key on to the next instant that a difference may end at, where those of one stretch meet.
    private func coalesce(
        _ change: FiledChange,
        _ marks: CoalescingMarks,
        _ report: inout GarbageReport
    ) throws(MetadataError) {
        let before = Epoch(stored: change.epoch.stored - 1)
        var target = state.retained.first(after: before)
        if let mark = marks.first(atOrAfter: change.epoch) { target = min(target ?? mark, mark) }
        guard let target, target > change.epoch else { return }
        note(change.key, at: target)
        try delete(change)
        report.trimmed += 1
    }

    /// Deletes keys from before the oldest instant or bookmark: no difference begins there.
    private func trimChanges(
        limit: Int,
        _ marks: CoalescingMarks,
        _ report: inout GarbageReport
    ) throws(MetadataError) {
        var bound = state.epoch.stored - 1
        if let oldest = state.retained.oldest { bound = min(bound, oldest.stored) }
        if let oldest = marks.first { bound = min(bound, oldest.stored) }
        let old = try statements.all(.changesUntil, bound, Int64(limit)) {
            statement throws(MetadataError) in
            try FiledChange(statement)
        }
        for change in old { try delete(change) }
        report.trimmed += old.count
        report.hasMore = old.count == limit
    }

    private func delete(_ change: FiledChange) throws(MetadataError) {
        try statements.run(
            .deleteChange,
            change.epoch.stored,
            change.key.kind,
            change.key.inode.stored,
            change.key.detail
        )
    }

    private func coalescingMarks() throws(MetadataError) -> CoalescingMarks {
        let bookmarks = try bookmarks().filter { !$0.isBroken }.map(\.epoch)
        return CoalescingMarks(
            try bookmarks + statements.all(.garbageEnds) { Epoch(stored: $0.int(0)) }
        )
    }
}

/// Epochs that no key may be moved across: bookmarks that still count, and the ends of ranges that the collector has yet to
/// look at, which would miss a key moved out of them.
private struct CoalescingMarks {
    /// Ascending, each as often as there are marks.
    private var epochs: [Epoch]

    init(_ epochs: [Epoch]) {
        self.epochs = epochs.sorted()
    }

    var first: Epoch? { epochs.first }

    func first(atOrAfter epoch: Epoch) -> Epoch? {
        let index = epochs.partition(before: epoch)
        return index < epochs.count ? epochs[index] : nil
    }

    /// Takes back one mark.
    mutating func remove(_ epoch: Epoch) {
        let index = epochs.partition(before: epoch)
        if index < epochs.count, epochs[index] == epoch { epochs.remove(at: index) }
    }
}

/// A row of the `gc` table: (low, high] is to be looked at, after the cursor.
private struct GarbageTask {
    let id: Int64
    let low: Int64
    let high: Int64
    let epoch: Int64
    let kind: Int64
    let first: Int64
    let second: Int64

    init(_ statement: Statement) {
        id = statement.int(0)
        low = statement.int(1)
        high = statement.int(2)
        epoch = statement.int(3)
        kind = statement.int(4)
        first = statement.int(5)
        second = statement.int(6)
    }
}

extension Query {
    static let nextGarbage = Query(
        "SELECT id, low, high, epoch, kind, k1, k2 FROM gc ORDER BY id LIMIT 1"
    )
    static let garbageEnds = Query("SELECT high FROM gc")
    static let moveGarbage = Query(
        "UPDATE gc SET epoch = ?2, kind = ?3, k1 = ?4, k2 = ?5 WHERE id = ?1"
    )
    static let deleteGarbage = Query("DELETE FROM gc WHERE id = ?1")
    static let changesFrom = Query(
        """
        SELECT epoch, kind, k1, k2 FROM chg
        WHERE (epoch, kind, k1, k2) > (?1, ?2, ?3, ?4) AND epoch <= ?5
        ORDER BY epoch, kind, k1, k2 LIMIT ?6
        """
    )
    static let changesUntil = Query(
        """
        SELECT epoch, kind, k1, k2 FROM chg WHERE epoch <= ?1
        ORDER BY epoch, kind, k1, k2 LIMIT ?2
        """
    )
    static let deleteChange = Query(
        "DELETE FROM chg WHERE epoch = ?1 AND kind = ?2 AND k1 = ?3 AND k2 = ?4"
    )
    static let versionsOfInode = Query(
        "SELECT died, born FROM h_inode WHERE ino = ?1 AND died > ?2 AND died <= ?3"
    )
    static let versionsOfInline = Query(
        "SELECT died, born FROM h_inline WHERE ino = ?1 AND died > ?2 AND died <= ?3"
    )
    static let versionsOfDirent = Query(
        """
        SELECT died, born FROM h_dirent WHERE dir = ?1 AND h = ?2 AND died > ?3 AND died <= ?4
        """
    )
    static let versionsOfXattr = Query(
        "SELECT died, born FROM h_xattr WHERE ino = ?1 AND h = ?2 AND died > ?3 AND died <= ?4"
    )
    static let versionsOfLinks = Query(
        "SELECT dir, h, died, born FROM h_link WHERE ino = ?1 AND died > ?2 AND died <= ?3"
    )
    static let slicesDied = Query(
        """
        SELECT \(sliceColumns) FROM slice
        WHERE ino = ?1 AND tile = ?2 AND died > ?3 AND died <= ?4
        """
    )
    static let dropInode = Query("DELETE FROM h_inode WHERE ino = ?1 AND died = ?2")
    static let dropInline = Query("DELETE FROM h_inline WHERE ino = ?1 AND died = ?2")
    static let dropDirent = Query("DELETE FROM h_dirent WHERE dir = ?1 AND h = ?2 AND died = ?3")
    static let dropXattr = Query("DELETE FROM h_xattr WHERE ino = ?1 AND h = ?2 AND died = ?3")
    static let dropLink = Query(
        "DELETE FROM h_link WHERE ino = ?1 AND dir = ?2 AND h = ?3 AND died = ?4"
    )

    static let ofGarbage = [
        nextGarbage, garbageEnds, moveGarbage, deleteGarbage, changesFrom, changesUntil,
        deleteChange,
        versionsOfInode, versionsOfInline, versionsOfDirent, versionsOfXattr, versionsOfLinks,
        slicesDied, dropInode, dropInline, dropDirent, dropXattr, dropLink,
    ]
}
