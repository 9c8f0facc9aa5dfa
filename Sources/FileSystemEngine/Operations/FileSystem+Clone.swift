import MetadataStore
package import VarveModel

/// What `clone` copies, and by which right.
package struct CloneRequest: Sendable {
    package var source: InodeNumber
    /// Of which moment the source is read: a file of the past comes back so.
    package var view: View
    /// From the start of the source.
    package var offset: UInt64
    /// `nil` is all up to the end of the source.
    package var count: UInt64?
    package var target: InodeNumber
    package var targetOffset: UInt64
    package var caller: Credentials
    /// The caller opened the source for reading, or the target for writing, and may go on whatever their modes say by now.
    package var isOpenForReading: Bool
    package var isOpenForWriting: Bool
    /// Whether less may be copied than was asked for, where it takes many slices.
    package var mayBeShort: Bool

    package init(
        source: InodeNumber,
        at view: View = .live,
        offset: UInt64,
        count: UInt64?,
        target: InodeNumber,
        targetOffset: UInt64,
        as caller: Credentials,
        isOpenForReading: Bool = false,
        isOpenForWriting: Bool = false,
        mayBeShort: Bool = false
    ) {
        self.source = source
        self.view = view
        self.offset = offset
        self.count = count
        self.target = target
        self.targetOffset = targetOffset
        self.caller = caller
        self.isOpenForReading = isOpenForReading
        self.isOpenForWriting = isOpenForWriting
        self.mayBeShort = mayBeShort
    }
}

/// What `clone` has done.
package struct CloneResult: Sendable, Hashable {
    package let count: UInt64
    /// Of the target, after it.
    package let attributes: Attributes
    package let verifier: WriteVerifier
}

/// Bytes of one file become another's without being copied.
extension FileSystem {
    /// Makes a range of a file read as a range of a file does: both show the same records from then on.
    ///
    /// It costs what the source has of slices there, never its bytes, and it is durable and whole once it is answered. Holes
    /// become holes. Bytes need no alignment. Records are freed with the last slice that shows them, as after a restore.
    ///
    /// - Returns: How many bytes it was: all of them, or fewer where `mayBeShort`.
    /// - Throws: `.isDirectory`, `.invalid` (no regular file, beyond the source's end, or a range over itself), `.denied`,
    ///   `.fileTooBig`, `.unsupported` (more than ``FileSystemLimits/cloneSlicesMax`` slices), `.stale`, `.noSpace`,
    ///   `.readOnly`.
    package func clone(_ request: CloneRequest) async throws(FileSystemError) -> CloneResult {
        let scope = FlushScope.copy(
            from: request.view == .live ? request.source : nil,
            to: request.target
        )
        let outcome = try await committer.run(flushing: scope) { try $0.clone(request) }
        if outcome.count > 0 {
            if request.view == .live { core.observe(request.source) }
            core.observe(request.target)
        }
        if core.isMergeUrgent { try await mergeCrowded() }
        return CloneResult(
            count: outcome.count,
            attributes: outcome.attributes,
            verifier: verifier
        )
    }
}

extension WriteContext {
    func clone(_ request: CloneRequest) throws -> (count: UInt64, attributes: Attributes) {
        try requireRetained(request.view)
        guard let from = try writer.inode(request.source, at: request.view) else {
            throw FileSystemError.gone(request.source)
        }
        var row = try row(request.target)
        let asked = try range(of: request, from, row)
        guard !asked.isEmpty else { return (0, try shown(row)) }
        let parts = try clonedParts(of: from, asked, request)
        let count = parts.range.upperBound - parts.range.lowerBound
        row.permissions = Ownership.permissionsAfterWrite(Attributes(row), by: request.caller)
        let end = request.targetOffset + count
        try leaveRoom(in: &row, request.targetOffset..<end, parts)
        try touchContent(&row)
        row.size = max(row.size, end)
        if !parts.bytes.isEmpty { try putBytes(parts.bytes, in: &row, at: request.targetOffset) }
        for part in parts.extents {
            try lay(part, in: &row, request.targetOffset, from: parts.range.lowerBound)
        }
        try writer.updateInode(row)
        return (count, try shown(try self.row(request.target)))
    }

    /// Refuses an instant that is not retained any more.
    private func requireRetained(_ view: View) throws {
        guard case .past(let instant) = view, !writer.retention().contains(instant) else { return }
        throw FileSystemError(.stale, "the instant \(instant.rawValue) is gone")
    }

    /// The bytes of the source that are meant, once both files are what they must be.
    private func range(
        of request: CloneRequest,
        _ from: InodeRow,
        _ row: InodeRow
    ) throws -> Range<UInt64> {
        let source = Attributes(from)
        try source.requireRegular()
        if !request.isOpenForReading {
            try Permission.require(.read, of: source, for: request.caller)
        }
        try Writer(caller: request.caller, isOpenForWriting: request.isOpenForWriting)
            .requireWritable(Attributes(row))
        let (end, isPastAll) =
            request.offset.addingReportingOverflow(request.count ?? 0)
        guard !isPastAll, request.offset <= from.size, end <= from.size else {
            throw FileSystemError(
                .invalid,
                "bytes from \(request.offset) on of a file of \(from.size)"
            )
        }
        let range = request.offset..<(request.count == nil ? from.size : end)
        let (targetEnd, isFar) = request.targetOffset.addingReportingOverflow(UInt64(range.count))
        guard !isFar, targetEnd <= core.limits.fileBytesMax else {
            throw FileSystemError(.fileTooBig, "a copy up to byte \(targetEnd) of a file")
        }
        let isSame = from.inode == row.inode && request.view == .live
        guard !isSame || !range.overlaps(request.targetOffset..<targetEnd) else {
            throw FileSystemError(.invalid, "a range is copied over itself")
        }
        return range
    }

