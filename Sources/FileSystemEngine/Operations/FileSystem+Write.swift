import MetadataStore
import SegmentStore
package import VarveModel

/// Bytes go in.
extension FileSystem {
    /// Writes bytes, extending the file where they reach past its end.
    ///
    /// An unstable write is answered once it is readable; what a crash may take back is told by the
    /// verifier (RFC 8881 §18.32).
    ///
    /// - Parameters:
    ///   - inode: A regular file.
    ///   - bytes: Any number, in whatever pieces they lie; none changes nothing.
    ///   - offset: From the start of the file.
    ///   - stability: Whether the answer waits until all of the file's writes are durable.
    ///   - caller: Needs write permission, unless `isOpenForWriting`.
    ///   - isOpenForWriting: The caller opened the file for writing, and may go on whatever its mode says by now.
    /// - Returns: The attributes after the write, and the verifier in force.
    /// - Throws: `.isDirectory`, `.invalid` (no regular file), `.denied`, `.fileTooBig`, `.noSpace`,
    ///   `.stale`, `.readOnly`.
    package func write(
        _ inode: InodeNumber,
        gathering bytes: any WrittenBytes,
        at offset: UInt64,
        stability: Stability,
        as caller: Credentials,
        isOpenForWriting: Bool = false
    ) async throws(FileSystemError) -> WriteResult {
        try core.requireWritable()
        try await core.requireRoom()
        let (end, isPastAll) = offset.addingReportingOverflow(UInt64(bytes.count))
        guard !isPastAll, end <= limits.fileBytesMax else {
            throw FileSystemError(.fileTooBig, "a write up to byte \(end) of a file")
        }
        let writer = Writer(caller: caller, isOpenForWriting: isOpenForWriting)
        while true {
            // What it answers of attributes may be lost as its bytes may.
            let outcome = try await readers.run(shows: false) { context in
                try context.write(inode, bytes, at: offset, as: writer)
            }
            switch outcome {
            case .pending(let attributes):
                try await settle(inode, stability)
                return WriteResult(attributes: attributes, verifier: verifier)
            case .unchanged(let attributes):
                return WriteResult(attributes: attributes, verifier: verifier)
            case .needsCommitter:
                let attributes = try await committer.run(flushing: .alone(inode)) {
                    try $0.write(inode, bytes.bytes, at: offset, as: writer)
                }
                core.observe(inode)
                return WriteResult(attributes: attributes, verifier: verifier)
            case .needsNumbers:
                // A commit raises the durable ceilings of the counters.
                try await committer.run { try $0.extendCeilings() }
            }
        }
    }

    /// Writes an array; as ``write(_:gathering:at:stability:as:isOpenForWriting:)``.
    package func write(
        _ inode: InodeNumber,
        _ bytes: [UInt8],
        at offset: UInt64,
        stability: Stability,
        as caller: Credentials,
        isOpenForWriting: Bool = false
    ) async throws(FileSystemError) -> WriteResult {
        try await write(
            inode,
            gathering: bytes,
            at: offset,
            stability: stability,
            as: caller,
            isOpenForWriting: isOpenForWriting
        )
    }

    /// Waits as a pending write's stability, or too much that is pending, asks.
    private func settle(
        _ inode: InodeNumber,
        _ stability: Stability
    ) async throws(FileSystemError) {
        core.observe(inode)
        if stability == .stable || core.pending.isCrowded(inode) {
            try await committer.run(flushing: .one(inode)) { _ in }
        } else if core.pending.bytes > limits.pendingBytesMax {
            try await committer.run(flushing: .all) { _ in }
        }
        if core.isMergeUrgent { try await mergeCrowded() }
    }

    /// Makes a file's unstable writes durable.
    ///
    /// - Returns: The verifier: writes answered with the same one are durable.
    /// - Throws: `.noSpace`, `.readOnly`, `.failed`.
    package func commit(_ inode: InodeNumber) async throws(FileSystemError) -> WriteVerifier {
        try core.requireWritable()
        if !core.pending.isClean(inode) {
            try await committer.run(flushing: .one(inode)) { _ in }
        }
        // Somebody else's commit may have taken the bytes, and sync still.
        try await core.requireDurable()
        try core.requireWritable()
        return verifier
    }

