import Disk
import Synchronization
package import VarveModel

/// What giving space back did.
package struct Reclaimed: Hashable, Sendable {
    /// Segments whose files are gone: their rows may go.
    package var segmentsRemoved: [SegmentID] = []
    /// Bytes of holes that were punched.
    package var bytesPunched: UInt64 = 0
    /// Records that were free already, or whose segment is not there.
    package var ignored: Int = 0

    package init() {}
}

/// Giving space back. Nothing here decides what is free: metadata does, durably (I6).
extension SegmentStore {
    /// Frees records.
    ///
    /// Call it only when the transaction that freed them is durable and every read that began
    /// before it has ended. Holes of 64 KiB and more are punched; a closed segment without a live
    /// record is kept as a spare to be written over, or deleted.
    ///
    /// - Parameters:
    ///   - addresses: Whole records, each once. One that is free already is reported and
    ///     ignored. None at all is allowed: segments emptied meanwhile are removed.
    ///   - emptied: Segments of which metadata names no record any more, under the same conditions. Those of
    ///     an earlier run go; of this run's the store knows better what is sealed and not named yet.
    /// - Returns: What became of them.
    /// - Throws: `.failed`; what was freed stays freed.
    @discardableResult
    package func reclaim(
        _ addresses: [RecordAddress],
        emptied: [SegmentID] = []
    ) throws(SegmentError) -> Reclaimed {
        try reclaiming.withLock { (_) throws(SegmentError) -> Reclaimed in
            var result = Reclaimed()
            let refused = state.withLock { state in
                addresses.filter { !state.ledger.free($0) }
            }
            for address in refused {
                result.ignored += 1
                configuration.report(
                    "free segment \(address.segment.rawValue) at \(address.offset): free already"
                )
            }
            state.withLock { state in
                for segment in emptied { state.ledger.noteNothingNamed(segment) }
            }
            try removeEmptied(&result)
            for segment in Set(addresses.map(\.segment)).sorted() {
                try punch(segment, &result)
            }
            return result
        }
    }

    /// Frees everything in a closed segment that is not `live`.
    ///
    /// It finds what a crash left: records that no row ever named, or whose freeing was forgotten.
    ///
    /// - Parameters:
    ///   - segment: A closed one; an open one is `.invalid`.
    ///   - live: Every record in it that a row names, at any instant.
    /// - Returns: As ``reclaim(_:)``.
    /// - Throws: `.invalid`, `.missing`, `.failed`.
    @discardableResult
    package func sweep(_ segment: SegmentID, live: [RecordAddress]) throws(SegmentError)
        -> Reclaimed
    {
        try reclaiming.withLock { (_) throws(SegmentError) -> Reclaimed in
            var result = Reclaimed()
            guard live.allSatisfy({ $0.segment == segment }) else {
                throw SegmentError(.invalid, "a sweep lists records of its own segment")
            }
            let entry = state.withLock { $0.ledger[segment] }
            guard let entry else {
                throw SegmentError(.missing, "segment \(segment.rawValue) is not there")
            }
            guard entry.state == .closed else {
                throw SegmentError(.invalid, "segment \(segment.rawValue) is being written")
            }
            let end = live.isEmpty ? 0 : try sweepEnd(segment)
            state.withLock { $0.ledger.reset(segment, live: live, end: end) }
            try removeEmptied(&result)
            try punch(segment, &result)
            return result
        }
    }

    /// Removes a segment file that metadata does not know.
    package func discard(_ segment: SegmentID) throws(SegmentError) {
        let tier = try state.withLock { (state) throws(SegmentError) -> Tier? in
            guard state.unknown.remove(segment) != nil else {
                throw SegmentError(.invalid, "segment \(segment.rawValue) is not unknown")
            }
            let tier = state.ledger[segment]?.tier
            state.ledger.remove(segment)
            return tier
        }
        if let tier { try remove(segment, tier, maySpare: false) }
    }

    /// Where a sweep ends: before the table of a segment that has one.
    private func sweepEnd(_ segment: SegmentID) throws(SegmentError) -> UInt64 {
        let file = try file(segment)
        var end = UInt64.max
        for replica in file.replicas {
            do throws(DiskError) {
                end = min(end, try replica.file.longestSize())
                for copy in replica.copies {
                    let size = try copy.size()
                    if let trailer = try SegmentScanner.trailer(copy, segment, size: size) {
                        end = min(end, trailer.tableOffset)
                    }
                }
            } catch {
                throw SegmentError(error, "sweep \(file.place(replica))")
            }
        }
        return end
    }