    /// What there is of data in a range of a file, in pieces of slices or, of a small one, as bytes.
    private func clonedParts(
        of row: InodeRow,
        _ range: Range<UInt64>,
        _ request: CloneRequest
    ) throws -> ClonedParts {
        var parts = ClonedParts(range: range)
        guard row.flags & InodeFlags.hasSlices != 0 else {
            let bytes = try writer.inline(row.inode, at: request.view) ?? []
            let there = range.clamped(to: 0..<UInt64(bytes.count))
            parts.bytes = Array(bytes[Int(there.lowerBound)..<Int(there.upperBound)])
            return parts
        }
        let most = core.limits.cloneSlicesMax
        var next = Int64(range.lowerBound / core.tileBytes)
        while let tile = try writer.tiles(row.inode, from: next, limit: 1, at: request.view).first,
            UInt64(tile) * core.tileBytes < range.upperBound
        {
            for extent in try writer.extents(row.inode, tile: tile, at: request.view) {
                let place = SharedExtent(inode: row.inode, tile: tile, extent)
                guard let part = ClonedExtent(place, within: range, core.tileBytes) else {
                    continue
                }
                guard parts.extents.count < most else {
                    guard request.mayBeShort else {
                        throw FileSystemError(
                            .unsupported,
                            "a clone of more than \(most) slices",
                            remedy: "Clone it in parts."
                        )
                    }
                    parts.range = range.lowerBound..<part.start
                    return parts
                }
                parts.extents.append(part)
            }
            next = tile + 1
        }
        return parts
    }

    /// Makes the target's range ready: content in slices where it must be, and holes where the source has some.
    private func leaveRoom(
        in row: inout InodeRow,
        _ range: Range<UInt64>,
        _ parts: ClonedParts
    ) throws {
        let old = range.clamped(to: 0..<max(row.size, range.lowerBound))
        if !old.isEmpty, parts.hasHoles { try cut(&row, old) }
        if !parts.extents.isEmpty, row.flags & InodeFlags.hasSlices == 0 {
            try leaveInline(
                &row,
                sequence: try writer.nextSequence(),
                covered: parts.hasHoles ? 0..<0 : range
            )
        }
    }

    /// Bytes of a small source; the row has its new size already.
    private func putBytes(_ bytes: [UInt8], in row: inout InodeRow, at offset: UInt64) throws {
        if row.flags & InodeFlags.hasSlices == 0, row.size <= InlineContent.bytesMax {
            try writeInline(&row, bytes, at: Int(offset))
        } else {
            try writeSlices(&row, bytes, at: offset)
        }
    }

    /// Shows a piece in the target, a slice a tile.
    private func lay(
        _ part: ClonedExtent,
        in row: inout InodeRow,
        _ targetOffset: UInt64,
        from start: UInt64
    ) throws {
        let low = targetOffset + (part.start - start)
        let source = part.source
        for piece in TilePiece.split(low..<low + source.extent.length, core.tileBytes) {
            let sequence = try writer.nextSequence()
            var extent = source.extent
            extent.skip += piece.range.lowerBound - low
            extent.length = UInt64(piece.range.count)
            let outcome = try writer.shareSlice(
                row.inode,
                tile: piece.tile,
                offset: UInt64(piece.offset),
                sequence: sequence,
                SharedExtent(inode: source.place.inode, tile: source.place.tile, extent)
            )
            // Nothing to sync: a committed row shows these bytes already, or one that had them synced in this batch.
            noteCrowded(outcome, row.inode, tile: piece.tile)
            row.appliedSequence = sequence
            core.pending.raiseBarrier(of: row.inode, to: sequence)
        }
    }
}

/// The data of a range that is cloned.
private struct ClonedParts {
    /// What is cloned: less than was asked for when it is cut short.
    var range: Range<UInt64>
    /// Of a file that keeps its bytes in its row: those from the range's start on.
    var bytes: [UInt8] = []
    var extents: [ClonedExtent] = []

    init(range: Range<UInt64>) {
        self.range = range
    }

    /// Whether some of the range is no data.
    var hasHoles: Bool {
        let data = extents.reduce(UInt64(bytes.count)) { $0 + $1.source.extent.length }
        return data < UInt64(range.count)
    }
}

/// A piece of one slice.
private struct ClonedExtent {
    /// From the start of the source.
    let start: UInt64
    let source: SharedExtent

    /// The part of an extent within a range of the file; `nil` when there is none.
    init?(_ source: SharedExtent, within range: Range<UInt64>, _ tileBytes: UInt64) {
        let base = UInt64(source.place.tile) * tileBytes
        var extent = source.extent
        let low = max(base + extent.offset, range.lowerBound)
        let high = min(base + extent.end, range.upperBound)
        guard low < high else { return nil }
        extent.skip += low - (base + extent.offset)
        extent.offset = low - base
        extent.length = high - low
        start = low
        self.source = SharedExtent(
            inode: source.place.inode,
            tile: source.place.tile,
            extent
        )
    }
}
