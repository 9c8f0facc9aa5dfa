import MetadataStore
package import VarveModel

/// What rows in memory can answer, on the caller's own thread (docs/decisions/0019).
extension FileSystem {
    /// An inode's attributes in the present; `nil` when its row is not in memory.
    package func rememberedAttributes(of inode: InodeNumber) -> Attributes? {
        // The pending writes first: what is committed meanwhile is then seen twice, never missed.
        let pending = core.pending.view(of: inode)
        return core.database.liveRows.inode(inode).map { core.shown($0, pending) }
    }

    /// What a name leads to in the present; `nil` when a row is missing that it takes.
    ///
    /// - Throws: As ``lookup(_:in:at:as:)``.
    package func rememberedLookup(
        _ name: FileName,
        in directory: InodeNumber,
        as caller: Credentials
    ) throws(FileSystemError) -> Attributes? {
        // `.` and `..` are no rows.
        guard !name.isDot, !name.isDotDot,
            let found = core.database.liveRows.lookup(name, in: directory)
        else { return nil }
        guard found.directory.row.kind == .directory else {
            throw FileSystemError.notDirectory(directory)
        }
        try Permission.require(.execute, of: Attributes(found.directory.row), for: caller)
        guard let inode = found.inode else { throw FileSystemError.noName(name, in: directory) }
        let pending = core.pending.view(of: inode.row.inode)
        // A commit in between may have taken unstable writes out of both.
        guard core.database.liveRows.version == found.version else { return nil }
        return core.shown(inode, pending)
    }

    /// Opens as ``open(_:)`` does; `nil` when memory cannot tell that the inode is there.
    package func openRemembered(_ inode: InodeNumber) -> OpenFile? {
        guard let file = core.openFiles.open(inode) else { return nil }
        guard core.database.liveRows.inode(inode) != nil else {
            close(file)
            return nil
        }
        return file
    }
}
