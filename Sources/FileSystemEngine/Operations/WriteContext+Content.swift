import MetadataStore
import SegmentStore
import VarveModel

/// Content changed inside a transaction: small files, and writes that clear mode bits.
extension WriteContext {
    /// Makes a commit that raises the counters' durable ceilings.
    func extendCeilings() throws {}

    func write(
        _ inode: InodeNumber,
        _ bytes: [UInt8],
        at offset: UInt64,
        as writing: Writer
    ) throws -> Attributes {
        var row = try row(inode)
        let attributes = Attributes(row)
        try writing.requireWritable(attributes)
        guard !bytes.isEmpty else { return attributes }
        row.permissions = Ownership.permissionsAfterWrite(attributes, by: writing.caller)
        let end = offset + UInt64(bytes.count)
        try touchContent(&row)
        row.size = max(row.size, end)
        if row.flags & InodeFlags.hasSlices == 0, row.size <= InlineContent.bytesMax {
            try writeInline(&row, bytes, at: Int(offset))
        } else {
            try writeSlices(&row, bytes, at: offset)
        }
        try writer.updateInode(row)
        return try shown(try self.row(inode))
    }

    func writeInline(_ row: inout InodeRow, _ bytes: [UInt8], at offset: Int) throws {
        var content = try writer.inline(row.inode, at: .live) ?? []
        let end = offset + bytes.count
        if content.count < end {
            content.append(contentsOf: repeatElement(0, count: end - content.count))
        }
        content.replaceSubrange(offset..<end, with: bytes)
        try writer.putInline(row.inode, content)
    }

    /// Seals on the committer's thread; the caller writes the row.
    func writeSlices(_ row: inout InodeRow, _ bytes: [UInt8], at offset: UInt64) throws {
        let range = offset..<offset + UInt64(bytes.count)
        if row.flags & InodeFlags.hasSlices == 0 {
            try leaveInline(&row, sequence: try writer.nextSequence(), covered: range)
        }
        for piece in TilePiece.split(range, core.tileBytes) {
            let sequence = try writer.nextSequence()
            let draft = RecordDraft(
                identity: RecordIdentity(
                    inode: row.inode,
                    tile: UInt32(piece.tile),
                    sequence: sequence
                ),
                epoch: epoch,
                offsetInTile: UInt32(piece.offset),
                fileSize: row.size,
                modified: row.modified,
                change: row.change
            )
            let start = Int(piece.range.lowerBound - offset)
            let record = try append(draft, Array(bytes[start..<start + piece.range.count]))
            let outcome = try writer.insertSlice(
                row.inode,
                tile: piece.tile,
                offset: UInt64(piece.offset),
                length: UInt64(piece.range.count),
                sequence: sequence,
                record: record,
                skip: 0
            )
            noteSlice(outcome, row.inode, tile: piece.tile)
            row.appliedSequence = sequence
            core.pending.raiseBarrier(of: row.inode, to: sequence)
        }
    }

    /// Truncates or extends; the caller writes the row.
    func resize(_ row: inout InodeRow, to size: UInt64) throws {
        if size < row.size { try cut(&row, size..<UInt64.max) }
        row.size = size
    }

    /// Makes a hole; the size stays; the caller writes the row.
    func cut(_ row: inout InodeRow, _ range: Range<UInt64>) throws {
        if row.flags & InodeFlags.hasSlices == 0 {
            guard var content = try writer.inline(row.inode, at: .live),
                range.lowerBound < UInt64(content.count)
            else { return }
            let start = Int(range.lowerBound)
            if range.upperBound >= UInt64(content.count) {
                content.removeSubrange(start...)
            } else {
                let end = Int(range.upperBound)
                content.replaceSubrange(
                    start..<end,
                    with: repeatElement(0, count: end - start)
                )
            }
            if content.isEmpty {
                try writer.removeInline(row.inode)
            } else {
                try writer.putInline(row.inode, content)
            }
            return
        }
        let sequence = try writer.nextSequence()
        _ = try writer.cut(row.inode, range, fileSize: row.size, sequence: sequence)
        row.appliedSequence = sequence
        core.pending.raiseBarrier(of: row.inode, to: sequence)
    }
}