    /// Makes every unstable write durable.
    package func flush() async throws(FileSystemError) {
        try await committer.run(flushing: .all) { _ in }
    }
}

/// Content of at most this many bytes stays in the inode's own row.
enum InlineContent {
    /// 2 KiB: two to a metadata page; half of the files of a Debian /usr/share are smaller.
    static let bytesMax: UInt64 = 2_048
}

/// Who writes, and by which right.
struct Writer: Sendable {
    let caller: Credentials
    /// Whether write permission was asked when the file was opened, and counts for as long as it is.
    let isOpenForWriting: Bool

    /// Refuses what cannot be written, or not by this one.
    ///
    /// - Throws: `.isDirectory`, `.invalid`, `.denied`.
    func requireWritable(_ attributes: Attributes) throws {
        try attributes.requireRegular()
        guard !isOpenForWriting else { return }
        try Permission.require(.write, of: attributes, for: caller)
    }
}

/// Where an attempt to write has come to.
enum WriteOutcome: Sendable {
    /// Sealed and readable.
    case pending(Attributes)
    /// There were no bytes.
    case unchanged(Attributes)
    /// A small file's content, mode bits to clear, or a truncate that runs: rows change at once.
    case needsCommitter
    /// A counter is at its durable ceiling.
    case needsNumbers
}

extension ReadContext {
    /// Seals the bytes on this thread and publishes them as pending slices.
    func write(
        _ inode: InodeNumber,
        _ bytes: any WrittenBytes,
        at offset: UInt64,
        as writer: Writer
    ) throws -> WriteOutcome {
        core.pending.register(inode)
        var isRegistered = true
        defer { if isRegistered { core.pending.withdraw(inode) } }
        while true {
            try core.requireWritable()
            let overlay = core.pending.view(of: inode)
            try begin(.live)
            guard let row = try reader.inode(inode, at: .live) else {
                throw FileSystemError.gone(inode)
            }
            let attributes = try shown(Attributes(row, pending: overlay), at: .live)
            try writer.requireWritable(attributes)
            guard bytes.count > 0 else { return .unchanged(attributes) }
            let isInline = row.flags & InodeFlags.hasSlices == 0 && overlay == nil
            let end = max(attributes.size, offset + UInt64(bytes.count))
            if isInline, end <= InlineContent.bytesMax { return .needsCommitter }
            if Ownership.permissionsAfterWrite(attributes, by: writer.caller)
                != attributes.permissions
            {
                return .needsCommitter
            }
            let stamp = WriteStamp(size: end, modified: core.configuration.clock.now())
            guard let change = core.database.sequences.take(.change),
                let slices = try seal(bytes, of: inode, at: offset, stamp, change)
            else { return .needsNumbers }
            let publication = core.pending.publish(
                slices,
                of: inode,
                modified: stamp.modified,
                change: change
            )
            if publication == .done {
                isRegistered = false
                return .pending(attributes.written(slices, stamp, change: change))
            }
            core.discard(slices.map(\.record))
            if publication == .closed { return .needsCommitter }
            // Overtaken: under new numbers, once more.
        }
    }

    /// Seals one record a tile; `nil` when the numbers have run out.
    func seal(
        _ bytes: any WrittenBytes,
        of inode: InodeNumber,
        at offset: UInt64,
        _ stamp: WriteStamp,
        _ change: UInt64
    ) throws -> [PendingSlice]? {
        let pieces = TilePiece.split(offset..<offset + UInt64(bytes.count), core.tileBytes)
        // One number more: should small content have to leave the inode's row first.
        let count = UInt64(pieces.count) + 1
        guard let first = core.database.sequences.take(.sequence, count: count) else { return nil }
        var slices: [PendingSlice] = []
        do {
            for (index, piece) in pieces.enumerated() {
                let sequence = first + 1 + UInt64(index)
                let draft = RecordDraft(
                    identity: RecordIdentity(
                        inode: inode,
                        tile: UInt32(piece.tile),
                        sequence: sequence
                    ),
                    epoch: Epoch(second: max(0, stamp.modified.seconds)),
                    offsetInTile: UInt32(piece.offset),
                    fileSize: stamp.size,
                    modified: stamp.modified,
                    change: change
                )
                let start = Int(piece.range.lowerBound - offset)
                let address = try core.segments.append(
                    draft,
                    bytes,
                    start..<start + piece.range.count
                )
                slices.append(
                    PendingSlice(
                        range: piece.range,
                        tile: piece.tile,
                        offset: piece.offset,
                        sequence: sequence,
                        record: RecordPointer(address)
                    )
                )
            }
        } catch {
            core.discard(slices.map(\.record))
            throw error
        }
        return slices
    }
}

