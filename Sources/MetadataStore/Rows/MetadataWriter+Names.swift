package import VarveModel

extension MetadataWriter {
    /// Adds a name to a directory.
    ///
    /// - Returns: Its hash: the name's own from its last life where that is still known, otherwise one
    ///   that no name in live rows or history has.
    package func insertDirent(
        directory: InodeNumber,
        name: FileName,
        inode: InodeNumber,
        kind: FileKind
    ) throws(MetadataError) -> UInt64 {
        let range = hasher.candidates(name.bytes)
        let names = try held.names(directory, range.lowerBound)
        let hash = try MetadataWriter.chooseHash(
            name.bytes,
            range,
            live: names.rows.map { ($0.hash, $0.name.bytes) },
            past: try held.pastNames(names)
        )
        try insertDirent(
            DirentRow(
                directory: directory,
                hash: hash,
                born: state.epoch,
                inode: inode,
                kind: kind,
                name: name
            )
        )
        return hash
    }

    /// Lets an existing name point at another inode (a rename over it).
    package func replaceDirent(
        directory: InodeNumber,
        hash: UInt64,
        inode: InodeNumber,
        kind: FileKind
    ) throws(MetadataError) {
        let names = try held.names(directory, hash)
        let old = try MetadataWriter.row(hash, in: names)
        let row = DirentRow(
            directory: directory,
            hash: hash,
            born: state.epoch,
            inode: inode,
            kind: kind,
            name: old.name
        )
        try held.replace(names, hash, with: row, archiving: deathSeen(born: old.born))
        touched.touch(row)
        note(.dirent(directory, hash))
    }

    package func removeDirent(
        directory: InodeNumber,
        hash: UInt64
    ) throws(MetadataError) {
        let names = try held.names(directory, hash)
        let row = try MetadataWriter.row(hash, in: names)
        try held.replace(names, hash, with: nil, archiving: deathSeen(born: row.born))
        touched.touch(row)
        note(.dirent(directory, hash))
    }

    /// Counts one more name of a file, and keeps its parent or its link rows right.
    ///
    /// Not for directories. The caller writes `row` afterwards.
    package func addName(
        _ row: inout InodeRow,
        directory: InodeNumber,
        hash: UInt64
    ) throws(MetadataError) {
        precondition(row.kind != .directory, "a directory has one name")
        switch row.links {
        case 0:
            row.parent = directory
            row.parentHash = hash
        case 1:
            try insertLink(row.inode, row.parent, row.parentHash)
            try insertLink(row.inode, directory, hash)
        default:
            try insertLink(row.inode, directory, hash)
        }
        row.links += 1
    }

    /// Counts one name of a file less.
    ///
    /// The caller writes or removes the inode afterwards.
    package func removeName(
        _ row: inout InodeRow,
        directory: InodeNumber,
        hash: UInt64
    ) throws(MetadataError) {
        precondition(row.kind != .directory, "a directory has one name")
        precondition(row.links > 0, "a name that goes was counted")
        row.links -= 1
        guard row.links > 0 else { return }
        let links = try links(of: row.inode, at: .live)
        guard let gone = links.first(where: { $0.directory == directory && $0.hash == hash })
        else {
            throw MetadataError(
                .corrupt,
                "inode \(row.inode.rawValue) has no link row for its name in "
                    + "directory \(directory.rawValue)"
            )
        }
        try removeLink(gone)
        guard row.links == 1 else { return }
        for last in links where last != gone {
            row.parent = last.directory
            row.parentHash = last.hash
            try removeLink(last)
        }
    }

    /// Moves a name of a file or directory, as a rename does.
    ///
    /// The caller writes `row` afterwards.
    package func moveName(
        _ row: inout InodeRow,
        from old: DirentKey,
        to new: DirentKey
    ) throws(MetadataError) {
        if row.kind != .directory, row.links > 1 {
            let links = try links(of: row.inode, at: .live)
            for link in links where link.directory == old.directory && link.hash == old.hash {
                try removeLink(link)
            }
            try insertLink(row.inode, new.directory, new.hash)
        }
        if row.kind == .directory || row.links <= 1
            || (row.parent == old.directory && row.parentHash == old.hash)
        {
            row.parent = new.directory
            row.parentHash = new.hash
        }
    }

