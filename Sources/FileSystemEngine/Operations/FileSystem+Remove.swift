import MetadataStore
package import VarveModel

/// Names go.
extension FileSystem {
    /// Removes a name of anything but a directory.
    ///
    /// An inode without a name lives on while it is open.
    ///
    /// - Throws: `.notFound`, `.isDirectory`, `.denied`, `.notPermitted` (sticky), `.invalid`
    ///   (`.` or `..`), `.notDirectory`, `.stale`, `.noSpace`.
    package func unlink(
        _ name: FileName,
        in directory: InodeNumber,
        as caller: Credentials
    ) async throws(FileSystemError) {
        try await committer.run(room: .frees) { try $0.unlink(name, in: directory, as: caller) }
    }

    /// Removes an empty directory.
    ///
    /// - Throws: `.notEmpty`, and as ``unlink(_:in:as:)`` with `.notDirectory` for `.isDirectory`.
    package func removeDirectory(
        _ name: FileName,
        in directory: InodeNumber,
        as caller: Credentials
    ) async throws(FileSystemError) {
        try await committer.run(room: .frees) {
            try $0.removeDirectory(name, in: directory, as: caller)
        }
    }

    /// Keeps an inode alive though its last name goes.
    ///
    /// - Throws: `.stale`.
    package func open(_ inode: InodeNumber) async throws(FileSystemError) -> OpenFile {
        guard let file = core.openFiles.open(inode) else { throw FileSystemError.gone(inode) }
        do {
            _ = try await attributes(of: inode)
            return file
        } catch {
            close(file)
            throw error
        }
    }

    /// Closes; the last close of an inode without a name ends it.
    package func close(_ file: OpenFile) {
        guard core.openFiles.close(file) else { return }
        committer.enqueue(room: .frees) { try $0.endOrphan(file.inode) }
    }
}

extension WriteContext {
    /// A name about to go, with its directory and inode.
    private struct Removal {
        var parent: InodeRow
        let dirent: DirentRow
        var row: InodeRow
    }

    private func removal(
        of name: FileName,
        in directory: InodeNumber,
        for caller: Credentials
    ) throws -> Removal {
        let parent = try self.directory(directory)
        guard !name.isDot, !name.isDotDot else {
            throw FileSystemError(
                name.isDot ? .invalid : .notEmpty,
                "'\(name)' is not a name to remove"
            )
        }
        try Permission.require(.execute, of: Attributes(parent), for: caller)
        guard let dirent = try writer.lookup(name, in: directory, at: .live) else {
            throw FileSystemError(.notFound, "no '\(name)' in directory \(directory.rawValue)")
        }
        let row = try row(dirent.inode)
        try Permission.requireRemoval(
            of: Attributes(row),
            from: Attributes(parent),
            for: caller
        )
        return Removal(parent: parent, dirent: dirent, row: row)
    }

    func unlink(_ name: FileName, in directory: InodeNumber, as caller: Credentials) throws {
        let removal = try removal(of: name, in: directory, for: caller)
        guard removal.row.kind != .directory else {
            throw FileSystemError(.isDirectory, "'\(name)' is a directory")
        }
        try unlink(removal, in: directory)
    }

    /// Removes a name of anything, a directory only when it is empty.
    func remove(_ name: FileName, in directory: InodeNumber, as caller: Credentials) throws {
        let removal = try removal(of: name, in: directory, for: caller)
        if removal.row.kind == .directory {
            try removeDirectory(removal, name, in: directory)
        } else {
            try unlink(removal, in: directory)
        }
    }

    private func unlink(_ found: Removal, in directory: InodeNumber) throws {
        var removal = found
        try writer.removeDirent(directory: directory, hash: removal.dirent.hash)
        try dropName(&removal.row, directory: directory, hash: removal.dirent.hash)
        try touchContent(&removal.parent)
        try writer.updateInode(removal.parent)
    }

    /// Takes one name from an inode that is no directory; without the last it ends.
    func dropName(_ row: inout InodeRow, directory: InodeNumber, hash: UInt64) throws {
        try writer.removeName(&row, directory: directory, hash: hash)
        try touch(&row)
        if row.links == 0 {
            try endInode(row)
        } else {
            try writer.updateInode(row)
        }
    }

    func removeDirectory(
        _ name: FileName,
        in directory: InodeNumber,
        as caller: Credentials
    ) throws {
        let removal = try removal(of: name, in: directory, for: caller)
        guard removal.row.kind == .directory else {
            throw FileSystemError(.notDirectory, "'\(name)' is no directory")
        }
        try removeDirectory(removal, name, in: directory)
    }

    private func removeDirectory(
        _ found: Removal,
        _ name: FileName,
        in directory: InodeNumber
    ) throws {
        var removal = found
        guard try writer.isEmpty(removal.row.inode, at: .live) else {
            throw FileSystemError(.notEmpty, "directory '\(name)' holds entries")
        }
        try writer.removeDirent(directory: directory, hash: removal.dirent.hash)
        try endDirectory(&removal.row)
        removal.parent.links -= 1
        try touchContent(&removal.parent)
        try writer.updateInode(removal.parent)
    }

    /// Ends an empty directory whose dirent is gone.
    func endDirectory(_ row: inout InodeRow) throws {
        row.links = 0
        try touch(&row)
        try endInode(row)
    }

    /// Ends an inode that was kept for its last handle.
    func endOrphan(_ inode: InodeNumber) throws {
        guard let row = try writer.inode(inode, at: .live), row.links == 0 else { return }
        guard core.openFiles.beginDying(inode) else { return }
        try writer.clearOrphan(inode)
        try writer.removeInode(inode)
    }
}
