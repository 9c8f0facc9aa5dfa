import MetadataStore
package import VarveModel

/// An inode with what a backup reads of it besides its attributes.
package struct BulkInode: Sendable {
    package let attributes: Attributes
    /// A symlink's.
    package var target: [UInt8] = []
    /// Sorted by name.
    package var extended: [ExtendedAttribute] = []
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
        var found = BulkInode(attributes: attributes)
        let inode = attributes.inode
        try begin(view)
        found.extended = try reader.xattrs(of: inode, at: view)
            .map { ExtendedAttribute(name: $0.name, value: $0.value) }
            .sorted { $0.name.lexicographicallyPrecedes($1.name) }
        switch attributes.kind {
        case .symlink: found.target = try symlinkTarget(of: inode, at: view)
        case .regular where attributes.size > 0:
            found.runs = try dataRanges(inode, at: view)
            for run in found.runs {
                let bytes = try read(inode, run, at: view, for: nil).bytes
                if found.bytes.isEmpty { found.bytes = bytes } else { found.bytes += bytes }
            }
        case .regular, .directory, .fifo, .socket, .characterDevice, .blockDevice: break
        }
        return found
    }
}