    /// Sets an extended attribute, new or not.
    package func setXattr(
        _ inode: InodeNumber,
        name: [UInt8],
        value: [UInt8]
    ) throws(MetadataError) {
        if let row = try xattrRow(inode, name: name, at: .live) {
            try archiveXattr(row)
            try put(.updateXattr, inode, row.hash, name, value)
            return
        }
        let range = hasher.candidates(name)
        let live = try xattrs(of: inode, range, at: .live).map { ($0.hash, $0.name) }
        let past = try pastNames(.xattrRemembered, inode, range)
        let hash = try MetadataWriter.chooseHash(name, range, live: live, past: past)
        try put(.insertXattr, inode, hash, name, value)
    }

    /// Removes an extended attribute.
    ///
    /// - Returns: Whether there was one.
    package func removeXattr(
        _ inode: InodeNumber,
        name: [UInt8]
    ) throws(MetadataError) -> Bool {
        guard let row = try xattrRow(inode, name: name, at: .live) else { return false }
        try removeXattr(row)
        return true
    }

    func removeXattr(_ row: XattrRow) throws(MetadataError) {
        try archiveXattr(row)
        try statements.run(.deleteXattr, row.inode.stored, Int64(row.hash))
        note(.xattr(row.inode, row.hash))
    }

    /// Writes an attribute under a known hash; `query` inserts or updates.
    func put(
        _ query: Query,
        _ inode: InodeNumber,
        _ hash: UInt64,
        _ name: [UInt8],
        _ value: [UInt8]
    ) throws(MetadataError) {
        let statement = try statements.bound(
            query,
            [inode.stored, Int64(hash), state.epoch.stored]
        )
        defer { statement.reset() }
        statement.bind(4, name)
        statement.bind(5, value)
        _ = try statement.step()
        note(.xattr(inode, hash))
    }

    func archiveXattr(_ row: XattrRow) throws(MetadataError) {
        guard isSeen(born: row.born) else { return }
        try statements.run(
            .archiveXattr,
            row.inode.stored,
            Int64(row.hash),
            state.epoch.stored
        )
    }

    /// Adds a dirent under a hash that is free; it is born now.
    func insertDirent(_ row: DirentRow) throws(MetadataError) {
        let names = try held.names(row.directory, row.hash)
        guard names.slot(row.hash)?.row == nil else {
            throw MetadataError(
                .constraint,
                "directory \(row.directory.rawValue) has a name with hash \(row.hash) already"
            )
        }
        let new = DirentRow(
            directory: row.directory,
            hash: row.hash,
            born: state.epoch,
            inode: row.inode,
            kind: row.kind,
            name: row.name
        )
        try held.replace(names, row.hash, with: new)
        touched.touch(row)
        note(.dirent(row.directory, row.hash))
    }

    func insertLink(
        _ inode: InodeNumber,
        _ directory: InodeNumber,
        _ hash: UInt64
    ) throws(MetadataError) {
        try statements.run(
            .insertLink,
            inode.stored,
            directory.stored,
            Int64(hash),
            state.epoch.stored
        )
        note(.link(inode))
    }

    func removeLink(_ row: LinkRow) throws(MetadataError) {
        let (inode, directory) = (row.inode.stored, row.directory.stored)
        let hash = Int64(row.hash)
        if isSeen(born: row.born) {
            try statements.run(.archiveLink, inode, directory, hash, state.epoch.stored)
        }
        try statements.run(.deleteLink, inode, directory, hash)
        note(.link(row.inode))
    }

    private static func row(
        _ hash: UInt64,
        in names: HeldNames
    ) throws(MetadataError) -> DirentRow {
        guard let row = names.slot(hash)?.row else {
            throw MetadataError(
                .notFound,
                "directory \(names.key.directory.rawValue) has no name with hash \(hash)"
            )
        }
        return row
    }