/// Size and time that a write leaves behind.
struct WriteStamp: Sendable {
    let size: UInt64
    let modified: Timestamp
}

/// The part of a range that lies in one tile.
struct TilePiece: Sendable, Hashable {
    let tile: Int64
    /// Bytes into the tile.
    let offset: Int
    /// Bytes of the file.
    let range: Range<UInt64>

    static func split(_ range: Range<UInt64>, _ tileBytes: UInt64) -> [TilePiece] {
        var pieces: [TilePiece] = []
        var start = range.lowerBound
        while start < range.upperBound {
            let tile = start / tileBytes
            let end = min(range.upperBound, (tile + 1) * tileBytes)
            pieces.append(
                TilePiece(
                    tile: Int64(tile),
                    offset: Int(start - tile * tileBytes),
                    range: start..<end
                )
            )
            start = end
        }
        return pieces
    }
}

extension SegmentStore {
    /// Seals a part of some bytes without copying it first.
    func append(
        _ draft: RecordDraft,
        _ bytes: any WrittenBytes,
        _ part: Range<Int>
    ) throws(SegmentError) -> RecordAddress {
        let result: Result<RecordAddress, SegmentError> = bytes.withPieces { pieces in
            do throws(SegmentError) {
                // SAFETY: the store copies or seals before it returns; the pieces outlive the call.
                return .success(try append(draft, gathering: pieces.part(part)))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }
}

extension [UnsafeRawBufferPointer] {
    /// The pieces of a part of all bytes.
    // SAFETY: nothing is read; what is answered lies in what was lent.
    fileprivate func part(_ range: Range<Int>) -> [UnsafeRawBufferPointer] {
        var parts: [UnsafeRawBufferPointer] = []
        var start = 0
        for piece in self {
            let inside = range.clamped(to: start..<start + piece.count)
            if !inside.isEmpty {
                let place = inside.lowerBound - start..<inside.upperBound - start
                parts.append(UnsafeRawBufferPointer(rebasing: piece[place]))
            }
            start += piece.count
        }
        return parts
    }
}

extension Attributes {
    /// As they are once `slices` are published.
    fileprivate func written(
        _ slices: [PendingSlice],
        _ stamp: WriteStamp,
        change: UInt64
    ) -> Attributes {
        var after = self
        after.size = max(size, stamp.size)
        after.allocated += slices.reduce(0) { $0 + UInt64($1.range.count) }
        after.modified = stamp.modified
        after.changed = stamp.modified
        after.change = max(self.change, change)
        return after
    }

    /// Refuses what has no bytes to read or write.
    ///
    /// - Throws: `.isDirectory`, `.invalid`.
    func requireRegular() throws(FileSystemError) {
        switch kind {
        case .regular: return
        case .directory:
            throw FileSystemError(.isDirectory, "inode \(inode.rawValue) is a directory")
        case .fifo, .characterDevice, .blockDevice, .symlink, .socket:
            throw FileSystemError(.invalid, "inode \(inode.rawValue) is no regular file")
        }
    }
}

extension Core {
    /// Tells the observer that a client read or wrote data.
    func observe(_ inode: InodeNumber) {
        observe(inode, at: configuration.clock.now())
    }

    func observe(_ inode: InodeNumber, at now: Timestamp) {
        configuration.accessObserver?.accessed(inode, day: now.day)
    }
}
