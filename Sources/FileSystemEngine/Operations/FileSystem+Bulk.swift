import MetadataStore
package import VarveModel

/// Reading a held instant in bulk, for backup: key order, no permission asked.
extension FileSystem {
    /// Inodes with numbers after `inode`, ascending.
    ///
    /// - Throws: `.stale` when the instant is not retained.
    package func inodes(
        after inode: InodeNumber,
        limit: Int,
        at instant: Epoch
    ) async throws(FileSystemError) -> [Attributes] {
        try await readers.run { context in
            try context.begin(.past(instant))
            return try context.reader.inodes(after: inode, limit: limit, at: .past(instant))
                .map { Attributes($0) }
        }
    }

    /// Names in order of directory and cookie.
    package func dirents(
        after position: (directory: InodeNumber, cookie: UInt64)?,
        limit: Int,
        at instant: Epoch
    ) async throws(FileSystemError) -> [DirentRecord] {
        let key = position.map { DirentKey(directory: $0.directory, hash: $0.cookie) }
        return try await readers.run { context in
            try context.begin(.past(instant))
            return try context.reader.dirents(after: key, limit: limit, at: .past(instant))
                .map(DirentRecord.init)
        }
    }

    /// The name with a cookie; `nil` when there was none.
    package func dirent(
        directory: InodeNumber,
        cookie: UInt64,
        at instant: Epoch
    ) async throws(FileSystemError) -> DirentRecord? {
        try await readers.run { context in
            try context.begin(.past(instant))
            return try context.reader.dirent(
                directory: directory,
                hash: cookie,
                at: .past(instant)
            ).map(DirentRecord.init)
        }
    }

    /// Bytes of a small file that lie in its own rows; `nil` when its bytes are slices.
    ///
    /// - Throws: `.stale`.
    package func inlineCount(
        _ inode: InodeNumber,
        at instant: Epoch
    ) async throws(FileSystemError) -> Int? {
        try await readers.run { context in
            try context.begin(.past(instant))
            guard let row = try context.reader.inode(inode, at: .past(instant)) else {
                throw FileSystemError.gone(inode)
            }
            guard row.flags & InodeFlags.hasSlices == 0 else { return nil }
            return try context.reader.inline(inode, at: .past(instant))?.count ?? 0
        }
    }

    /// All of an inode's extended attributes, sorted by name.
    package func extendedAttributes(
        of inode: InodeNumber,
        at instant: Epoch
    ) async throws(FileSystemError) -> [ExtendedAttribute] {
        try await readers.run { context in
            try context.begin(.past(instant))
            return try context.reader.xattrs(of: inode, at: .past(instant))
                .map { ExtendedAttribute(name: $0.name, value: $0.value) }
                .sorted { $0.name.lexicographicallyPrecedes($1.name) }
        }
    }
}

extension DirentRecord {
    init(_ row: DirentRow) {
        self.init(
            directory: row.directory,
            cookie: row.hash,
            name: row.name,
            inode: row.inode,
            kind: row.kind
        )
    }
}
