import MetadataStore
package import VarveModel

/// Names and attributes, live and past.
extension FileSystem {
    /// Finds a name; `.` and `..` are found too.
    ///
    /// - Throws: `.notFound`, `.notDirectory`, `.denied` without search permission, `.stale`.
    package func lookup(
        _ name: FileName,
        in directory: InodeNumber,
        at view: View = .live,
        as caller: Credentials
    ) async throws(FileSystemError) -> Attributes {
        if view == .live, let found = try rememberedLookup(name, in: directory, as: caller) {
            return found
        }
        return try await readers.run { try $0.lookup(name, in: directory, at: view, as: caller) }
    }

    /// An inode's attributes; `.stale` when there is none at that view.
    package func attributes(
        of inode: InodeNumber,
        at view: View = .live
    ) async throws(FileSystemError) -> Attributes {
        if view == .live, let found = rememberedAttributes(of: inode) { return found }
        return try await readers.run { try $0.attributes(of: inode, at: view) }
    }

    /// All that `caller` may do to an inode; in the past, never write.
    package func access(
        of inode: InodeNumber,
        at view: View = .live,
        as caller: Credentials
    ) async throws(FileSystemError) -> AccessRights {
        let attributes = try await attributes(of: inode, at: view)
        let rights = Permission.rights(of: attributes, for: caller)
        return view == .live ? rights : rights.subtracting(.write)
    }

    /// Walks a path from the root; symlinks inside it are followed, within this file system.
    ///
    /// - Parameters:
    ///   - path: Components; `.` and `..` are understood, none means the root.
    ///   - view: One instant for the whole walk.
    ///   - caller: Needs search permission all the way.
    ///   - followLast: Whether a symlink at the end is followed too.
    /// - Returns: What the path leads to.
    /// - Throws: `.notFound`, `.notDirectory`, `.denied`, `.loop` after 40 symlinks, `.stale`.
    package func resolve(
        _ path: [FileName],
        at view: View = .live,
        as caller: Credentials,
        followLast: Bool = true
    ) async throws(FileSystemError) -> Attributes {
        try await readers.run {
            try $0.resolve(path, at: view, as: caller, followLast: followLast)
        }
    }

    /// Lists a part of a directory in cookie order.
    ///
    /// - Parameters:
    ///   - directory: What to list.
    ///   - cookie: The last entry's of the part before; 0 begins.
    ///   - limit: Entries at most.
    ///   - view: Cookies of one view hold at every other.
    ///   - caller: Needs read permission.
    /// - Returns: The entries with their attributes, `.` and `..` excluded.
    /// - Throws: `.notDirectory`, `.denied`, `.stale`.
    package func readDirectory(
        _ directory: InodeNumber,
        after cookie: UInt64 = 0,
        limit: Int,
        at view: View = .live,
        as caller: Credentials
    ) async throws(FileSystemError) -> DirectoryPage {
        try await readers.run {
            try $0.list(directory, after: cookie, limit: limit, at: view, as: caller)
        }
    }

    /// A symlink's target; `.invalid` for any other kind.
    package func readSymlink(
        _ inode: InodeNumber,
        at view: View = .live
    ) async throws(FileSystemError) -> [UInt8] {
        try await readers.run { try $0.symlinkTarget(of: inode, at: view) }
    }

    /// One path that leads to an inode, from the root; of a directory the only one.
    ///
    /// - Throws: `.stale`; `.notFound` when it is open but has no name any more.
    package func path(
        of inode: InodeNumber,
        at view: View = .live
    ) async throws(FileSystemError) -> [FileName] {
        try await readers.run { try $0.path(of: inode, at: view) }
    }
}

extension ReadContext {
    func lookup(
        _ name: FileName,
        in directory: InodeNumber,
        at view: View,
        as caller: Credentials
    ) throws -> Attributes {
        try atOneMoment(view) { try $0.lookup(name, in: directory, as: caller) }
    }

    func resolve(
        _ path: [FileName],
        at view: View,
        as caller: Credentials,
        followLast: Bool
    ) throws -> Attributes {
        try atOneMoment(view) { try $0.resolve(path, as: caller, followLast: followLast) }
    }

    /// 65,536 entries, some 20 MiB of them: more come with the next page.
    private static let entriesMax = 1 << 16

    func list(
        _ directory: InodeNumber,
        after cookie: UInt64,
        limit: Int,
        at view: View,
        as caller: Credentials
    ) throws -> DirectoryPage {
        let count = min(max(1, limit), ReadContext.entriesMax)
        return try atOneMoment(view) { moment in
            let parent = try moment.directory(directory)
            try Permission.require(.read, of: parent, for: caller)
            var entries =
                try knownEntries(directory, after: cookie, limit: count + 1, moment)
                ?? reader.listWithInodes(directory, after: cookie, limit: count + 1, at: view)
                .map { entry in
                    DirectoryEntry(
                        name: entry.dirent.name,
                        cookie: entry.dirent.hash,
                        attributes: try moment.attributes(entry.inode)
                    )
                }
            let isEnd = entries.count <= count
            if !isEnd { entries.removeLast() }
            return DirectoryPage(entries: entries, isEnd: isEnd, directory: parent)
        }
    }

