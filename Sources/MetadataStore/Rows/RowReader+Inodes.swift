package import VarveModel

extension RowReader {
    /// An inode at a view; `nil` when there was none.
    package func inode(
        _ inode: InodeNumber,
        at view: View
    ) throws(MetadataError) -> InodeRow? {
        let live = try liveInode(inode)
        guard case .past(let epoch) = view else { return live }
        if let live, live.born <= epoch { return live }
        return try pastInode(inode, epoch)
    }

    /// Inodes with numbers after `inode`, ascending.
    package func inodes(
        after inode: InodeNumber?,
        limit: Int,
        at view: View
    ) throws(MetadataError) -> [InodeRow] {
        let reader = self
        let live = { (key: Int64?, limit: Int) throws(MetadataError) -> [InodeRow] in
            try reader.statements.all(.inodesLive, key ?? 0, Int64(limit)) {
                statement throws(MetadataError) in
                try InodeRow(statement, InodeNumber(stored: statement.int(0)), at: 1)
            }
        }
        guard case .past(let epoch) = view else { return try live(inode?.stored, limit) }
        let scan = MergedScan<Int64, InodeRow>(
            live: { key, limit throws(MetadataError) in
                try live(key, limit).map {
                    .init(key: $0.inode.stored, isBorn: $0.born <= epoch, row: $0)
                }
            },
            past: { key throws(MetadataError) in
                guard let next = try reader.statements.int(.inodeNextPast, key ?? 0) else {
                    return nil
                }
                return .init(
                    key: next,
                    row: try reader.pastInode(InodeNumber(stored: next), epoch)
                )
            }
        )
        return try scan.rows(after: inode?.stored, limit: limit)
    }

    /// The versions of an inode that are still kept, oldest first, the live one last.
    package func history(
        of inode: InodeNumber,
        limit: Int = 100_000
    ) throws(MetadataError) -> [VersionRow] {
        var versions = try statements.all(.inodeVersions, inode.stored, Int64(limit)) {
            statement throws(MetadataError) in
            let row = try InodeRow(statement, inode, at: 1)
            return VersionRow(born: row.born, died: Epoch(stored: statement.int(0)), row: row)
        }
        if let row = try self.inode(inode, at: .live) {
            versions.append(VersionRow(born: row.born, died: nil, row: row))
        }
        return versions
    }

    /// The access time that reads left; never versioned.
    ///
    /// `nil` when ``InodeRow/accessed`` stands.
    package func implicitAccessTime(_ inode: InodeNumber) throws(MetadataError) -> Timestamp? {
        try statements.first(.accessTime, inode.stored) { statement throws(MetadataError) in
            try Timestamp(statement, at: 0)
        }
    }

    /// Whether reads have left any access time.
    package func hasImplicitAccessTimes() throws(MetadataError) -> Bool {
        try statements.exists(.anyAccessTime)
    }

    /// Inodes without a name that clients still hold open.
    package func orphans() throws(MetadataError) -> [InodeNumber] {
        try statements.all(.orphans) { InodeNumber(stored: $0.int(0)) }
    }

    private func pastInode(
        _ inode: InodeNumber,
        _ epoch: Epoch
    ) throws(MetadataError) -> InodeRow? {
        let row = try statements.first(.inodePast, inode.stored, epoch.stored) {
            statement throws(MetadataError) in
            try InodeRow(statement, inode, at: 0)
        }
        guard let row, row.born <= epoch else { return nil }
        return row
    }
}

