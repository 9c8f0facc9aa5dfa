import Dispatch
import Foundation
import MetadataStore
import SegmentStore
import Synchronization
package import VarveModel

/// Bytes come out.
extension FileSystem {
    /// Reads from a file; a hole reads as zeros.
    ///
    /// RFC 8881 §18.22.3 makes `isAtEnd` exact, so it is decided in the transaction of the bytes.
    ///
    /// - Parameters:
    ///   - inode: A regular file.
    ///   - range: Bytes from the start of the file; the part past the end is dropped.
    ///   - view: The present, or a retained instant.
    ///   - caller: Needs read permission.
    ///   - isAccess: Whether access time and access day hear of it; not when a copy is taken.
    /// - Returns: At most `range.count` bytes, and 64 MiB, every one of them verified (I5).
    /// - Throws: `.isDirectory`, `.invalid`, `.denied`, `.stale`, `.corrupt` when a record does not
    ///   open.
    package func read(
        _ inode: InodeNumber,
        _ range: Range<UInt64>,
        at view: View = .live,
        as caller: Credentials,
        isAccess: Bool = true
    ) async throws(FileSystemError) -> ReadResult {
        let result = try await readData(inode, range, at: view, for: caller, isAccess: isAccess)
        guard isAccess else { return result }
        core.observe(inode)
        if core.accessTimes.takeCrowded() { flushAccessTimes() }
        return result
    }

    /// Reads for backup, export and scrub: no permission is asked, nobody is told of an access.
    ///
    /// - Throws: As ``read(_:_:at:as:)`` without `.denied`.
    package func bulkRead(
        _ inode: InodeNumber,
        _ range: Range<UInt64>,
        at view: View
    ) async throws(FileSystemError) -> ReadResult {
        try await readData(inode, range, at: view, for: nil, isAccess: false)
    }

    /// Reads on one of the readers' threads; only so many long reads at a time as there are processors.
    ///
    /// More would not be faster, and the kernel reads ahead for one or two streams of a file, not for
    /// eight that overtake each other (docs/decisions/0017).
    private func readData(
        _ inode: InodeNumber,
        _ range: Range<UInt64>,
        at view: View,
        for caller: Credentials?,
        isAccess: Bool
    ) async throws(FileSystemError) -> ReadResult {
        let isLong = range.upperBound - range.lowerBound >= ReadContext.longReadBytes
        return try await readers.run(isLong: isLong) {
            try $0.read(inode, range, at: view, for: caller, isAccess: isAccess)
        }
    }

    /// The runs of a file that hold data, ascending, merged and within its size; the rest are holes.
    ///
    /// - Throws: `.isDirectory`, `.invalid`, `.stale`.
    package func dataRanges(
        _ inode: InodeNumber,
        at view: View = .live
    ) async throws(FileSystemError) -> [Range<UInt64>] {
        try await readers.run { try $0.dataRanges(inode, at: view) }
    }

    /// The runs of one tile that hold data written after an instant, as bytes of the file.
    ///
    /// An incremental backup reads these alone; merging and tier moves do not make bytes new.
    ///
    /// - Throws: `.stale`.
    package func dataWritten(
        _ inode: InodeNumber,
        tile: UInt32,
        after: Epoch,
        at instant: Epoch
    ) async throws(FileSystemError) -> [Range<UInt64>] {
        try await readers.run { context in
            try context.begin(.past(instant))
            let start = UInt64(tile) * context.core.tileBytes
            let extents = try context.reader.extents(
                inode,
                tile: Int64(tile),
                at: .past(instant)
            )
            return Ranges.merged(
                extents.filter { $0.born > after }.map {
                    start + $0.offset..<start + $0.end
                }
            )
        }
    }
}

extension ReadContext {
    func read(
        _ inode: InodeNumber,
        _ range: Range<UInt64>,
        at view: View,
        for caller: Credentials?,
        isAccess: Bool
    ) throws -> ReadResult {
        let ticket = core.fence.enter()
        core.dataReads.add(1, ordering: .relaxed)
        defer {
            core.dataReads.subtract(1, ordering: .relaxed)
            core.fence.leave(ticket)
        }
        let pending = view == .live ? core.pending.view(of: inode) : nil
        try begin(view)
        guard let row = try reader.inode(inode, at: view) else { throw FileSystemError.gone(inode) }
        let attributes = Attributes(row, pending: pending)
        try attributes.requireRegular()
        if let caller { try Permission.require(.read, of: attributes, for: caller) }
        let wanted = ReadContext.bounded(range).clamped(to: 0..<attributes.size)
        let isAtEnd = ReadContext.bounded(range).upperBound >= attributes.size
        guard !wanted.isEmpty, range.lowerBound < attributes.size else {
            return ReadResult(bytes: [], isAtEnd: isAtEnd)
        }
        let runs = try self.runs(of: row, wanted, at: view, pending)
        let bytes = try fill(wanted, inode, runs)
        if isAccess, view == .live { noteAccess(try shown(attributes, at: view)) }
        return ReadResult(bytes: bytes, isAtEnd: isAtEnd)
    }

