import MetadataStore
import SegmentStore
import VarveModel

/// Bits of ``InodeRow/flags``.
enum InodeFlags {
    /// The file's bytes are slices; they never go back into the inode's own row.
    static let hasSlices: UInt32 = 1
}

/// Unstable writes enter the database.
extension WriteContext {
    func flushAll() throws {
        for inode in core.pending.dirtyInodes() { try flush(inode) }
    }

    /// Writes an inode's pending slices, its size and its times as one.
    func flush(_ inode: InodeNumber) throws {
        guard let pending = core.pending.take(inode) else { return }
        try putSegments()
        guard var row = try writer.inode(inode, at: .live) else {
            drop(pending.slices.map(\.record))
            return
        }
        if row.flags & InodeFlags.hasSlices == 0, let first = pending.slices.first {
            try leaveInline(&row, sequence: first.sequence - 1, covered: first.range)
        }
        for slice in pending.slices {
            try insert(slice, of: inode)
            row.size = max(row.size, slice.range.upperBound)
            row.appliedSequence = slice.sequence
        }
        row.modified = pending.modified
        row.changed = max(row.changed, pending.modified)
        row.change = max(row.change, pending.change)
        try writer.updateInode(row)
    }

    /// Writes the row of a slice whose bytes are sealed.
    func insert(_ slice: PendingSlice, of inode: InodeNumber) throws {
        let outcome = try writer.insertSlice(
            inode,
            tile: slice.tile,
            offset: UInt64(slice.offset),
            length: UInt64(slice.range.count),
            sequence: slice.sequence,
            record: slice.record,
            skip: 0
        )
        noteSlice(outcome, inode, tile: slice.tile)
    }

    /// Moves a small file's bytes out of its row, under a slice of their own.
    ///
    /// `row` gains the flag, and the caller writes it; `sequence` lies below that of the first real
    /// slice, and was reserved with it. Bytes at either end that the slices to come cover (`covered`, from the file's start) stay
    /// in the history of the row alone: nothing would ever show a record of them.
    func leaveInline(
        _ row: inout InodeRow,
        sequence: UInt64,
        covered: Range<UInt64>
    ) throws {
        let bytes = try writer.inline(row.inode, at: .live) ?? []
        let kept = uncovered(bytes.indices, by: covered)
        try writer.removeInline(row.inode)
        if !kept.isEmpty {
            let draft = RecordDraft(
                identity: RecordIdentity(inode: row.inode, tile: 0, sequence: sequence),
                epoch: epoch,
                offsetInTile: UInt32(kept.lowerBound),
                fileSize: row.size,
                modified: row.modified,
                change: row.change
            )
            let record = try append(draft, Array(bytes[kept]))
            let outcome = try writer.insertSlice(
                row.inode,
                tile: 0,
                offset: UInt64(kept.lowerBound),
                length: UInt64(kept.count),
                sequence: sequence,
                record: record,
                skip: 0
            )
            noteSlice(outcome, row.inode, tile: 0)
            row.appliedSequence = sequence
        }
        row.flags |= InodeFlags.hasSlices
    }

    /// What is left of bytes in one piece when those at an end are covered.
    private func uncovered(_ bytes: Range<Int>, by covered: Range<UInt64>) -> Range<Int> {
        let low = Int(min(covered.lowerBound, UInt64(bytes.upperBound)))
        let high = Int(min(covered.upperBound, UInt64(bytes.upperBound)))
        guard low < high else { return bytes }
        if low == 0 { return high..<bytes.upperBound }
        return high == bytes.upperBound ? 0..<low : bytes
    }
}
