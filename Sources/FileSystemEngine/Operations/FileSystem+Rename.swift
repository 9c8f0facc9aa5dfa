import MetadataStore
package import VarveModel

extension FileSystem {
    /// Renames, within a directory or across two, replacing what has the new name (rename(2)).
    ///
    /// - Throws: `.notFound`, `.invalid` (into itself; `.` or `..`), `.notEmpty`, `.isDirectory`,
    ///   `.notDirectory`, `.denied`, `.notPermitted` (sticky), `.tooManyLinks`, `.stale`, `.noSpace`.
    package func rename(
        _ name: FileName,
        in source: InodeNumber,
        to newName: FileName,
        in target: InodeNumber,
        as caller: Credentials
    ) async throws(FileSystemError) {
        try await committer.run {
            try $0.rename(name, in: source, to: newName, in: target, as: caller)
        }
    }
}

extension WriteContext {
    func rename(
        _ name: FileName,
        in source: InodeNumber,
        to newName: FileName,
        in target: InodeNumber,
        as caller: Credentials
    ) throws {
        for odd in [name, newName] where odd.isDot || odd.isDotDot {
            throw FileSystemError(.invalid, "'\(odd)' is not a name to rename")
        }
        let from = try directory(source)
        try Permission.require(.execute, of: Attributes(from), for: caller)
        let to = try directory(target)
        try Permission.require(.execute, of: Attributes(to), for: caller)
        guard let dirent = try writer.lookup(name, in: source, at: .live) else {
            throw FileSystemError(.notFound, "no '\(name)' in directory \(source.rawValue)")
        }
        guard to.links > 0 else { throw FileSystemError.gone(target) }
        let row = try row(dirent.inode)
        let taken = try writer.lookup(newName, in: target, at: .live)
        let existing = try taken.map { try self.row($0.inode) }
        var facts = RenameFacts(
            entry: Attributes(row),
            source: Attributes(from),
            target: Attributes(to),
            existing: existing.map { Attributes($0) }
        )
        facts.isSameName = source == target && name == newName
        if row.kind == .directory { facts.isEntryAboveTarget = try isAbove(row.inode, target) }
        if let existing, existing.kind == .directory, existing.inode != row.inode {
            facts.isExistingAboveSource =
                try source != target && isAbove(existing.inode, source)
            facts.isExistingFull = try !writer.isEmpty(existing.inode, at: .live)
        }
        let verdict = try RenameRules.decide(facts, for: caller, linksMax: core.limits.linksMax)
        switch verdict {
        case .nothing: return
        case .move: break
        case .replace:
            if let existing, let taken { try displace(existing, taken) }
        }
        try carry(dirent, row, to: newName, in: target)
    }

    /// Whether `inode` is `directory` or lies above it.
    private func isAbove(_ inode: InodeNumber, _ directory: InodeNumber) throws -> Bool {
        var next = directory
        while next != inode {
            if next == .root { return false }
            next = try row(next).parent
        }
        return true
    }

    /// Takes the new name from what has it.
    private func displace(_ existing: InodeRow, _ dirent: DirentRow) throws {
        var existing = existing
        try writer.removeDirent(directory: dirent.directory, hash: dirent.hash)
        guard existing.kind == .directory else {
            return try dropName(&existing, directory: dirent.directory, hash: dirent.hash)
        }
        try endDirectory(&existing)
        var parent = try directory(dirent.directory)
        parent.links -= 1
        try writer.updateInode(parent)
    }

    /// Moves a dirent to a name that is free by now, and stamps all it touches.
    private func carry(
        _ dirent: DirentRow,
        _ entry: InodeRow,
        to name: FileName,
        in target: InodeNumber
    ) throws {
        var row = entry
        try writer.removeDirent(directory: dirent.directory, hash: dirent.hash)
        let hash = try writer.insertDirent(
            directory: target,
            name: name,
            inode: row.inode,
            kind: row.kind
        )
        try writer.moveName(
            &row,
            from: DirentKey(directory: dirent.directory, hash: dirent.hash),
            to: DirentKey(directory: target, hash: hash)
        )
        try touch(&row)
        try writer.updateInode(row)
        var from = try directory(dirent.directory)
        if target != dirent.directory {
            var to = try directory(target)
            if row.kind == .directory {
                from.links -= 1
                to.links += 1
            }
            try touchContent(&to)
            try writer.updateInode(to)
        }
        try touchContent(&from)
        try writer.updateInode(from)
    }
}
