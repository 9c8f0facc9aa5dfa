import MetadataStore
import Synchronization
package import VarveModel

/// Reads in order find their bytes opened (docs/decisions/0029).
extension FileSystem {
    /// Reads what has been opened ahead, as ``read(_:_:at:as:isAccess:into:)`` does in the present, on the caller's own thread.
    ///
    /// - Returns: `nil` where nothing is opened, or it is not what the file shows now, or the caller may not read:
    ///   ``read(_:_:at:as:isAccess:into:)`` finds it or says why.
    package func readAhead<Memory: ReadMemory>(
        _ inode: InodeNumber,
        _ range: Range<UInt64>,
        as caller: Credentials,
        into memory: Memory.Type
    ) -> ReadResult<Memory>? {
        let place = ReadAhead.Place(inode, range.lowerBound)
        guard mayOpenAhead(of: range), let opened = core.ahead.take(at: place) else { return nil }
        let plan = core.rememberedRead(inode, range)
        guard let plan, plan.shows(as: opened.plan), let bytes = opened.memory as? Memory else {
            core.ahead.count(isOfPlan: false)
            return nil
        }
        core.ahead.count(isOfPlan: true)
        guard Permission.rights(of: plan.attributes, for: caller).contains(.read) else {
            return nil
        }
        if !plan.isAtEnd { openAhead(of: inode, range, into: memory) }
        core.noteAccess(plan.attributes, at: core.configuration.clock.now())
        flushCrowdedAccessTimes()
        return ReadResult(bytes: bytes, isAtEnd: plan.isAtEnd)
    }

    /// Whether reads of so many bytes are worth opening ahead.
    package func mayOpenAhead(of range: Range<UInt64>) -> Bool {
        let count = range.upperBound - range.lowerBound
        return count > limits.readAheadBytesMin && count <= ReadAhead.pieceBytesMax
    }

    /// Has a reader open as many bytes behind a read that has ended, if reads come in order and a processor is left for it; if none
    /// is, has it find where they are.
    package func openAhead<Memory: ReadMemory>(
        of inode: InodeNumber,
        _ range: Range<UInt64>,
        into memory: Memory.Type
    ) {
        guard mayOpenAhead(of: range) else { return }
        let count = range.upperBound - range.lowerBound
        let (end, isPastAll) = range.upperBound.addingReportingOverflow(count)
        guard !isPastAll else { return }
        let next = ReadAhead.Place(inode, range.upperBound)
        let ahead = core.ahead
        let due = ahead.passed(
            from: ReadAhead.Place(inode, range.lowerBound),
            to: next,
            mayOpen: core.dataReads.load(ordering: .relaxed) == 0
        )
        switch due {
        case .nothing: return
        case .rows: return findAhead(of: inode, range.upperBound..<end)
        case .bytes: break
        }
        let isQueued = readers.push(isLong: true) { context in
            // Nobody is answered by this. A read that comes finds nothing opened, opens it itself, and says what is wrong.
            ahead.end(try? context.open(inode, range.upperBound..<end, into: memory), at: next)
        }
        if !isQueued { ahead.end(nil, at: next) }
    }

    /// Has a reader bring the rows of what is read next into memory: where a tile begins they are not there yet.
    private func findAhead(of inode: InodeNumber, _ range: Range<UInt64>) {
        guard range.lowerBound.isMultiple(of: core.tileBytes),
            core.rememberedRead(inode, range) == nil
        else { return }
        _ = readers.push(isLong: false) { context in
            let ticket = context.core.fence.enter()
            defer { context.core.fence.leave(ticket) }
            // Nobody is answered by this: a read that comes finds nothing, asks for the rows itself, and says what is wrong.
            _ = try? context.plannedRead(inode, range, at: .live)
        }
    }
}

extension ReadContext {
    /// Opens bytes of a file that nobody has asked for yet; `nil` where it has none.
    fileprivate func open<Memory: ReadMemory>(
        _ inode: InodeNumber,
        _ range: Range<UInt64>,
        into memory: Memory.Type
    ) throws -> ReadAhead.Opened? {
        let ticket = core.fence.enter()
        defer { core.fence.leave(ticket) }
        let plan =
            try core.rememberedRead(inode, range) ?? plannedRead(inode, range, at: .live)
        guard plan.attributes.kind == .regular, !plan.wanted.isEmpty else { return nil }
        // SAFETY: `lay` initialises all of the memory, or throws.
        let bytes = try Memory(count: plan.wanted.count) {
            try lay(plan, of: inode, sharing: false, into: $0)
        }
        return ReadAhead.Opened(plan: plan, memory: bytes)
    }
}

extension ReadAhead.Place {
    init(_ inode: InodeNumber, _ offset: UInt64) {
        self.init(inode: inode, offset: offset)
    }
}

extension PlannedRead {
    /// Whether the same bytes show, of the same records in the same places.
    fileprivate func shows(as other: PlannedRead) -> Bool {
        wanted == other.wanted && runs == other.runs
    }
}
