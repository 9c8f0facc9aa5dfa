import MetadataStore
package import VarveModel

/// An inode with all that a backup stores of it.
package struct BulkInode: Sendable {
    package let details: InodeDetails
    /// Where a regular file has data, and the bytes, run after run.
    package var runs: [Range<UInt64>] = []
    package var bytes: [UInt8] = []
}

/// Many small files in one visit: a hop between threads costs more than reading one.
extension FileSystem {
    /// Reads inodes whole, as they were at a held instant; no permission asked.
    ///
    /// - Parameters:
    ///   - inodes: As of that instant; regular files among them are held in memory.
    ///   - instant: Retained.
    /// - Returns: One each, in their order.
    /// - Throws: `.stale`, `.corrupt`.
    package func bulkInodes(
        _ inodes: [Attributes],
        at instant: Epoch
    ) async throws(FileSystemError) -> [BulkInode] {
        try await readers.run { context in
            try inodes.map { try context.bulkInode($0, at: .past(instant)) }
        }
    }
}

extension ReadContext {
    fileprivate func bulkInode(_ attributes: Attributes, at view: View) throws -> BulkInode {
        try begin(view)
        var found = BulkInode(details: try details(attributes, at: view))
        guard attributes.kind == .regular, attributes.size > 0 else { return found }
        let inode = attributes.inode
        found.runs = try dataRanges(inode, at: view)
        for run in found.runs {
            let bytes = try read(
                inode,
                run,
                at: view,
                for: nil,
                isAccess: false,
                into: [UInt8].self
            ).bytes
            if found.bytes.isEmpty { found.bytes = bytes } else { found.bytes += bytes }
        }
        return found
    }
}
