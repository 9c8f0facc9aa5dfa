import MetadataStore
package import VarveModel

/// Reading a held instant in bulk, for backups and comparisons: no permission asked.
///
/// Each call asks for many keys, and a bounded part of them shares a hop and a transaction.
extension FileSystem {
    /// Keys of one hop: some 2 ms of a reader's time.
    private static let partKeys = 512

    /// Inodes with numbers after `inode`, ascending.
    ///
    /// - Throws: `.stale` when the instant is not retained, as everything here.
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

    /// Attributes of inodes, in the order asked; `nil` where there was none.
    package func attributes(
        of inodes: [InodeNumber],
        at instant: Epoch
    ) async throws(FileSystemError) -> [Attributes?] {
        try await inParts(inodes, at: instant) { context, inodes in
            try inodes.map { inode in
                try context.reader.inode(inode, at: .past(instant)).map { Attributes($0) }
            }
        }
    }

    /// Inodes with all that their rows hold, in the order asked; `nil` where there was none.
    package func inodes(
        _ inodes: [InodeNumber],
        at instant: Epoch
    ) async throws(FileSystemError) -> [InodeDetails?] {
        try await inParts(inodes, at: instant) { context, inodes in
            try inodes.map { inode in
                try context.reader.inode(inode, at: .past(instant))
                    .map { try context.details(Attributes($0), at: .past(instant)) }
            }
        }
    }

    /// The names with these cookies, in the order asked; `nil` where there was none.
    package func dirents(
        _ names: [(directory: InodeNumber, cookie: UInt64)],
        at instant: Epoch
    ) async throws(FileSystemError) -> [DirentRecord?] {
        try await inParts(names, at: instant) { context, names in
            try names.map { name in
                try context.reader.dirent(
                    directory: name.directory,
                    hash: name.cookie,
                    at: .past(instant)
                ).map(DirentRecord.init)
            }
        }
    }

    /// One path each from the root, in the order asked; `nil` for an inode without a name.
    package func paths(
        of inodes: [InodeNumber],
        at instant: Epoch
    ) async throws(FileSystemError) -> [[FileName]?] {
        try await inParts(inodes, at: instant) { context, inodes in
            var known: [InodeNumber: [FileName]] = [:]
            return try inodes.map { inode in
                try context.path(of: inode, at: .past(instant), known: &known)
            }
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

    private func inParts<Key: Sendable, Value: Sendable>(
        _ keys: [Key],
        at instant: Epoch,
        _ answer: @escaping @Sendable (ReadContext, ArraySlice<Key>) throws -> [Value]
    ) async throws(FileSystemError) -> [Value] {
        var values: [Value] = []
        values.reserveCapacity(keys.count)
        for start in stride(from: 0, to: keys.count, by: FileSystem.partKeys) {
            let part = keys[start..<min(keys.count, start + FileSystem.partKeys)]
            values += try await readers.run { context in
                try context.begin(.past(instant))
                return try answer(context, part)
            }
        }
        return values
    }
}

extension ReadContext {
    /// An inode with what the other tables hold of it; the transaction of `view` is open.
    func details(_ attributes: Attributes, at view: View) throws -> InodeDetails {
        try details(attributes, try reader.xattrs(of: attributes.inode, at: view), at: view)
    }

    /// The same; `nil` when extended attributes take more than `bytesMax`.
    func details(
        _ attributes: Attributes,
        bytesMax: Int,
        at view: View
    ) throws -> InodeDetails? {
        try reader.xattrs(of: attributes.inode, at: view, bytesMax: bytesMax)
            .map { try details(attributes, $0, at: view) }
    }

    private func details(
        _ attributes: Attributes,
        _ rows: [XattrRow],
        at view: View
    ) throws -> InodeDetails {
        let isSymlink = attributes.kind == .symlink
        return InodeDetails(
            attributes: attributes,
            target: isSymlink ? try reader.inline(attributes.inode, at: view) ?? [] : [],
            extended: rows.map { ExtendedAttribute(name: $0.name, value: $0.value) }
                .sorted { $0.name.lexicographicallyPrecedes($1.name) }
        )
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
