import MetadataStore
package import VarveModel

/// New inodes, and new names of old ones.
extension FileSystem {
    /// Makes an inode and its first name.
    ///
    /// - Parameters:
    ///   - name: Free in `directory`.
    ///   - directory: The caller needs write and search permission there.
    ///   - new: What is made.
    ///   - caller: Its owner, unless `new` says otherwise.
    /// - Returns: The new inode.
    /// - Throws: `.exists`, `.denied`, `.notPermitted`, `.notDirectory`, `.tooManyLinks`,
    ///   `.nameTooLong` (a symlink's target), `.invalid`, `.stale`, `.noSpace`.
    package func create(
        _ name: FileName,
        in directory: InodeNumber,
        _ new: NewInode,
        as caller: Credentials
    ) async throws(FileSystemError) -> Attributes {
        try await committer.run { try $0.create(name, in: directory, new, as: caller) }
    }

    /// Gives an inode one more name.
    ///
    /// - Throws: `.notPermitted` for directories, `.exists`, `.tooManyLinks`, `.denied`,
    ///   `.notDirectory`, `.stale`, `.noSpace`.
    package func link(
        _ inode: InodeNumber,
        as name: FileName,
        in directory: InodeNumber,
        as caller: Credentials
    ) async throws(FileSystemError) -> Attributes {
        try await committer.run(flushing: .one(inode)) {
            try $0.link(inode, as: name, in: directory, caller)
        }
    }
}

extension WriteContext {
    /// Makes an inode and its first name.
    ///
    /// Its number may have been taken beforehand; `fill` adds what it has beyond its birth, before its row is
    /// written.
    func create(
        _ name: FileName,
        in directory: InodeNumber,
        _ new: NewInode,
        as caller: Credentials,
        number: InodeNumber? = nil,
        filling fill: (inout InodeRow) throws -> Void = { _ in }
    ) throws -> Attributes {
        var parent = try self.directory(directory)
        try requireFree(name, in: parent, for: caller)
        try Ownership.requireMayMake(new.kind, for: caller)
        let birth = try Ownership.birth(of: new, in: Attributes(parent), for: caller)
        let kind = new.kind.fileKind
        var row = InodeRow(
            inode: try number ?? writer.nextInode(),
            kind: kind,
            permissions: birth.permissions,
            uid: birth.uid,
            gid: birth.gid,
            links: kind == .directory ? 2 : 0,
            accessed: now,
            modified: now,
            changed: now,
            created: now,
            change: try writer.nextChange(),
            project: parent.project
        )
        if caller.isRoot {
            row.accessed = new.accessed ?? now
            row.modified = new.modified ?? now
        }
        let hash = try writer.insertDirent(
            directory: directory,
            name: name,
            inode: row.inode,
            kind: kind
        )
        if kind == .directory {
            guard parent.links < core.limits.linksMax else {
                throw FileSystemError(
                    .tooManyLinks,
                    "directory \(directory.rawValue) holds \(parent.links - 2) directories"
                )
            }
            row.parent = directory
            row.parentHash = hash
            parent.links += 1
        } else {
            try writer.addName(&row, directory: directory, hash: hash)
        }
        try fill(&row)
        try particulars(of: new.kind, &row)
        try touchContent(&parent)
        try writer.updateInode(parent)
        return Attributes(row)
    }

    /// Inserts the inode with what only its kind has.
    private func particulars(of kind: NewInode.Kind, _ row: inout InodeRow) throws {
        switch kind {
        case .regular, .directory, .fifo, .socket:
            try writer.insertInode(row)
        case .characterDevice(let device), .blockDevice(let device):
            row.device = device
            try writer.insertInode(row)
        case .symlink(let target):
            guard !target.isEmpty, !target.contains(0) else {
                throw FileSystemError(.invalid, "a symlink's target has bytes, and none is NUL")
            }
            guard target.count <= core.limits.symlinkBytesMax else {
                throw FileSystemError(
                    .nameTooLong,
                    "a symlink's target of \(target.count) bytes; at most \(core.limits.symlinkBytesMax)"
                )
            }
            row.size = UInt64(target.count)
            try writer.insertInode(row)
            try writer.putInline(row.inode, target)
        }
    }

    /// Refuses a name that is taken, or that the caller may not give.
    func requireFree(_ name: FileName, in parent: InodeRow, for caller: Credentials) throws {
        try Permission.require(.execute, of: Attributes(parent), for: caller)
        let isTaken =
            try name.isDot || name.isDotDot
            || writer.lookup(name, in: parent.inode, at: .live) != nil
        guard !isTaken else {
            throw FileSystemError(.exists, "'\(name)' is in directory \(parent.inode.rawValue)")
        }
        guard parent.links > 0 else { throw FileSystemError.gone(parent.inode) }
        try Permission.require(.write, of: Attributes(parent), for: caller)
    }

    func link(
        _ inode: InodeNumber,
        as name: FileName,
        in directory: InodeNumber,
        _ caller: Credentials
    ) throws -> Attributes {
        var parent = try self.directory(directory)
        var row = try row(inode)
        try requireFree(name, in: parent, for: caller)
        guard row.kind != .directory else {
            throw FileSystemError(.notPermitted, "inode \(inode.rawValue) is a directory")
        }
        guard row.links > 0 else { throw FileSystemError.gone(inode) }
        guard row.links < core.limits.linksMax else {
            throw FileSystemError(
                .tooManyLinks,
                "inode \(inode.rawValue) has \(row.links) names already"
            )
        }
        let hash = try writer.insertDirent(
            directory: directory,
            name: name,
            inode: inode,
            kind: row.kind
        )
        try writer.addName(&row, directory: directory, hash: hash)
        try touch(&row)
        try writer.updateInode(row)
        try touchContent(&parent)
        try writer.updateInode(parent)
        return try shown(row)
    }
}
