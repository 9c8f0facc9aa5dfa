import Disk
import Synchronization
package import VarveModel

/// A record as a segment itself lists it: named, freed or neither.
package struct ListedRecord: Hashable, Sendable {
    package let address: RecordAddress
    /// As its header has it; rows of this inode and tile refer to it, or others that share it.
    package let identity: RecordIdentity
}

/// Which segments are worth being emptied. The rows are metadata's affair: it copies what lives, and
/// swaps; the file goes when its last record is free.
extension SegmentStore {
    /// The closed segment that would give back most for what it costs; `nil` when none is worth it.
    ///
    /// Only segments that have lost records since the last look are asked for their bytes on disk. One that
    /// was answered comes back when it loses more.
    ///
    /// - Parameter liveMax: Bytes that there is room to copy; a segment that holds more waits.
    /// - Returns: A segment of which no record is being written.
    /// - Throws: `.failed`.
    package func worstSegment(liveMax: UInt64 = .max) throws(SegmentError) -> SegmentID? {
        let usages = state.withLock { state in
            state.ledger.thinned.compactMap { state.ledger.usage(of: $0) }
        }
        var worst: (segment: SegmentID, part: Double)?
        for usage in usages {
            let allocated = try allocated(usage)
            let live = usage.recordBytes - min(usage.recordBytes, usage.deadBytes)
            let waste = allocated - min(allocated, live)
            guard waste >= configuration.wasteBytesMin,
                waste * 100 >= allocated * configuration.wastePercentMin
            else {
                state.withLock { $0.ledger.examined(usage.segment) }
                continue
            }
            let part = Double(waste) / Double(allocated)
            guard live <= liveMax, part > worst?.part ?? 0 else { continue }
            worst = (usage.segment, part)
        }
        if let worst { state.withLock { $0.ledger.examined(worst.segment) } }
        return worst?.segment
    }

    /// Gives a segment that could not be emptied for now another chance.
    package func postpone(_ segment: SegmentID) {
        state.withLock { $0.ledger.postponed(segment) }
    }

    private func allocated(_ usage: SegmentUsage) throws(SegmentError) -> UInt64 {
        let path = configuration.zones[0].path(of: usage.segment, tier: usage.tier)
        do throws(DiskError) {
            return try configuration.disk.status(of: path)?.allocated ?? 0
        } catch {
            throw SegmentError(error, "measure segment \(usage.segment.rawValue)")
        }
    }

    /// What a closed segment lists: its table, or without one what a walk through its file finds.
    ///
    /// - Returns: Data records by offset, dead ones too, unless their headers were punched.
    /// - Throws: As ``scan(_:)``.
    package func records(in segment: SegmentID) throws(SegmentError) -> [ListedRecord] {
        if let table = try table(of: segment) {
            return table.entries.map { entry in
                ListedRecord(
                    address: RecordAddress(
                        segment: segment,
                        offset: UInt64(entry.offset),
                        length: UInt64(entry.length)
                    ),
                    identity: entry.identity
                )
            }
        }
        return try scan(segment).records.map {
            ListedRecord(address: $0.address, identity: $0.identity)
        }
    }

    /// Segments closed by this process that may hold records which no row names yet.
    package var unsettledSegments: [SegmentID] {
        state.withLock { $0.ledger.unsettled.sorted() }
    }

    /// Lengths of a segment's records that were written and not reclaimed; `nil` when it is not there.
    package func liveLength(of segment: SegmentID) -> UInt64? {
        state.withLock { $0.ledger[segment]?.liveLength }
    }

    /// Notes that every record of a closed segment is named by a row, or free.
    package func settle(_ segment: SegmentID) {
        state.withLock { $0.ledger.settled(segment) }
    }
}
