package import VarveModel

extension MetadataWriter {
    /// Adds an inode; its number must be new.
    package func insertInode(_ row: InodeRow) throws(MetadataError) {
        var new = row
        new.born = state.epoch
        new.space = 0
        try held.insert(new)
        touched.touch(row.inode)
        note(.inode(row.inode))
        state.counters.inodes += 1
        try countUsage(row.project, files: 1, bytes: 0)
    }

    /// Changes an inode, keeping its present version when a retained instant shows it.
    ///
    /// Everything is taken from `row` except ``InodeRow/born`` and ``InodeRow/space``.
    package func updateInode(_ row: InodeRow) throws(MetadataError) {
        let inode = try held.inode(row.inode)
        guard let old = inode.value.row else { throw MetadataWriter.noInode(row.inode) }
        if old.project != row.project {
            // What is still pending is counted for the new project when it is flushed.
            let space = Int64(bitPattern: old.space)
            try countUsage(old.project, files: -1, bytes: -space)
            try countUsage(row.project, files: 1, bytes: space)
        }
        var new = row
        new.born = state.epoch
        new.space = old.space
        try held.replace(inode, with: new, archiving: deathSeen(born: old.born))
        touched.touch(row.inode)
        note(.inode(row.inode))
    }

    /// Kills an inode and what hangs on it; its slices are left to ``reap(limit:)``.
    package func removeInode(_ inode: InodeNumber) throws(MetadataError) {
        guard let old = try liveInode(inode) else { throw MetadataWriter.noInode(inode) }
        // Before its bytes leave the account: the history keeps the figure of until now.
        let died = deathSeen(born: old.born)
        try held.replace(try held.inode(inode), with: old, archiving: died)
        try removeAppendages(of: inode)
        try flushSpace(of: inode)
        let ending = try held.inode(inode)
        let space = ending.value.row?.space ?? 0
        try held.replace(ending, with: nil, archiving: nil)
        state.counters.inodes -= 1
        state.ended.append(inode)
        touched.touch(inode)
        try countUsage(old.project, files: -1, bytes: -Int64(bitPattern: space))
        note(.inode(inode))
    }

    /// Takes away the rows of other tables that an inode has; most have none.
    private func removeAppendages(of inode: InodeNumber) throws(MetadataError) {
        for appendage in try appendages(of: inode) {
            switch appendage {
            case .inline: try removeInline(inode)
            case .place: try statements.run(.deletePlace, inode.stored)
            case .accessTime: try statements.run(.deleteAccessTime, inode.stored)
            case .statistics: try statements.run(.deleteDirectoryStatistics, inode.stored)
            case .orphan: try statements.run(.deleteOrphan, inode.stored)
            case .link: for link in try links(of: inode, at: .live) { try removeLink(link) }
            case .xattr: for xattr in try xattrs(of: inode, at: .live) { try removeXattr(xattr) }
            case .slice: try statements.run(.insertReap, inode.stored, state.epoch.stored)
            }
        }
    }

    /// Which other tables have rows of an inode.
    private func appendages(of inode: InodeNumber) throws(MetadataError) -> Set<Appendage> {
        let statement = try statements.bound(.appendages, [inode.stored])
        defer { statement.reset() }
        var found: Set<Appendage> = []
        while try statement.step() {
            guard let appendage = Appendage(rawValue: statement.int(0)) else { continue }
            found.insert(appendage)
            // There may be many of these, and they come last.
            if appendage == .slice { break }
        }
        return found
    }

    /// Sets the access time that reads leave behind, or clears it; never versioned.
    package func setAccessTime(
        _ inode: InodeNumber,
        _ time: Timestamp?
    ) throws(MetadataError) {
        touched.touchAccessTime(inode)
        guard let time else { return try statements.run(.deleteAccessTime, inode.stored) }
        try statements.run(
            .setAccessTime,
            inode.stored,
            time.seconds,
            Int64(time.nanoseconds)
        )
    }

    /// Remembers that a client holds an inode open that has no name any more.
    package func markOrphan(
        _ inode: InodeNumber,
        client: UInt64
    ) throws(MetadataError) {
        try statements.run(.insertOrphan, inode.stored, Int64(bitPattern: client))
    }

    package func clearOrphan(_ inode: InodeNumber) throws(MetadataError) {
        try statements.run(.deleteOrphan, inode.stored)
    }

