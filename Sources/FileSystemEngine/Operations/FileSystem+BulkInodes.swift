import MetadataStore
import Synchronization
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
    ///   - runsMax: A file of more runs of data is given as one, its holes as zeros.
    ///   - instant: Retained.
    /// - Returns: One each, in their order.
    /// - Throws: `.stale`, `.corrupt`.
    package func bulkInodes(
        _ inodes: [Attributes],
        runsMax: Int,
        at instant: Epoch
    ) async throws(FileSystemError) -> [BulkInode] {
        let bytes = inodes.reduce(0) { $0 + ($1.kind == .regular ? $1.size : 0) }
        return try await readers.run(isLong: bytes >= ReadContext.longReadBytes) { context in
            try inodes.map { try context.bulkInode($0, runsMax: runsMax, at: .past(instant)) }
        }
    }
}

extension ReadContext {
    fileprivate func bulkInode(
        _ attributes: Attributes,
        runsMax: Int,
        at view: View
    ) throws -> BulkInode {
        try begin(view)
        var found = BulkInode(details: try details(attributes, at: view))
        guard attributes.kind == .regular, attributes.size > 0 else { return found }
        if attributes.size <= core.tileBytes {
            try readTile(into: &found, runsMax: runsMax, at: view)
        } else {
            try readTiles(into: &found, runsMax: runsMax, at: view)
        }
        return found
    }

    /// A file of one tile: each of its rows is read once, and its bytes are laid by them.
    private func readTile(into found: inout BulkInode, runsMax: Int, at view: View) throws {
        let attributes = found.details.attributes
        let inode = attributes.inode
        let ticket = core.fence.enter()
        core.dataReads.add(1, ordering: .relaxed)
        defer {
            core.dataReads.subtract(1, ordering: .relaxed)
            core.fence.leave(ticket)
        }
        guard let row = try reader.inode(inode, at: view) else { throw FileSystemError.gone(inode) }
        guard row.flags & InodeFlags.hasSlices != 0 else {
            let inline = try reader.inline(inode, at: view) ?? []
            found.bytes = Array(inline.prefix(Int(attributes.size)))
            found.runs = inline.isEmpty ? [] : [0..<UInt64(found.bytes.count)]
            return
        }
        let extents = try reader.extents(inode, tile: 0, at: view)
        let runs = Ranges.merged(
            extents.map { ($0.offset..<$0.end).clamped(to: 0..<attributes.size) }
        )
        found.runs = BulkInode.bounded(runs, to: runsMax)
        let total = found.runs.reduce(0) { $0 + $1.count }
        let wanted = found.runs
        found.bytes = try [UInt8](unsafeUninitializedCapacity: total) { buffer, count in
            // SAFETY: `lay` initialises all of each run's part, or throws.
            let memory = UnsafeMutableRawBufferPointer(buffer)
            var at = 0
            for run in wanted {
                var plan = PlannedRead(attributes, run)
                plan.add(extents, ofTile: 0, tileBytes: core.tileBytes)
                let part = UnsafeMutableRawBufferPointer(rebasing: memory[at..<at + run.count])
                try lay(plan, of: inode, sharing: false, into: part)
                at += run.count
            }
            count = total
        }
    }

    private func readTiles(into found: inout BulkInode, runsMax: Int, at view: View) throws {
        let inode = found.details.attributes.inode
        found.runs = BulkInode.bounded(try dataRanges(inode, at: view), to: runsMax)
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
    }
}

extension BulkInode {
    /// The runs, or one over all of them when they are too many.
    fileprivate static func bounded(
        _ runs: [Range<UInt64>],
        to runsMax: Int
    ) -> [Range<UInt64>] {
        guard runs.count > runsMax, let first = runs.first, let last = runs.last else {
            return runs
        }
        return [first.lowerBound..<last.upperBound]
    }
}
