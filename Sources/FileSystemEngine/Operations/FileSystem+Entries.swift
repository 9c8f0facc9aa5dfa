import MetadataStore
package import VarveModel

/// Names come and go, and the directory's `change` on both sides is told: what NFS calls change_info4.
///
/// All changes of directories pass one committer, so nothing lies between the two values (RFC 8881 §3.3.10).
extension FileSystem {
    /// Makes an inode and its first name, as ``create(_:in:_:as:)``.
    ///
    /// - Parameters:
    ///   - name: Free in `directory`, unless the same verifier made what has it.
    ///   - directory: The caller needs write and search permission there.
    ///   - new: What is made.
    ///   - caller: Its owner, unless `new` says otherwise.
    ///   - verifier: Of an exclusive create (RFC 8881 §18.16.3): kept in the times of a new regular file until they are set, and
    ///     an empty file that bears it is answered as if it had just been made.
    ///   - receipt: Kept with the change.
    /// - Returns: The inode, and what it did to the directory.
    /// - Throws: As ``create(_:in:_:as:)``.
    package func createEntry(
        _ name: FileName,
        in directory: InodeNumber,
        _ new: NewInode,
        as caller: Credentials,
        verifier: UInt64? = nil,
        receipt: ReceiptMaker<NamedInode>? = nil
    ) async throws(FileSystemError) -> NamedInode {
        try await committer.run { context in
            try context.keeping(receipt) {
                try context.noting(directory) {
                    try context.createOnce(name, in: directory, new, as: caller, verifier)
                }
            }
        }
    }

    /// Gives an inode one more name, as ``link(_:as:in:as:)``; the receipt is kept with the change.
    package func linkEntry(
        _ inode: InodeNumber,
        as name: FileName,
        in directory: InodeNumber,
        as caller: Credentials,
        receipt: ReceiptMaker<NamedInode>? = nil
    ) async throws(FileSystemError) -> NamedInode {
        try await committer.run(flushing: .one(inode)) { context in
            try context.keeping(receipt) {
                try context.noting(directory) {
                    try context.link(inode, as: name, in: directory, caller)
                }
            }
        }
    }

    /// Removes a name: of a directory when it is empty, of anything else as ``unlink(_:in:as:)``; the receipt is kept with
    /// the change.
    ///
    /// - Throws: As ``unlink(_:in:as:)`` and ``removeDirectory(_:in:as:)``.
    package func removeEntry(
        _ name: FileName,
        in directory: InodeNumber,
        as caller: Credentials,
        receipt: ReceiptMaker<DirectoryChange>? = nil
    ) async throws(FileSystemError) -> DirectoryChange {
        try await committer.run(room: .frees) { context in
            try context.keeping(receipt) {
                let before = try context.directory(directory).change
                try context.remove(name, in: directory, as: caller)
                return DirectoryChange(
                    before: before,
                    after: try context.directory(directory).change
                )
            }
        }
    }

    /// Renames, as ``rename(_:in:to:in:as:)``; the receipt is kept with the change.
    package func renameEntry(
        _ name: FileName,
        in source: InodeNumber,
        to newName: FileName,
        in target: InodeNumber,
        as caller: Credentials,
        receipt: ReceiptMaker<RenameChange>? = nil
    ) async throws(FileSystemError) -> RenameChange {
        try await committer.run { context in
            try context.keeping(receipt) {
                let before = (
                    source: try context.directory(source).change,
                    target: try context.directory(target).change
                )
                try context.rename(name, in: source, to: newName, in: target, as: caller)
                return RenameChange(
                    source: DirectoryChange(
                        before: before.source,
                        after: try context.directory(source).change
                    ),
                    target: DirectoryChange(
                        before: before.target,
                        after: try context.directory(target).change
                    )
                )
            }
        }
    }
}

extension WriteContext {
    /// Runs `body`, which names an inode in `directory`, and notes the directory's `change` around it.
    fileprivate func noting(
        _ directory: InodeNumber,
        _ body: () throws -> Attributes
    ) throws -> NamedInode {
        let before = try self.directory(directory).change
        let attributes = try body()
        return NamedInode(
            attributes: attributes,
            directory: DirectoryChange(
                before: before,
                after: try self.directory(directory).change
            )
        )
    }

    /// Creates; an empty file of the caller's that bears the same verifier counts as made by this call.
    fileprivate func createOnce(
        _ name: FileName,
        in directory: InodeNumber,
        _ new: NewInode,
        as caller: Credentials,
        _ verifier: UInt64?
    ) throws -> Attributes {
        guard let verifier else { return try create(name, in: directory, new, as: caller) }
        let stamp = VerifierTimes(verifier)
        let parent = try self.directory(directory)
        try Permission.require(.execute, of: Attributes(parent), for: caller)
        if let dirent = try writer.lookup(name, in: directory, at: .live) {
            let row = try row(dirent.inode)
            // Times can be set to any verifier, and a maker may open what it made: only the caller's own counts, and to root all do.
            let isOwn = row.uid == caller.uid || caller.isRoot
            if row.kind == .regular, row.size == 0, isOwn, stamp.marks(row) {
                return try shown(row)
            }
        }
        return try create(name, in: directory, new, as: caller) { row in
            row.modified = stamp.modified
            row.accessed = stamp.accessed
        }
    }
}

/// A verifier as two times, as Linux's server keeps it; the client sets the times when the create has succeeded.
private struct VerifierTimes {
    let modified: Timestamp
    let accessed: Timestamp

    init(_ verifier: UInt64) {
        modified = Timestamp(seconds: Int64(verifier >> 32))
        accessed = Timestamp(seconds: Int64(verifier & 0xFFFF_FFFF))
    }

    func marks(_ row: InodeRow) -> Bool {
        row.modified == modified && row.accessed == accessed
    }
}