    /// 64 MiB: what one read brings into memory, however much it asks for.
    static let bytesMax: UInt64 = 64 << 20

    /// The part of a range that one read answers; read(2) may always be short.
    private static func bounded(_ range: Range<UInt64>) -> Range<UInt64> {
        let (end, isPastAll) = range.lowerBound.addingReportingOverflow(bytesMax)
        return range.lowerBound..<(isPastAll ? range.upperBound : min(range.upperBound, end))
    }

    /// What shows a range, in the order in which to lay it down.
    private func runs(
        of row: InodeRow,
        _ wanted: Range<UInt64>,
        at view: View,
        _ pending: PendingView?
    ) throws -> [DataRun] {
        var runs: [DataRun] = []
        if row.flags & InodeFlags.hasSlices == 0 {
            let bytes = try reader.inline(row.inode, at: view) ?? []
            let whole = 0..<UInt64(bytes.count)
            runs.append(DataRun(range: whole, tile: 0, source: .bytes(bytes)))
        } else {
            for piece in TilePiece.split(wanted, core.tileBytes) {
                let start = UInt64(piece.tile) * core.tileBytes
                for extent in try reader.extents(row.inode, tile: piece.tile, at: view) {
                    runs.append(
                        DataRun(
                            range: start + extent.offset..<start + extent.end,
                            tile: piece.tile,
                            source: .record(extent.record, skip: extent.skip),
                            home: extent.home
                        )
                    )
                }
            }
        }
        for slice in pending?.slices ?? [] where slice.sequence > row.appliedSequence {
            runs.append(
                DataRun(
                    range: slice.range,
                    tile: slice.tile,
                    source: .record(slice.record, skip: 0)
                )
            )
        }
        return runs.filter { $0.range.overlaps(wanted) }
    }

    /// Lays the runs over zeros.
    private func fill(
        _ wanted: Range<UInt64>,
        _ inode: InodeNumber,
        _ runs: [DataRun]
    ) throws -> [UInt8] {
        var failure: (any Error)?
        let isWhole = ReadContext.adjoin(runs, over: wanted)
        let parts = isAlone ? ReadContext.parts(of: wanted) : [wanted]
        let bytes = [UInt8](unsafeUninitializedCapacity: wanted.count) { buffer, count in
            // SAFETY: the whole buffer is initialised here, by zeros or by runs that span it.
            let raw = UnsafeMutableRawBufferPointer(buffer)
            if !isWhole { raw.initializeMemory(as: UInt8.self, repeating: 0) }
            count = wanted.count
            failure = layParts(parts, of: wanted, inode, runs, into: raw)
            if failure != nil { raw.initializeMemory(as: UInt8.self, repeating: 0) }
        }
        if let failure { throw failure }
        return bytes
    }

    /// Whether each run begins where the one before ends, from the first byte wanted to the last.
    private static func adjoin(_ runs: [DataRun], over wanted: Range<UInt64>) -> Bool {
        var end = wanted.lowerBound
        for run in runs {
            let part = run.range.clamped(to: wanted)
            guard part.lowerBound == end else { return false }
            end = part.upperBound
        }
        return end == wanted.upperBound
    }

    /// Whether a processor is left to help: reads that run already keep the others busy.
    private var isAlone: Bool {
        core.dataReads.load(ordering: .relaxed) < ReadContext.processors
    }

    static let processors = ProcessInfo.processInfo.activeProcessorCount

    /// From here on a read's time is its bytes', not its rows' and threads'.
    static let longReadBytes: UInt64 = 256 << 10

    /// Bytes that one processor opens on its own: half of a 1 MiB read, some 130 µs of its time.
    private static let partBytes: UInt64 = 512 << 10

    private static func parts(of range: Range<UInt64>) -> [Range<UInt64>] {
        stride(from: range.lowerBound, to: range.upperBound, by: Int(partBytes)).map {
            $0..<min(range.upperBound, $0 + partBytes)
        }
    }

