import MetadataStore
import SegmentStore
package import VarveModel

/// Bytes that memory and the page cache hold come out on the caller's own thread (docs/decisions/0026).
extension FileSystem {
    /// 1 MiB, the most that NFS asks for: opening it takes its thread no longer than sending it does.
    package static let residentReadBytesMax = 1 << 20

    /// What ``readResident(_:_:as:into:)`` has brought.
    package struct ResidentRead: Sendable, Hashable {
        /// Bytes from the buffer's start.
        package let count: Int
        /// Whether they reach the end of the file.
        package let isAtEnd: Bool
    }

    /// Reads from a file as ``read(_:_:at:as:isAccess:into:)`` does, waiting for nothing: neither for a thread nor for storage.
    ///
    /// - Parameters:
    ///   - inode: A regular file, in the present.
    ///   - range: Bytes from the start of the file.
    ///   - caller: Needs read permission.
    ///   - buffer: At least as long as `range`; undefined beyond the count that is answered.
    /// - Returns: `nil` where something is not at hand, not well or not allowed: ``read(_:_:at:as:isAccess:into:)`` finds it or says why.
    package func readResident(
        _ inode: InodeNumber,
        _ range: Range<UInt64>,
        as caller: Credentials,
        into buffer: UnsafeMutableRawBufferPointer
    ) -> ResidentRead? {
        let asked = range.upperBound - range.lowerBound
        guard asked <= UInt64(min(FileSystem.residentReadBytesMax, buffer.count)) else {
            return nil
        }
        // Who opens it already is waited for.
        let place = ReadAhead.Place(inode, range.lowerBound)
        if mayOpenAhead(of: range), core.ahead.isOpening(at: place) { return nil }
        // Before the rows are looked at: what they name is not given up meanwhile.
        let ticket = core.fence.enter()
        defer { core.fence.leave(ticket) }
        guard let plan = core.rememberedRead(inode, range),
            Permission.rights(of: plan.attributes, for: caller).contains(.read),
            lay(plan, of: inode, into: buffer)
        else { return nil }
        if !plan.wanted.isEmpty {
            core.noteAccess(plan.attributes, at: core.configuration.clock.now())
            flushCrowdedAccessTimes()
        }
        return ResidentRead(count: plan.wanted.count, isAtEnd: plan.isAtEnd)
    }

    /// Lays the runs over zeros; `false` when one of them is not at hand.
    private func lay(
        _ plan: PlannedRead,
        of inode: InodeNumber,
        into buffer: UnsafeMutableRawBufferPointer
    ) -> Bool {
        guard !plan.wanted.isEmpty else { return true }
        let target = UnsafeMutableRawBufferPointer(rebasing: buffer[0..<plan.wanted.count])
        if !PlannedRead.adjoin(plan.runs, over: plan.wanted) {
            target.initializeMemory(as: UInt8.self, repeating: 0)
        }
        let layer = RunLayer(segments: core.segments, inode: inode, runs: plan.runs)
        return layer.layResident(plan.wanted, into: target)
    }

    /// Writes access times down where many wait.
    func flushCrowdedAccessTimes() {
        if core.accessTimes.takeCrowded() { flushAccessTimes() }
    }
}
