package import VarveModel

extension MetadataWriter {
    /// Adds an inode; its number must be new.
    package func insertInode(_ row: InodeRow) throws(MetadataError) {
        try insert(row, space: 0)
        state.counters.inodes += 1
        try countUsage(row.project, files: 1, bytes: 0)
    }

    /// Changes an inode, keeping its present version when a retained instant shows it.
    ///
    /// Everything is taken from `row` except ``InodeRow/born`` and ``InodeRow/space``.
    package func updateInode(_ row: InodeRow) throws(MetadataError) {
        let old = try statements.first(.inodeBasics, row.inode.stored) {
            (
                born: Epoch(stored: $0.int(0)),
                project: UInt32(truncatingIfNeeded: $0.int(1)),
                space: $0.int(2)
            )
        }
        guard let old else { throw MetadataWriter.noInode(row.inode) }
        if isSeen(born: old.born) { try archiveInode(row.inode) }
        if old.project != row.project {
            // What is still pending is counted for the new project when it is flushed.
            try countUsage(old.project, files: -1, bytes: -old.space)
            try countUsage(row.project, files: 1, bytes: old.space)
        }
        var values = row.stored(born: state.epoch, space: 0)
        values.remove(at: 7)
        let statement = try statements.bound(.updateInode, [row.inode.stored] + values)
        defer { statement.reset() }
        _ = try statement.step()
        touched.touch(row.inode)
        try note(.inode(row.inode))
    }

    /// Kills an inode and what hangs on it; its slices are left to ``reap(limit:)``.
    package func removeInode(_ inode: InodeNumber) throws(MetadataError) {
        guard let row = try self.inode(inode, at: .live) else {
            throw MetadataWriter.noInode(inode)
        }
        if isSeen(born: row.born) { try archiveInode(inode) }
        for xattr in try xattrs(of: inode, at: .live) { try removeXattr(xattr) }
        try removeInline(inode)
        for link in try links(of: inode, at: .live) { try removeLink(link) }
        try flushSpace(of: inode)
        let space = try statements.first(.inodeBasics, inode.stored) { $0.int(2) } ?? 0
        try statements.run(.deleteInode, inode.stored)
        try statements.run(.deletePlace, inode.stored)
        try statements.run(.deleteAccessTime, inode.stored)
        try statements.run(.deleteOrphan, inode.stored)
        try statements.run(.deleteDirectoryStatistics, inode.stored)
        if try statements.exists(.nextTile, inode.stored, SliceRow.rangeTile) {
            try statements.run(.insertReap, inode.stored, state.epoch.stored)
        }
        state.counters.inodes -= 1
        state.ended.append(inode)
        touched.touch(inode)
        try countUsage(row.project, files: -1, bytes: -space)
        try note(.inode(inode))
    }

    /// Sets the access time that reads leave behind, or clears it; never versioned.
    package func setAccessTime(
        _ inode: InodeNumber,
        _ time: Timestamp?
    ) throws(MetadataError) {
        touched.touch(inode)
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
        touched.touch(inode)
        let project = try statements.int(.addSpace, inode.stored, delta)
        // An inode that is gone has left its project's account already.
        guard let project else { return }
        try countUsage(UInt32(truncatingIfNeeded: project), files: 0, bytes: delta)
    }

    func insert(_ row: InodeRow, space: UInt64) throws(MetadataError) {
        let values = [row.inode.stored] + row.stored(born: state.epoch, space: space)
        let statement = try statements.bound(.insertInode, values)
        defer { statement.reset() }
        _ = try statement.step()
        touched.touch(row.inode)
        try note(.inode(row.inode))
    }

    func countUsage(
        _ project: UInt32,
        files: Int64,
        bytes: Int64
    ) throws(MetadataError) {
        guard project != 0, files != 0 || bytes != 0 else { return }
        try statements.run(.addUsage, Int64(project), files, bytes)
    }

    private func archiveInode(_ inode: InodeNumber) throws(MetadataError) {
        try statements.run(.archiveInode, inode.stored, state.epoch.stored)
    }

    static func noInode(_ inode: InodeNumber) -> MetadataError {
        MetadataError(.notFound, "inode \(inode.rawValue) has no row")
    }
}

extension Query {
    private static let parameters = (1...24).map { "?\($0)" }.joined(separator: ", ")
    private static let assignments = Schema.inodeColumns
        .split(separator: ",")
        .map { $0.drop { $0 == " " || $0 == "\n" } }
        .filter { $0 != "space" }
        .enumerated()
        .map { "\($0.element) = ?\($0.offset + 2)" }
        .joined(separator: ", ")

    static let inodeBasics = Query("SELECT born, project, space FROM inode WHERE ino = ?1")
    static let insertInode = Query("INSERT INTO inode VALUES (\(parameters))")
    static let updateInode = Query("UPDATE inode SET \(assignments) WHERE ino = ?1")
    static let archiveInode = Query(
        """
        INSERT INTO h_inode(ino, died, \(Schema.inodeColumns))
        SELECT ino, ?2, \(Schema.inodeColumns) FROM inode WHERE ino = ?1
        """
    )
    static let deleteInode = Query("DELETE FROM inode WHERE ino = ?1")
    static let addSpace = Query(
        "UPDATE inode SET space = space + ?2 WHERE ino = ?1 RETURNING project"
    )
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
        inodeBasics, insertInode, updateInode, archiveInode, deleteInode, addSpace, deletePlace,
        setAccessTime, deleteAccessTime, insertOrphan, deleteOrphan, insertReap,
        deleteDirectoryStatistics, adjustDirectoryStatistics, addUsage,
    ]
}
