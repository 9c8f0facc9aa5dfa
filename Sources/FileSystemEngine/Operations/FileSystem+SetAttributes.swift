import MetadataStore
package import VarveModel

/// Attributes are set, and sizes with them.
extension FileSystem {
    /// Changes mode, owner, group, size and times as one.
    ///
    /// - Parameters:
    ///   - inode: Of any kind; what has no size takes none.
    ///   - changes: What is `nil` stays.
    ///   - caller: The owner, or a writer, as each change asks.
    ///   - isOpenForWriting: The caller opened the file for writing, and may set its size whatever its mode says.
    /// - Returns: The attributes after it.
    /// - Throws: `.notPermitted`, `.denied`, `.fileTooBig`, `.isDirectory` and `.invalid` (a size of
    ///   what has none), `.stale`, `.noSpace`.
    package func setAttributes(
        _ inode: InodeNumber,
        _ changes: AttributeChanges,
        as caller: Credentials,
        isOpenForWriting: Bool = false
    ) async throws(FileSystemError) -> Attributes {
        // A truncation must be possible on a full disk; a size that grows only makes a hole.
        let (scope, room): (FlushScope, RoomUse) =
            changes.size == nil ? (.one(inode), .takes) : (.alone(inode), .frees)
        return try await committer.run(flushing: scope, room: room) {
            try $0.setAttributes(
                inode,
                changes,
                as: caller,
                isOpenForWriting: isOpenForWriting
            )
        }
    }

    /// Makes a hole in a file; its size stays.
    ///
    /// - Throws: `.denied`, `.isDirectory`, `.invalid`, `.stale`, `.noSpace`.
    package func punch(
        _ inode: InodeNumber,
        _ range: Range<UInt64>,
        as caller: Credentials,
        isOpenForWriting: Bool = false
    ) async throws(FileSystemError) {
        let writing = Writer(caller: caller, isOpenForWriting: isOpenForWriting)
        try await committer.run(flushing: .alone(inode), room: .frees) {
            try $0.punch(inode, range, as: writing)
        }
        core.observe(inode)
    }
}

extension WriteContext {
    func setAttributes(
        _ inode: InodeNumber,
        _ changes: AttributeChanges,
        as caller: Credentials,
        isOpenForWriting: Bool = false
    ) throws -> Attributes {
        var row = try row(inode)
        let before = Attributes(row)
        // What has no size is told first, as truncate(2) does.
        if changes.size != nil { try before.requireRegular() }
        var asked = changes
        if isOpenForWriting { asked.size = nil }
        try Ownership.requireTimesAndSize(asked, of: before, for: caller)
        let ownership = try Ownership.changed(before, by: changes, for: caller)
        row.uid = ownership.uid
        row.gid = ownership.gid
        row.permissions = ownership.permissions
        if let size = changes.size {
            guard size <= core.limits.fileBytesMax else {
                throw FileSystemError(.fileTooBig, "a file of \(size) bytes")
            }
            if changes.permissions == nil {
                row.permissions = Ownership.permissionsAfterWrite(Attributes(row), by: caller)
            }
            try resize(&row, to: size)
            row.modified = now
        }
        if let accessed = changes.accessed { row.accessed = accessed.value(now: now) }
        if let modified = changes.modified { row.modified = modified.value(now: now) }
        try touch(&row)
        try writer.updateInode(row)
        // What is set stands, however old.
        if changes.accessed != nil { try clearAccessTime(inode) }
        return try shown(try self.row(inode))
    }

    func punch(_ inode: InodeNumber, _ range: Range<UInt64>, as writing: Writer) throws {
        var row = try row(inode)
        let attributes = Attributes(row)
        try writing.requireWritable(attributes)
        let clipped = range.clamped(to: 0..<row.size)
        guard !clipped.isEmpty else { return }
        row.permissions = Ownership.permissionsAfterWrite(attributes, by: writing.caller)
        try cut(&row, clipped)
        try touchContent(&row)
        try writer.updateInode(row)
    }
}

extension AttributeChanges.Time {
    fileprivate func value(now: Timestamp) -> Timestamp {
        switch self {
        case .now: now
        case .exactly(let time): time
        }
    }
}
