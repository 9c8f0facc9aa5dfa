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

/// Many inodes in one visit: a hop between threads costs more than reading a small file.
extension FileSystem {
    /// Long reads that run at one time; further ones wait.
    package var longReadsMax: Int {
        ReadContext.longReadsMax(readers: core.configuration.limits.readers)
    }

    /// What is wanted of an inode.
    package struct BulkRequest: Sendable {
        package let attributes: Attributes
        /// Whether the data of a regular file too.
        package let isWhole: Bool

        package init(_ attributes: Attributes, isWhole: Bool) {
            self.attributes = attributes
            self.isWhole = isWhole
        }
    }

    /// Reads inodes, whole where it is asked, as they were at a held instant; no permission asked.
    ///
    /// It is long work, however small the files: what clients ask for passes it by.
    ///
    /// - Parameters:
    ///   - requests: As of that instant; the files among them that are wanted whole are held in memory.
    ///   - detailBytesMax: What symlinks' targets and extended attributes of all may take together.
    ///   - runsMax: A file of more runs of data is given as one, its holes as zeros.
    ///   - instant: Retained.
    /// - Returns: One each, in their order, as far as the bound lets: perhaps none.
    /// - Throws: `.stale`, `.corrupt`.
    package func bulkInodes(
        _ requests: [BulkRequest],
        detailBytesMax: Int,
        runsMax: Int,
        at instant: Epoch
    ) async throws(FileSystemError) -> [BulkInode] {
        try await readers.run(isLong: true) { context in
            try context.bulkInodes(requests, detailBytesMax, runsMax, at: .past(instant))
        }
    }
}

extension ReadContext {
    fileprivate func bulkInodes(
        _ requests: [FileSystem.BulkRequest],
        _ detailBytesMax: Int,
        _ runsMax: Int,
        at view: View
    ) throws -> [BulkInode] {
        // Before the transaction is looked at: no record that it names is freed until this ends.
        let ticket = core.fence.enter()
        core.dataReads.add(1, ordering: .relaxed)
        defer {
            core.dataReads.subtract(1, ordering: .relaxed)
            core.fence.leave(ticket)
        }
        try begin(view)
        var found: [BulkInode] = []
        found.reserveCapacity(requests.count)
        var room = detailBytesMax
        for request in requests {
            guard let inode = try bulkInode(request, room: &room, runsMax: runsMax, at: view) else {
                break
            }
            found.append(inode)
        }
        return found
    }

    private func bulkInode(
        _ request: FileSystem.BulkRequest,
        room: inout Int,
        runsMax: Int,
        at view: View
    ) throws -> BulkInode? {
        let attributes = request.attributes
        let details = try self.details(attributes, bytesMax: room, at: view)
        guard let details, details.byteCount <= room else { return nil }
        room -= details.byteCount
        var found = BulkInode(details: details)
        guard request.isWhole else { return found }
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
        let runs = found.runs
        if runs.count > 1 { found.bytes.reserveCapacity(runs.reduce(0) { $0 + $1.count }) }
        for run in runs {
            let bytes = try read(
                inode,
                run,
                at: view,
                for: nil,
                isAccess: false,
                into: [UInt8].self
            ).bytes
            if runs.count == 1 { found.bytes = bytes } else { found.bytes += bytes }
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