    private func removeEmptied(_ result: inout Reclaimed) throws(SegmentError) {
        for emptied in state.withLock({ $0.ledger.takeEmptied() }) {
            try remove(emptied.segment, emptied.tier, maySpare: true)
            result.segmentsRemoved.append(emptied.segment)
        }
    }

    /// Gives back what is kept for speed on a disk with room: spares, and free runs of a single page.
    ///
    /// - Returns: As ``reclaim(_:emptied:)``.
    /// - Throws: `.failed`.
    @discardableResult
    package func squeeze() throws(SegmentError) -> Reclaimed {
        try reclaiming.withLock { (_) throws(SegmentError) -> Reclaimed in
            var result = Reclaimed()
            try removeEmptied(&result)
            for tier in Tier.allCases {
                while let spare = state.withLock({ $0.spares[tier]?.popLast() }) {
                    try removeSpare(spare, tier)
                }
            }
            for segment in state.withLock({ $0.ledger.entries.keys.sorted() }) {
                try punch(segment, bytesMin: FreeRuns.page, &result)
            }
            return result
        }
    }

    private func removeSpare(_ spare: String, _ tier: Tier) throws(SegmentError) {
        for zone in configuration.zones {
            let path = zone.directory(of: tier) + "/" + spare
            do throws(DiskError) {
                guard try configuration.disk.status(of: path) != nil else { continue }
                try configuration.disk.remove(path)
            } catch {
                throw SegmentError(error, "remove '\(path)'")
            }
        }
    }

    private func punch(
        _ segment: SegmentID,
        bytesMin: UInt64 = FreeRuns.punchBytesMin,
        _ result: inout Reclaimed
    ) throws(SegmentError) {
        let holes = state.withLock { $0.ledger.takePunchable(segment, bytesMin: bytesMin) }
        guard !holes.isEmpty else { return }
        var left = holes[...]
        do throws(SegmentError) {
            let file = try file(segment)
            while let hole = left.first {
                try file.punch(hole)
                result.bytesPunched += hole.upperBound - hole.lowerBound
                left = left.dropFirst()
            }
        } catch {
            // A full disk may have no room for the hole's own metadata, and has it a moment later.
            state.withLock { $0.ledger.putBack(left, in: segment) }
            throw error
        }
    }

    /// Takes a segment's file away in every zone: renamed to a spare, or unlinked.
    ///
    /// The directory is not synced: a name that comes back after a power cut is unknown to
    /// metadata, or a spare, and goes then.
    private func remove(_ segment: SegmentID, _ tier: Tier, maySpare: Bool) throws(SegmentError) {
        files.drop(segment)
        blocks.drop(segment)
        let spare = SegmentName.text(segment) + SegmentName.spareEnding
        do throws(DiskError) {
            let isSpare = maySpare ? try isWorthKeeping(segment, tier) : false
            for zone in configuration.zones {
                let path = zone.path(of: segment, tier: tier)
                if isSpare {
                    let target = zone.directory(of: tier) + "/" + spare
                    try configuration.disk.rename(path, to: target)
                } else if try configuration.disk.status(of: path) != nil {
                    try configuration.disk.remove(path)
                }
            }
            if isSpare { state.withLock { $0.spares[tier, default: []].append(spare) } }
        } catch {
            throw SegmentError(error, "remove segment \(segment.rawValue) (\(tier.word))")
        }
    }

    /// Whole in every zone, never punched, and fewer spares than enough.
    private func isWorthKeeping(_ segment: SegmentID, _ tier: Tier) throws(DiskError) -> Bool {
        let spares = state.withLock { $0.spares[tier]?.count ?? 0 }
        guard spares < configuration.sparesMax else { return false }
        for zone in configuration.zones {
            let path = zone.path(of: segment, tier: tier)
            guard let status = try configuration.disk.status(of: path),
                status.size >= configuration.segmentBytes / 2, status.allocated >= status.size
            else { return false }
        }
        return true
    }
}