extension InodeRow {
    /// Columns in the order of ``Schema/inodeColumns``, from `column` on.
    init(_ statement: Statement, _ inode: InodeNumber, at column: Int32) throws(MetadataError) {
        func int(_ index: Int32) -> Int64 { statement.int(column + index) }
        let mode = UInt32(truncatingIfNeeded: int(2))
        guard let kind = FileKind(rawValue: UInt8(truncatingIfNeeded: mode >> 12)) else {
            throw MetadataError(.corrupt, "inode \(inode.rawValue) has mode \(mode)")
        }
        let device = UInt64(bitPattern: int(22))
        self.init(
            inode: inode,
            born: Epoch(stored: int(0)),
            generation: UInt32(truncatingIfNeeded: int(1)),
            kind: kind,
            permissions: UInt16(mode & 0o7777),
            uid: UInt32(truncatingIfNeeded: int(3)),
            gid: UInt32(truncatingIfNeeded: int(4)),
            links: UInt32(truncatingIfNeeded: int(5)),
            size: UInt64(bitPattern: int(6)),
            space: UInt64(bitPattern: int(7)),
            accessed: try Timestamp(statement, at: column + 8),
            modified: try Timestamp(statement, at: column + 10),
            changed: try Timestamp(statement, at: column + 12),
            created: try Timestamp(statement, at: column + 14),
            change: UInt64(bitPattern: int(16)),
            parent: InodeNumber(stored: int(17)),
            parentHash: UInt64(bitPattern: int(18)),
            flags: UInt32(truncatingIfNeeded: int(19)),
            project: UInt32(truncatingIfNeeded: int(20)),
            appliedSequence: UInt64(bitPattern: int(21)),
            device: DeviceNumber(
                major: UInt32(device >> 32),
                minor: UInt32(truncatingIfNeeded: device)
            )
        )
    }
}

extension Statement {
    /// Binds a row as it is, its number to the first parameter.
    func bind(_ row: InodeRow) {
        bind(1, row.inode.stored)
        bind(2, row.born.stored)
        bind(3, Int64(row.generation))
        bind(4, Int64(row.kind.rawValue) << 12 | Int64(row.permissions & 0o7777))
        bind(5, Int64(row.uid))
        bind(6, Int64(row.gid))
        bind(7, Int64(row.links))
        bind(8, row.size)
        bind(9, row.space)
        bind(10, row.accessed)
        bind(12, row.modified)
        bind(14, row.changed)
        bind(16, row.created)
        bind(18, row.change)
        bind(19, row.parent.stored)
        bind(20, row.parentHash)
        bind(21, Int64(row.flags))
        bind(22, Int64(row.project))
        bind(23, row.appliedSequence)
        bind(24, UInt64(row.device.major) << 32 | UInt64(row.device.minor))
    }

    /// Binds a time to two parameters.
    private func bind(_ index: Int32, _ time: Timestamp) {
        bind(index, time.seconds)
        bind(index + 1, Int64(time.nanoseconds))
    }
}

extension Timestamp {
    /// Seconds and nanoseconds in two columns.
    init(_ statement: Statement, at column: Int32) throws(MetadataError) {
        let nanoseconds = statement.int(column + 1)
        guard (0..<1_000_000_000).contains(nanoseconds) else {
            throw MetadataError(.corrupt, "a row holds \(nanoseconds) nanoseconds")
        }
        self.init(seconds: statement.int(column), nanoseconds: UInt32(nanoseconds))
    }
}

extension Query {
    private static let columns = Schema.inodeColumns

    static let inodeLive = Query("SELECT \(columns) FROM inode WHERE ino = ?1")
    static let inodePast = Query(
        "SELECT \(columns) FROM h_inode WHERE ino = ?1 AND died > ?2 ORDER BY died LIMIT 1"
    )
    static let inodesLive = Query(
        "SELECT ino, \(columns) FROM inode WHERE ino > ?1 ORDER BY ino LIMIT ?2"
    )
    static let inodeNextPast = Query(
        "SELECT ino FROM h_inode WHERE ino > ?1 ORDER BY ino LIMIT 1"
    )
    static let inodeBorn = Query("SELECT born FROM inode WHERE ino = ?1")
    static let inodeVersions = Query(
        "SELECT died, \(columns) FROM h_inode WHERE ino = ?1 ORDER BY died LIMIT ?2"
    )
    static let accessTime = Query("SELECT t, t_n FROM atime WHERE ino = ?1")
    static let anyAccessTime = Query("SELECT 1 FROM atime WHERE ino > 0 LIMIT 1")
    static let orphans = Query("SELECT DISTINCT ino FROM orphan ORDER BY ino")

    static let ofInodeReads = [
        inodeLive, inodePast, inodesLive, inodeNextPast, inodeBorn, inodeVersions, accessTime,
        anyAccessTime, orphans,
    ]
}
