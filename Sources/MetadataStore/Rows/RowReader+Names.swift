package import VarveModel

extension RowReader {
    /// Finds a name among all collision numbers of its hash, and compares it: never by hash alone.
    package func lookup(
        _ name: FileName,
        in directory: InodeNumber,
        at view: View
    ) throws(MetadataError) -> DirentRow? {
        let range = hasher.candidates(name.bytes)
        let live = try liveDirents(directory, range)
        guard case .past(let epoch) = view else { return live.first { $0.name == name } }
        if let row = live.first(where: { $0.name == name && $0.born <= epoch }) { return row }
        var cursor = range.lowerBound - 1
        while let next = try nextPastDirent(directory, after: cursor, epoch),
            next.hash <= range.upperBound
        {
            if let row = next.row, row.name == name { return row }
            cursor = next.hash
        }
        return nil
    }

    /// The dirent with one hash.
    package func dirent(
        directory: InodeNumber,
        hash: UInt64,
        at view: View
    ) throws(MetadataError) -> DirentRow? {
        let live = try liveDirents(directory, hash...hash).first
        guard case .past(let epoch) = view else { return live }
        if let live, live.born <= epoch { return live }
        return try pastDirent(directory, hash, epoch)
    }

    /// Names of a directory whose hashes are after `cookie`, ascending.
    package func list(
        _ directory: InodeNumber,
        after cookie: UInt64,
        limit: Int,
        at view: View
    ) throws(MetadataError) -> [DirentRow] {
        guard cookie < UInt64(Int64.max) else { return [] }
        let reader = self
        let live = { (key: UInt64?, limit: Int) throws(MetadataError) -> [DirentRow] in
            let after = Int64(key ?? 0)
            return try reader.statements.all(
                .direntsLive,
                directory.stored,
                after,
                Int64(limit)
            ) { statement throws(MetadataError) in
                try DirentRow(statement, directory, at: 0)
            }
        }
        guard case .past(let epoch) = view else { return try live(cookie, limit) }
        let scan = MergedScan<UInt64, DirentRow>(
            live: { key, limit throws(MetadataError) in
                try live(key, limit).map {
                    .init(key: $0.hash, isBorn: $0.born <= epoch, row: $0)
                }
            },
            past: { key throws(MetadataError) in
                let next = try reader.nextPastDirent(directory, after: key ?? 0, epoch)
                return next.map { .init(key: $0.hash, row: $0.row) }
            }
        )
        return try scan.rows(after: cookie, limit: limit)
    }

    /// Names and the inodes that they name; a name whose inode is missing is damage.
    package func listWithInodes(
        _ directory: InodeNumber,
        after cookie: UInt64,
        limit: Int,
        at view: View
    ) throws(MetadataError) -> [ListedEntry] {
        if view == .live {
            guard cookie < UInt64(Int64.max) else { return [] }
            return try statements.all(
                .direntsAndInodes,
                directory.stored,
                Int64(cookie),
                Int64(limit)
            ) { statement throws(MetadataError) in
                let dirent = try DirentRow(statement, directory, at: 0)
                guard !statement.isNull(5) else { throw RowReader.missing(dirent, view) }
                return ListedEntry(
                    dirent: dirent,
                    inode: try InodeRow(statement, dirent.inode, at: 5)
                )
            }
        }
        var entries: [ListedEntry] = []
        for dirent in try list(directory, after: cookie, limit: limit, at: view) {
            guard let row = try inode(dirent.inode, at: view) else {
                throw RowReader.missing(dirent, view)
            }
            entries.append(ListedEntry(dirent: dirent, inode: row))
        }
        return entries
    }

    private static func missing(_ dirent: DirentRow, _ view: View) -> MetadataError {
        MetadataError(
            .corrupt,
            "directory \(dirent.directory.rawValue) names inode \(dirent.inode.rawValue), "
                + "which has no row at \(view)"
        )
    }

    /// Whether a directory holds no name.
    package func isEmpty(
        _ directory: InodeNumber,
        at view: View
    ) throws(MetadataError) -> Bool {
        guard view == .live else {
            return try list(directory, after: 0, limit: 1, at: view).isEmpty
        }
        return try !holdsName(directory)
    }

    /// Every name of the file system, by directory and hash.
    package func dirents(
        after start: DirentKey?,
        limit: Int,
        at view: View
    ) throws(MetadataError) -> [DirentRow] {
        let reader = self
        let live = { (key: DirentKey?, limit: Int) throws(MetadataError) -> [DirentRow] in
            try reader.statements.all(
                .direntsEverywhere,
                key?.directory.stored ?? 0,
                Int64(key?.hash ?? 0),
                Int64(limit)
            ) { statement throws(MetadataError) in
                try DirentRow(statement, InodeNumber(stored: statement.int(5)), at: 0)
            }
        }
        guard case .past(let epoch) = view else { return try live(start, limit) }
        let scan = MergedScan<DirentKey, DirentRow>(
            live: { key, limit throws(MetadataError) in
                try live(key, limit).map {
                    .init(
                        key: DirentKey(directory: $0.directory, hash: $0.hash),
                        isBorn: $0.born <= epoch,
                        row: $0
                    )
                }
            },
            past: { key throws(MetadataError) in
                let next = try reader.statements.first(
                    .direntNextEverywhere,
                    key?.directory.stored ?? 0,
                    Int64(key?.hash ?? 0)
                ) {
                    DirentKey(
                        directory: InodeNumber(stored: $0.int(0)),
                        hash: UInt64($0.int(1))
                    )
                }
                guard let next else { return nil }
                return .init(
                    key: next,
                    row: try reader.pastDirent(next.directory, next.hash, epoch)
                )
            }
        )
        return try scan.rows(after: start, limit: limit)
    }

