import MetadataStore
package import VarveModel

/// The present is made as a retained instant was, by new versions: the undo of a rollback is another.
extension FileSystem {
    /// Makes a file, or a directory and all beneath it, as it was; the root means everything.
    ///
    /// Bytes are not copied: new slices refer to the old records. One transaction, so a crash leaves
    /// the present or the past and nothing between (I3). Take an instant first to undo it later.
    ///
    /// - Parameters:
    ///   - inode: Alive now and at the instant.
    ///   - instant: Retained.
    /// - Returns: How many inodes and names were looked at and set.
    /// - Throws: `.stale` when the inode was not there then, or the instant is not retained;
    ///   `.noSpace`, `.readOnly`.
    package func restoreInPlace(
        _ inode: InodeNumber,
        to instant: Epoch
    ) async throws(FileSystemError) -> UInt64 {
        try await committer.run(flushing: .allAlone) { context in
            try context.requireRetained(instant)
            if inode == .root { return try Rollback(context, instant).everything() }
            guard try context.writer.inode(inode, at: .past(instant)) != nil else {
                throw FileSystemError.gone(inode)
            }
            let row = try context.row(inode)
            guard row.links > 0 else { throw FileSystemError.gone(inode) }
            return try Rollback(context, instant).subtree(inode)
        }
    }

    /// Makes a name of a live directory, and all beneath it, as it was; it may be gone today.
    ///
    /// - Parameters:
    ///   - name: What had the name then has it again, with its inode number.
    ///   - directory: Alive.
    ///   - instant: Retained.
    /// - Returns: How many inodes and names were looked at and set.
    /// - Throws: `.notFound` when the name was not there then; as ``restoreInPlace(_:to:)``.
    package func restoreInPlace(
        _ name: FileName,
        in directory: InodeNumber,
        to instant: Epoch
    ) async throws(FileSystemError) -> UInt64 {
        try await committer.run(flushing: .allAlone) { context in
            try context.requireRetained(instant)
            let parent = try context.directory(directory)
            guard parent.links > 0 else { throw FileSystemError.gone(directory) }
            guard
                let past = try context.writer.lookup(name, in: directory, at: .past(instant))
            else {
                throw FileSystemError(
                    .notFound,
                    "'\(name)' was not in directory \(directory.rawValue) then"
                )
            }
            return try Rollback(context, instant).name(past)
        }
    }
}

extension WriteContext {
    func requireRetained(_ instant: Epoch) throws {
        guard try writer.isRetained(instant) else {
            throw FileSystemError(.stale, "instant \(instant.rawValue) is not retained")
        }
    }
}