    /// The hashes of a range that the history knows, each with a name that it had.
    private func pastNames(
        _ query: Query,
        _ inode: InodeNumber,
        _ range: ClosedRange<UInt64>
    ) throws(MetadataError) -> [(hash: UInt64, name: [UInt8])] {
        var names: [(hash: UInt64, name: [UInt8])] = []
        var next = range.lowerBound
        while next <= range.upperBound {
            let found = try statements.first(
                query,
                inode.stored,
                Int64(next),
                Int64(range.upperBound)
            ) { (UInt64($0.int(0)), $0.bytes(1)) }
            guard let found else { break }
            names.append(found)
            next = found.0 + 1
        }
        return names
    }

    /// A number that was free is not free while the history may still show another name under it.
    private static func chooseHash(
        _ name: [UInt8],
        _ range: ClosedRange<UInt64>,
        live: [(UInt64, [UInt8])],
        past: [(hash: UInt64, name: [UInt8])]
    ) throws(MetadataError) -> UInt64 {
        // Mostly nobody has, or had, any of them.
        if live.isEmpty, past.isEmpty { return range.lowerBound }
        let taken = Set(live.map(\.0))
        guard !live.contains(where: { $0.1 == name }) else {
            throw MetadataError(.exists, "the name is already there")
        }
        if let own = past.first(where: { $0.1 == name && !taken.contains($0.0) }) { return own.0 }
        let remembered = taken.union(past.map(\.0))
        let free = range.first { !remembered.contains($0) } ?? range.first { !taken.contains($0) }
        guard let free else {
            throw MetadataError(
                .constraint,
                "256 names of one directory share a hash",
                remedy: "Choose another name."
            )
        }
        return free
    }
}

extension Query {
    static let direntRemembered = Query(
        """
        SELECT h, name FROM h_dirent WHERE dir = ?1 AND h BETWEEN ?2 AND ?3 ORDER BY h LIMIT 1
        """
    )
    static let xattrRemembered = Query(
        "SELECT h, name FROM h_xattr WHERE ino = ?1 AND h BETWEEN ?2 AND ?3 ORDER BY h LIMIT 1"
    )
    static let insertDirent = Query("INSERT INTO dirent VALUES (?1, ?2, ?3, ?4, ?5, ?6)")
    static let updateDirent = Query(
        "UPDATE dirent SET born = ?3, ino = ?4, type = ?5 WHERE dir = ?1 AND h = ?2"
    )
    static let deleteDirent = Query("DELETE FROM dirent WHERE dir = ?1 AND h = ?2")
    static let archiveDirent = Query("INSERT INTO h_dirent VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")
    static let insertXattr = Query("INSERT INTO xattr VALUES (?1, ?2, ?3, ?4, ?5)")
    static let updateXattr = Query(
        "UPDATE xattr SET born = ?3, name = ?4, value = ?5 WHERE ino = ?1 AND h = ?2"
    )
    static let deleteXattr = Query("DELETE FROM xattr WHERE ino = ?1 AND h = ?2")
    static let archiveXattr = Query(
        """
        INSERT INTO h_xattr SELECT ino, h, ?3, born, name, value FROM xattr
        WHERE ino = ?1 AND h = ?2
        """
    )
    static let insertLink = Query("INSERT INTO link VALUES (?1, ?2, ?3, ?4)")
    static let deleteLink = Query("DELETE FROM link WHERE ino = ?1 AND dir = ?2 AND h = ?3")
    static let archiveLink = Query(
        """
        INSERT INTO h_link SELECT ino, dir, h, ?4, born FROM link
        WHERE ino = ?1 AND dir = ?2 AND h = ?3
        """
    )

    static let ofNameWrites = [
        direntRemembered, xattrRemembered, insertDirent, updateDirent, deleteDirent,
        archiveDirent, insertXattr, updateXattr, deleteXattr, archiveXattr, insertLink,
        deleteLink, archiveLink,
    ]
}
