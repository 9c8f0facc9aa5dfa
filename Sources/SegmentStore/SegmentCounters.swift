import Synchronization

/// What the store has done since it was opened; cost tests count these, not seconds.
package struct SegmentCounters: Hashable, Sendable {
    /// Records written.
    package var appends: UInt64 = 0
    /// Bytes written to segment files, once a zone.
    package var bytesWritten: UInt64 = 0
    /// Calls of `read` and `readRecord`.
    package var reads: UInt64 = 0
    /// Bytes read from segment files for them.
    package var bytesRead: UInt64 = 0
    /// Blocks that were opened for them.
    package var blocksOpened: UInt64 = 0
    /// Files synced.
    package var syncs: UInt64 = 0
    /// Places put right in one zone from another, and their bytes.
    package var mends: UInt64 = 0
    package var bytesMended: UInt64 = 0
}

/// The live counters.
final class SegmentMeter: Sendable {
    let appends = Atomic<UInt64>(0)
    let bytesWritten = Atomic<UInt64>(0)
    let reads = Atomic<UInt64>(0)
    let bytesRead = Atomic<UInt64>(0)
    let blocksOpened = Atomic<UInt64>(0)
    let syncs = Atomic<UInt64>(0)
    let mends = Atomic<UInt64>(0)
    let bytesMended = Atomic<UInt64>(0)

    static func add(_ count: Int, to counter: borrowing Atomic<UInt64>) {
        counter.wrappingAdd(UInt64(count), ordering: .relaxed)
    }

    var snapshot: SegmentCounters {
        SegmentCounters(
            appends: appends.load(ordering: .relaxed),
            bytesWritten: bytesWritten.load(ordering: .relaxed),
            reads: reads.load(ordering: .relaxed),
            bytesRead: bytesRead.load(ordering: .relaxed),
            blocksOpened: blocksOpened.load(ordering: .relaxed),
            syncs: syncs.load(ordering: .relaxed),
            mends: mends.load(ordering: .relaxed),
            bytesMended: bytesMended.load(ordering: .relaxed)
        )
    }
}