    /// Entries by the names' rows alone, where memory has the rows of most inodes; `nil` where a join costs less.
    private func knownEntries(
        _ directory: InodeNumber,
        after cookie: UInt64,
        limit: Int,
        _ moment: Moment
    ) throws -> [DirectoryEntry]? {
        guard moment.view == .live else { return nil }
        let dirents = try reader.list(directory, after: cookie, limit: limit, at: .live)
        let rows = core.database.liveRows.inodes(
            dirents.lazy.map(\.inode),
            ofCommit: reader.commitNumber
        )
        guard rows.count(where: { $0 == nil }) <= rows.count / 4 else { return nil }
        return try zip(dirents, rows).map { dirent, row in
            let attributes =
                if let row {
                    core.shown(row, moment.pending(dirent.inode))
                } else {
                    try moment.attributes(of: dirent.inode)
                }
            return DirectoryEntry(
                name: dirent.name,
                cookie: dirent.hash,
                attributes: attributes
            )
        }
    }

    func symlinkTarget(of inode: InodeNumber, at view: View) throws -> [UInt8] {
        try atOneMoment(view) { try $0.symlinkTarget(of: inode) }
    }

    func path(of inode: InodeNumber, at view: View) throws -> [FileName] {
        try begin(view)
        var known: [InodeNumber: [FileName]] = [:]
        if let path = try path(of: inode, at: view, known: &known) { return path }
        guard try reader.inode(inode, at: view) != nil else { throw FileSystemError.gone(inode) }
        throw FileSystemError(.notFound, "inode \(inode.rawValue) has no name")
    }

    /// Climbs to the root, or to a directory whose path is known, and notes those on the way.
    ///
    /// - Returns: `nil` when the inode, or one above it, is gone or has no name.
    func path(
        of inode: InodeNumber,
        at view: View,
        known: inout [InodeNumber: [FileName]]
    ) throws -> [FileName]? {
        var climbed: [(inode: InodeNumber, name: FileName)] = []
        var next = inode
        while next != .root, known[next] == nil {
            guard let name = try name(of: next, at: view) else { return nil }
            climbed.append((next, name.name))
            next = name.directory
        }
        var path = known[next] ?? []
        for step in climbed.reversed() {
            path.append(step.name)
            if step.inode != inode { known[step.inode] = path }
        }
        return path
    }

    /// One name of an inode, and where it is.
    private func name(of inode: InodeNumber, at view: View) throws -> DirentRow? {
        guard let row = try reader.inode(inode, at: view) else { return nil }
        let link = try reader.links(of: inode, at: view).first
        let dirent = try reader.dirent(
            directory: link?.directory ?? row.parent,
            hash: link?.hash ?? row.parentHash,
            at: view
        )
        return dirent?.inode == inode ? dirent : nil
    }
}

extension Moment {
    func lookup(
        _ name: FileName,
        in directory: InodeNumber,
        as caller: Credentials
    ) throws -> Attributes {
        let parent = try self.directory(directory)
        try Permission.require(.execute, of: parent, for: caller)
        if name.isDot { return parent }
        if name.isDotDot { return try attributes(of: parent.parent) }
        let target = try context.reader.lookup(name, in: directory, at: view)?.inode
        if view == .live { context.reader.keep(name, in: directory, leadsTo: target) }
        guard let target else { throw FileSystemError.noName(name, in: directory) }
        return try attributes(of: target)
    }

    /// Follows this many symlinks at most in one walk, as Linux does.
    private static let symlinksMax = 40

    func resolve(
        _ path: [FileName],
        as caller: Credentials,
        followLast: Bool
    ) throws -> Attributes {
        var rest = Array(path.reversed())
        var followed = 0
        var here = try directory(.root)
        while let name = rest.popLast() {
            let found = try lookup(name, in: here.inode, as: caller)
            guard found.kind == .symlink, !rest.isEmpty || followLast else {
                here = found
                continue
            }
            followed += 1
            guard followed <= Moment.symlinksMax else {
                throw FileSystemError(.loop, "'\(name)' leads through more than 40 symlinks")
            }
            let target = try symlinkTarget(of: found.inode)
            if target.first == UInt8(ascii: "/") { here = try directory(.root) }
            for component in target.split(separator: UInt8(ascii: "/")).reversed() {
                guard let next = FileName(bytes: Array(component)) else {
                    throw FileSystemError(.nameTooLong, "symlink '\(name)' holds too long a name")
                }
                rest.append(next)
            }
        }
        return here
    }

    func symlinkTarget(of inode: InodeNumber) throws -> [UInt8] {
        guard let row = try context.reader.inode(inode, at: view) else {
            throw FileSystemError.gone(inode)
        }
        guard row.kind == .symlink else {
            throw FileSystemError(.invalid, "inode \(inode.rawValue) is no symlink")
        }
        return try context.reader.inline(inode, at: view) ?? []
    }
}