    /// Lays each part's share of the runs, several processors at once; answers the first failure.
    private func layParts(
        _ parts: [Range<UInt64>],
        of wanted: Range<UInt64>,
        _ inode: InodeNumber,
        _ runs: [DataRun],
        into buffer: UnsafeMutableRawBufferPointer
    ) -> (any Error)? {
        let layer = RunLayer(segments: core.segments, inode: inode, runs: runs)
        let failure = FirstFailure()
        // SAFETY: parts are disjoint, and all are done before this returns.
        nonisolated(unsafe) let buffer = buffer
        let lay: @Sendable (Range<UInt64>) -> Void = { part in
            let start = Int(part.lowerBound - wanted.lowerBound)
            let place = start..<start + part.count
            do {
                try layer.lay(part, into: UnsafeMutableRawBufferPointer(rebasing: buffer[place]))
            } catch {
                failure.note(error)
            }
        }
        if parts.count == 1 {
            lay(wanted)
        } else {
            DispatchQueue.concurrentPerform(iterations: parts.count) { lay(parts[$0]) }
        }
        return failure.error
    }

    func dataRanges(_ inode: InodeNumber, at view: View) throws -> [Range<UInt64>] {
        let pending = view == .live ? core.pending.view(of: inode) : nil
        try begin(view)
        guard let row = try reader.inode(inode, at: view) else { throw FileSystemError.gone(inode) }
        let attributes = Attributes(row, pending: pending)
        try attributes.requireRegular()
        var ranges: [Range<UInt64>] = []
        if row.flags & InodeFlags.hasSlices == 0 {
            ranges = [0..<UInt64(try reader.inline(inode, at: view)?.count ?? 0)]
        } else {
            ranges = try reader.dataRanges(inode, at: view)
        }
        for slice in pending?.slices ?? [] where slice.sequence > row.appliedSequence {
            ranges.append(slice.range)
        }
        return Ranges.merged(ranges.map { $0.clamped(to: 0..<attributes.size) })
    }
}

/// A run of bytes and where they are.
private struct DataRun: Sendable {
    enum Source: Sendable {
        case bytes([UInt8])
        case record(RecordPointer, skip: UInt64)
    }

    /// Bytes of the file.
    let range: Range<UInt64>
    let tile: Int64
    let source: Source
    /// Of a record that another file or tile may have been written for.
    var home: RecordHome?
}

/// What went wrong first, of several threads.
private final class FirstFailure: Sendable {
    private let state = Mutex<(any Error)?>(nil)

    var error: (any Error)? { state.withLock { $0 } }

    func note(_ error: any Error) {
        state.withLock { $0 = $0 ?? error }
    }
}

/// Lays runs of bytes over a buffer; later runs over earlier ones.
private struct RunLayer: Sendable {
    let segments: SegmentStore
    let inode: InodeNumber
    let runs: [DataRun]

    /// Lays what the runs have of `wanted`.
    func lay(_ wanted: Range<UInt64>, into buffer: UnsafeMutableRawBufferPointer) throws {
        for run in runs where run.range.overlaps(wanted) {
            let part = run.range.clamped(to: wanted)
            let place = Int(part.lowerBound - wanted.lowerBound)
            let target = UnsafeMutableRawBufferPointer(rebasing: buffer[place..<place + part.count])
            let into = Int(part.lowerBound - run.range.lowerBound)
            switch run.source {
            case .bytes(let bytes):
                target.copyBytes(from: bytes[into..<into + part.count])
            case .record(let record, let skip):
                try segments.read(
                    RecordAddress(record),
                    expecting: RecordIdentity(
                        run.home ?? RecordHome(inode: inode, tile: run.tile)
                    ),
                    plainRange: Int(skip) + into..<Int(skip) + into + part.count,
                    into: target
                )
            }
        }
    }
}

extension RecordIdentity {
    /// A restored slice shows an old record under a number of its own, so no number is expected; the
    /// tag binds the record to its place, and the place is never used again.
    static let anySequence: UInt64 = 0

    /// Any record that was written for a file's tile.
    init(_ home: RecordHome) {
        self.init(
            inode: home.inode,
            tile: UInt32(home.tile),
            sequence: RecordIdentity.anySequence
        )
    }
}

/// Sets of ranges as sorted, disjoint lists.
enum Ranges {
    static func merged(_ ranges: [Range<UInt64>]) -> [Range<UInt64>] {
        var merged: [Range<UInt64>] = []
        for range in ranges.filter({ !$0.isEmpty }).sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = merged.last, last.upperBound >= range.lowerBound {
                merged[merged.count - 1] =
                    last.lowerBound..<max(last.upperBound, range.upperBound)
            } else {
                merged.append(range)
            }
        }
        return merged
    }
}