    /// Adds to what is counted beneath a directory.
    package func adjustDirectoryStatistics(
        _ directory: InodeNumber,
        files: Int64,
        bytes: Int64
    ) throws(MetadataError) {
        try statements.run(.adjustDirectoryStatistics, directory.stored, files, bytes)
    }

    /// Applies what is pending for one inode's space, and for its project.
    func flushSpace(of inode: InodeNumber) throws(MetadataError) {
        guard let delta = state.spaceDeltas.removeValue(forKey: inode), delta != 0 else { return }
        let inode = try held.inode(inode)
        // An inode that is gone has left its project's account already.
        guard var row = inode.value.row else { return }
        row.space = UInt64(bitPattern: Int64(bitPattern: row.space) + delta)
        // An account, no version: it changes in place.
        try held.replace(inode, with: row, archiving: nil)
        touched.touch(inode.number)
        try countUsage(row.project, files: 0, bytes: delta)
    }

    func countUsage(
        _ project: UInt32,
        files: Int64,
        bytes: Int64
    ) throws(MetadataError) {
        guard project != 0, files != 0 || bytes != 0 else { return }
        try statements.run(.addUsage, Int64(project), files, bytes)
    }

    static func noInode(_ inode: InodeNumber) -> MetadataError {
        MetadataError(.notFound, "inode \(inode.rawValue) has no row")
    }
}

/// A table other than `inode` that may have rows of an inode.
private enum Appendage: Int64 {
    case inline, place, accessTime, statistics, orphan, link, xattr, slice
}

extension Query {
    private static let parameters = (1...24).map { "?\($0)" }.joined(separator: ", ")
    private static let assignments = Schema.inodeColumns
        .split(separator: ",")
        .map { $0.drop { $0 == " " || $0 == "\n" } }
        .enumerated()
        .map { "\($0.element) = ?\($0.offset + 2)" }
        .joined(separator: ", ")

    /// Tables with one row an inode, then those with several.
    static let appendages = Query(
        """
        SELECT 0 FROM inline WHERE ino = ?1 UNION ALL SELECT 1 FROM place WHERE ino = ?1
        UNION ALL SELECT 2 FROM atime WHERE ino = ?1 UNION ALL SELECT 3 FROM dirstat WHERE dir = ?1
        UNION ALL SELECT 4 FROM orphan WHERE ino = ?1 UNION ALL SELECT 5 FROM link WHERE ino = ?1
        UNION ALL SELECT 6 FROM xattr WHERE ino = ?1
        UNION ALL SELECT 7 FROM slice WHERE ino = ?1 AND tile >= -1
        """
    )
    static let insertInode = Query("INSERT INTO inode VALUES (\(parameters))")
    static let updateInode = Query("UPDATE inode SET \(assignments) WHERE ino = ?1")
    static let archiveInode = Query(
        """
        INSERT INTO h_inode(ino, \(Schema.inodeColumns), died) VALUES (\(parameters), ?25)
        """
    )
    static let deleteInode = Query("DELETE FROM inode WHERE ino = ?1")
    static let deletePlace = Query("DELETE FROM place WHERE ino = ?1")
    static let setAccessTime = Query("INSERT OR REPLACE INTO atime VALUES (?1, ?2, ?3)")
    static let deleteAccessTime = Query("DELETE FROM atime WHERE ino = ?1")
    static let insertOrphan = Query("INSERT OR IGNORE INTO orphan VALUES (?1, ?2)")
    static let deleteOrphan = Query("DELETE FROM orphan WHERE ino = ?1")
    static let insertReap = Query("INSERT OR REPLACE INTO reap VALUES (?1, ?2, -1)")
    static let deleteDirectoryStatistics = Query("DELETE FROM dirstat WHERE dir = ?1")
    static let adjustDirectoryStatistics = Query(
        """
        INSERT INTO dirstat VALUES (?1, ?2, ?3)
        ON CONFLICT(dir) DO UPDATE SET files = files + ?2, bytes = bytes + ?3
        """
    )
    static let addUsage = Query(
        """
        INSERT INTO usage VALUES (?1, ?2, ?3)
        ON CONFLICT(project) DO UPDATE SET files = files + ?2, bytes = bytes + ?3
        """
    )

    static let ofInodeWrites = [
        appendages, insertInode, updateInode, archiveInode, deleteInode, deletePlace,
        setAccessTime, deleteAccessTime, insertOrphan, deleteOrphan, insertReap,
        deleteDirectoryStatistics, adjustDirectoryStatistics, addUsage,
    ]
}
