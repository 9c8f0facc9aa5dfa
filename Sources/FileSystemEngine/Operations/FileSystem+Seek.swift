import MetadataStore
package import VarveModel

/// What a search in a file looks for (lseek(2)).
package enum SeekTarget: Sendable, Hashable {
    /// SEEK_DATA.
    case data
    /// SEEK_HOLE.
    case hole
}

/// Data and holes are told apart.
extension FileSystem {
    /// Where the next data or hole begins, `offset` itself included; every file ends in a hole.
    ///
    /// - Parameters:
    ///   - target: Data or a hole.
    ///   - offset: From the start of the file; within it.
    ///   - inode: A regular file.
    ///   - view: The present, or a retained instant.
    ///   - caller: Needs read permission.
    /// - Returns: The place, and the file's size; no place when there is no more data.
    /// - Throws: `.noSuchRange` for an offset at or beyond the end, `.isDirectory`, `.invalid`, `.denied`, `.stale`.
    package func seek(
        _ target: SeekTarget,
        from offset: UInt64,
        in inode: InodeNumber,
        at view: View = .live,
        as caller: Credentials
    ) async throws(FileSystemError) -> (offset: UInt64?, size: UInt64) {
        try await readers.run { context in
            try context.seek(target, from: offset, in: inode, at: view, as: caller)
        }
    }
}

extension ReadContext {
    func seek(
        _ target: SeekTarget,
        from offset: UInt64,
        in inode: InodeNumber,
        at view: View,
        as caller: Credentials
    ) throws -> (offset: UInt64?, size: UInt64) {
        let pending = view == .live ? core.pending.view(of: inode) : nil
        try begin(view)
        guard let row = try reader.inode(inode, at: view) else { throw FileSystemError.gone(inode) }
        let attributes = Attributes(row, pending: pending)
        try attributes.requireRegular()
        try Permission.require(.read, of: attributes, for: caller)
        guard offset < attributes.size else {
            throw FileSystemError(
                .noSuchRange,
                "a search from byte \(offset) of a file of \(attributes.size)"
            )
        }
        let search = DataSearch(row: row, view: view, pending: pending)
        let size = attributes.size
        switch target {
        case .data:
            let next = try self.data(from: offset, search)?.lowerBound
            return (next.flatMap { $0 < size ? $0 : nil }, size)
        case .hole:
            var end = offset
            while end < size, let data = try self.data(from: end, search),
                data.lowerBound <= end
            {
                end = data.upperBound
            }
            return (min(end, size), size)
        }
    }

    /// A run of data that ends after `offset`, the first such; another may adjoin or overlap it.
    private func data(from offset: UInt64, _ search: DataSearch) throws -> Range<UInt64>? {
        var first: Range<UInt64>?
        if search.row.flags & InodeFlags.hasSlices == 0 {
            let count = try reader.inline(search.row.inode, at: search.view)?.count ?? 0
            if offset < UInt64(count) { first = offset..<UInt64(count) }
        } else {
            first = try reader.dataRanges(
                search.row.inode,
                at: search.view,
                from: offset,
                limit: 1
            ).first
        }
        for slice in search.pending?.slices ?? []
        where slice.sequence > search.row.appliedSequence && slice.range.upperBound > offset {
            let part = max(slice.range.lowerBound, offset)..<slice.range.upperBound
            if part.lowerBound < first?.lowerBound ?? .max { first = part }
        }
        return first
    }
}

/// In what to look for data: a file at a moment, with the writes that wait.
private struct DataSearch {
    let row: InodeRow
    let view: View
    let pending: PendingView?
}
