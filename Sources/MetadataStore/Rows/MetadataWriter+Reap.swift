import VarveModel

/// What ``MetadataWriter/reap(limit:)`` did.
package struct ReapReport: Sendable, Hashable {
    /// Slices whose life was ended.
    package var slices = 0
    package var hasMore = false

    package init() {}
}

extension MetadataWriter {
    /// Ends the slices of inodes that are gone, a batch at a time, as of the moment when each went.
    ///
    /// - Parameter limit: Slices, at most; the tile in hand is always finished.
    /// - Returns: What was done, and whether there is more.
    /// - Throws: What SQLite answered.
    package func reap(limit: Int) throws(MetadataError) -> ReapReport {
        var report = ReapReport()
        while report.slices < limit, let task = try nextReap() {
            try reap(task, limit: limit, &report)
        }
        report.hasMore = try nextReap() != nil
        return report
    }

    /// Ends what is left of one inode at once, so that its number may live again (a rollback).
    func finishReap(_ inode: InodeNumber) throws(MetadataError) {
        let task = try statements.first(.reapOf, inode.stored) { ReapTask($0) }
        guard let task else { return }
        var report = ReapReport()
        try reap(task, limit: .max, &report)
    }

    private func reap(
        _ task: ReapTask,
        limit: Int,
        _ report: inout ReapReport
    ) throws(MetadataError) {
        var next = task.tile
        while let tile = try statements.int(.nextTile, task.inode, next) {
            guard report.slices < limit else {
                return try statements.run(.moveReap, task.inode, tile)
            }
            report.slices += try reap(tile, of: InodeNumber(stored: task.inode), task.epoch)
            next = tile + 1
        }
        try statements.run(.deleteReap, task.inode)
    }

    private func reap(
        _ tile: Int64,
        of inode: InodeNumber,
        _ died: Epoch
    ) throws(MetadataError) -> Int {
        let map = try takeMap(inode, tile)
        if tile >= 0 {
            let space = try spaceByTier(map)
            for tier in Tier.allCases { state.count(-space[Int(tier.rawValue)], in: tier) }
            for member in map.members.values { try kill(member.row, at: died) }
            return map.count
        }
        // Range rows overlap at will: they are killed as rows, not as a tile's map.
        let rows = try liveSlices(inode, tile)
        resolving = nil
        for row in rows { try kill(row, at: died) }
        return rows.count
    }

    private func nextReap() throws(MetadataError) -> ReapTask? {
        try statements.first(.nextReap) { ReapTask($0) }
    }
}

/// A row of the `reap` table.
private struct ReapTask {
    let inode: Int64
    let epoch: Epoch
    /// The first tile that is not reaped yet; -1 stands for the range rows.
    let tile: Int64

    init(_ statement: Statement) {
        inode = statement.int(0)
        epoch = Epoch(stored: statement.int(1))
        tile = statement.int(2)
    }
}

extension Query {
    static let nextReap = Query("SELECT ino, epoch, tile FROM reap ORDER BY ino LIMIT 1")
    static let reapOf = Query("SELECT ino, epoch, tile FROM reap WHERE ino = ?1")
    static let moveReap = Query("UPDATE reap SET tile = ?2 WHERE ino = ?1")
    static let deleteReap = Query("DELETE FROM reap WHERE ino = ?1")

    static let ofReaping = [nextReap, reapOf, moveReap, deleteReap]
}