    /// The names of an inode that has more than one; empty for any other.
    package func links(
        of inode: InodeNumber,
        at view: View
    ) throws(MetadataError) -> [LinkRow] {
        let bound = bound(view)
        func row(_ statement: Statement) -> LinkRow {
            LinkRow(
                inode: inode,
                directory: InodeNumber(stored: statement.int(0)),
                hash: UInt64(statement.int(1)),
                born: Epoch(stored: statement.int(2))
            )
        }
        var rows = try statements.all(.linksLive, inode.stored) { row($0) }
            .filter { $0.born.stored <= bound }
        if view != .live {
            rows += try statements.all(.linksPast, inode.stored, bound) { row($0) }
        }
        return rows.sorted { ($0.directory, $0.hash) < ($1.directory, $1.hash) }
    }

    /// The next hash in the history of a directory, and its version at `epoch`.
    private func nextPastDirent(
        _ directory: InodeNumber,
        after hash: UInt64,
        _ epoch: Epoch
    ) throws(MetadataError) -> (hash: UInt64, row: DirentRow?)? {
        let first = try statements.first(.direntNextPast, directory.stored, Int64(hash)) {
            statement throws(MetadataError) in
            (died: statement.int(5), row: try DirentRow(statement, directory, at: 0))
        }
        guard let first else { return nil }
        // The first row of a key is its oldest version; when it outlives the instant, it decides.
        if first.died > epoch.stored {
            return (first.row.hash, first.row.born <= epoch ? first.row : nil)
        }
        return (first.row.hash, try pastDirent(directory, first.row.hash, epoch))
    }

    private func pastDirent(
        _ directory: InodeNumber,
        _ hash: UInt64,
        _ epoch: Epoch
    ) throws(MetadataError) -> DirentRow? {
        let row = try statements.first(
            .direntPast,
            directory.stored,
            Int64(hash),
            epoch.stored
        ) { statement throws(MetadataError) in
            try DirentRow(statement, directory, at: 0)
        }
        guard let row, row.born <= epoch else { return nil }
        return row
    }
}

extension DirentKey: Comparable {
    package static func < (left: DirentKey, right: DirentKey) -> Bool {
        (left.directory, left.hash) < (right.directory, right.hash)
    }
}

extension DirentRow {
    /// Columns h, born, ino, type, name.
    init(
        _ statement: Statement,
        _ directory: InodeNumber,
        at column: Int32
    ) throws(MetadataError) {
        let kind = FileKind(rawValue: UInt8(truncatingIfNeeded: statement.int(column + 3)))
        guard let kind, let name = FileName(bytes: statement.bytes(column + 4)) else {
            throw MetadataError(
                .corrupt,
                "a dirent of directory \(directory.rawValue) holds no valid name or type"
            )
        }
        self.init(
            directory: directory,
            hash: UInt64(bitPattern: statement.int(column)),
            born: Epoch(stored: statement.int(column + 1)),
            inode: InodeNumber(stored: statement.int(column + 2)),
            kind: kind,
            name: name
        )
    }
}

extension Query {
    static let direntsInRange = Query(
        "SELECT h, born, ino, type, name FROM dirent WHERE dir = ?1 AND h BETWEEN ?2 AND ?3"
    )
    static let direntsLive = Query(
        """
        SELECT h, born, ino, type, name FROM dirent WHERE dir = ?1 AND h > ?2
        ORDER BY h LIMIT ?3
        """
    )
    static let direntsAndInodes = Query(
        """
        SELECT d.h, d.born, d.ino, d.type, d.name, \(qualified) FROM dirent d
        LEFT JOIN inode i ON i.ino = d.ino WHERE d.dir = ?1 AND d.h > ?2 ORDER BY d.h LIMIT ?3
        """
    )
    static let direntsEverywhere = Query(
        """
        SELECT h, born, ino, type, name, dir FROM dirent WHERE (dir, h) > (?1, ?2)
        ORDER BY dir, h LIMIT ?3
        """
    )
    static let direntPast = Query(
        """
        SELECT h, born, ino, type, name FROM h_dirent
        WHERE dir = ?1 AND h = ?2 AND died > ?3 ORDER BY died LIMIT 1
        """
    )
    static let direntNextPast = Query(
        """
        SELECT h, born, ino, type, name, died FROM h_dirent WHERE dir = ?1 AND h > ?2
        ORDER BY h, died LIMIT 1
        """
    )
    static let direntNextEverywhere = Query(
        "SELECT dir, h FROM h_dirent WHERE (dir, h) > (?1, ?2) ORDER BY dir, h LIMIT 1"
    )
    static let linksLive = Query("SELECT dir, h, born FROM link WHERE ino = ?1")
    static let linksPast = Query(
        "SELECT dir, h, born FROM h_link WHERE ino = ?1 AND died > ?2 AND born <= ?2"
    )

    static let ofNameReads = [
        direntsInRange, direntsLive, direntsAndInodes, direntsEverywhere, direntPast,
        direntNextPast, direntNextEverywhere, linksLive, linksPast,
    ]

    private static let qualified = Schema.inodeColumns
        .split(separator: ",")
        .map { "i." + $0.drop { $0 == " " || $0 == "\n" } }
        .joined(separator: ", ")
}
