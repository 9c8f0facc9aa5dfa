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
    ///   - isAccess: Whether access time and access day hear of bytes of the present; not when a copy is taken.
    ///   - memory: What the bytes are laid into.
    /// - Returns: At most `range.count` bytes, and 64 MiB, every one of them verified (I5).
    /// - Throws: `.isDirectory`, `.invalid`, `.denied`, `.stale`, `.corrupt` when a record does not
    ///   open.
    package func read<Memory: ReadMemory>(
        _ inode: InodeNumber,
        _ range: Range<UInt64>,
        at view: View = .live,
        as caller: Credentials,
        isAccess: Bool = true,
        into memory: Memory.Type = [UInt8].self
    ) async throws(FileSystemError) -> ReadResult<Memory> {
        let isInOrder = isAccess && view == .live && mayOpenAhead(of: range)
        if isInOrder {
            await core.ahead.whenOpened(at: ReadAhead.Place(inode, range.lowerBound))
            if let result = readAhead(inode, range, as: caller, into: memory) { return result }
        }
        let result: ReadResult<Memory> = try await readData(
            inode,
            range,
            at: view,
            for: caller,
            isAccess: isAccess
        )
        if isInOrder, !result.isAtEnd { openAhead(of: inode, range, into: memory) }
        if isAccess { flushCrowdedAccessTimes() }
        return result
    }

    /// Reads for backup, export and scrub: no permission is asked, nobody is told of an access.
    ///
    /// - Throws: As ``read(_:_:at:as:isAccess:into:)`` without `.denied`.
    package func bulkRead(
        _ inode: InodeNumber,
        _ range: Range<UInt64>,
        at view: View
    ) async throws(FileSystemError) -> ReadResult<[UInt8]> {
        try await readData(inode, range, at: view, for: nil, isAccess: false)
    }

    /// Reads on one of the readers' threads; only so many long reads at a time as there are processors.
    ///
    /// More would not be faster, and the kernel reads ahead for one or two streams of a file, not for
    /// eight that overtake each other (docs/decisions/0017).
    private func readData<Memory: ReadMemory>(
        _ inode: InodeNumber,
        _ range: Range<UInt64>,
        at view: View,
        for caller: Credentials?,
        isAccess: Bool
    ) async throws(FileSystemError) -> ReadResult<Memory> {
        let isLong = range.upperBound - range.lowerBound >= ReadContext.longReadBytes
        return try await readers.run(isLong: isLong) {
            try $0.read(
                inode,
                range,
                at: view,
                for: caller,
                isAccess: isAccess,
                into: Memory.self
            )
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
    func read<Memory: ReadMemory>(
        _ inode: InodeNumber,
        _ range: Range<UInt64>,
        at view: View,
        for caller: Credentials?,
        isAccess: Bool,
        into memory: Memory.Type
    ) throws -> ReadResult<Memory> {
        let ticket = core.fence.enter()
        core.dataReads.add(1, ordering: .relaxed)
        defer {
            core.dataReads.subtract(1, ordering: .relaxed)
            core.fence.leave(ticket)
        }
        let remembered = view == .live ? core.rememberedRead(inode, range) : nil
        let plan = try remembered ?? plannedRead(inode, range, at: view)
        try plan.attributes.requireRegular()
        if let caller { try Permission.require(.read, of: plan.attributes, for: caller) }
        // SAFETY: `lay` initialises all of the memory, or throws.
        let bytes = try Memory(count: plan.wanted.count) {
            try lay(plan, of: inode, sharing: isAlone, into: $0)
        }
        if isAccess, view == .live, !plan.wanted.isEmpty {
            core.noteAccess(plan.attributes, at: core.configuration.clock.now())
        }
        return ReadResult(bytes: bytes, isAtEnd: plan.isAtEnd)
    }

    /// Lays the runs over zeros, or spans all with them; a long read's by two processors where it is shared.
    func lay(
        _ plan: PlannedRead,
        of inode: InodeNumber,
        sharing isShared: Bool,
        into buffer: UnsafeMutableRawBufferPointer
    ) throws {
        guard !plan.wanted.isEmpty else { return }
        if !PlannedRead.adjoin(plan.runs, over: plan.wanted) {
            buffer.initializeMemory(as: UInt8.self, repeating: 0)
        }
        let parts = isShared ? ReadContext.parts(of: plan.wanted) : [plan.wanted]
        let failure = layParts(parts, of: plan.wanted, inode, plan.runs, into: buffer)
        if let failure { throw failure }
    }

    /// Whether a processor is left to help: reads that run already keep the others busy.
    private var isAlone: Bool {
        core.dataReads.load(ordering: .relaxed) < ReadContext.processors
    }

    static let processors = ProcessInfo.processInfo.activeProcessorCount

    /// Long reads that run at one time: one a processor, and one reader stays for short ones where there are two.
    static func longReadsMax(readers: Int) -> Int { max(1, min(processors, readers - 1)) }

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
