package import VarveModel

/// How full one segment is, as a row of metadata keeps it.
package struct SegmentUsage: Hashable, Sendable {
    /// Whether records may still come.
    package enum State: Sendable, Hashable, CaseIterable {
        case open
        case closed
    }

    package let segment: SegmentID
    package let tier: Tier
    package let state: State
    /// Footprints of all data records, dead ones included.
    package let recordBytes: UInt64
    /// Footprints of the data records that were reclaimed.
    package let deadBytes: UInt64

    package init(
        segment: SegmentID,
        tier: Tier,
        state: State,
        recordBytes: UInt64,
        deadBytes: UInt64
    ) {
        self.segment = segment
        self.tier = tier
        self.state = state
        self.recordBytes = recordBytes
        self.deadBytes = deadBytes
    }
}

/// What this process knows of each segment's space.
///
/// A value: it decides, the store acts.
struct SegmentLedger: Sendable {
    struct Entry: Sendable {
        let tier: Tier
        var state: SegmentUsage.State
        var recordBytes: UInt64 = 0
        var deadBytes: UInt64 = 0
        /// Lengths, without padding, of records written and not reclaimed: what rows count too.
        var liveLength: UInt64 = 0
        var free = FreeRuns()
        /// A commit marker that recovery may still need.
        var keptMarker: Range<UInt64>?
        /// Every record is accounted for: written by this process, or swept.
        ///
        /// Others' counters come from rows of another run; no file is removed on their word alone.
        var isExact = true
    }

    private(set) var entries: [SegmentID: Entry] = [:]
    /// Closed segments without a live record, to be removed by the next reclaim.
    private var emptied: Set<SegmentID> = []
    /// Closed segments that have lost records since it was last asked whether to compact them.
    private(set) var thinned: Set<SegmentID> = []
    /// Segments closed by this process whose records are not known to be all named or free.
    private(set) var unsettled: Set<SegmentID> = []

    subscript(segment: SegmentID) -> Entry? { entries[segment] }

    mutating func add(_ segment: SegmentID, _ entry: Entry) {
        entries[segment] = entry
        if entry.state == .closed, entry.deadBytes > 0 { thinned.insert(segment) }
        noteIfEmptied(segment)
    }

    mutating func remove(_ segment: SegmentID) {
        entries[segment] = nil
        forget(segment)
    }

    private mutating func forget(_ segment: SegmentID) {
        emptied.remove(segment)
        thinned.remove(segment)
        unsettled.remove(segment)
    }

    mutating func written(_ address: RecordAddress) {
        entries[address.segment]?.recordBytes += address.footprint
        entries[address.segment]?.liveLength += address.length
    }

    mutating func closed(_ segment: SegmentID) {
        entries[segment]?.state = .closed
        unsettled.insert(segment)
        if entries[segment]?.deadBytes ?? 0 > 0 { thinned.insert(segment) }
        noteIfEmptied(segment)
    }

    /// Every record of a segment is named by a row, or free.
    mutating func settled(_ segment: SegmentID) {
        unsettled.remove(segment)
    }

    /// Nothing was gained by a look at it, or all was: it comes back when it loses more.
    mutating func examined(_ segment: SegmentID) {
        thinned.remove(segment)
    }

    mutating func postponed(_ segment: SegmentID) {
        if entries[segment]?.state == .closed { thinned.insert(segment) }
    }

    /// Takes metadata's word that no record of an older run's segment is named any more.
    ///
    /// Of a segment that this process wrote, records may be sealed and not named yet: its own count decides.
    mutating func noteNothingNamed(_ segment: SegmentID) {
        guard let entry = entries[segment], entry.state == .closed, !entry.isExact else { return }
        emptied.insert(segment)
    }

    /// Space that never held a record, or holds one of ours (a superseded marker).
    mutating func abandoned(_ range: Range<UInt64>, in segment: SegmentID) {
        _ = entries[segment]?.free.insert(range)
    }

    mutating func keepMarker(_ range: Range<UInt64>?, in segment: SegmentID) {
        entries[segment]?.keptMarker = range
    }

    /// Whether a range of a segment is in use, or may be: the segment is there, and no part of the range is free.
    func mayBeInUse(_ range: Range<UInt64>, in segment: SegmentID) -> Bool {
        guard let entry = entries[segment], !emptied.contains(segment) else { return false }
        return !entry.free.overlaps(range)
    }

    /// Frees a record; false when the segment is unknown or a part of it was free already.
    mutating func free(_ address: RecordAddress) -> Bool {
        guard entries[address.segment]?.free.insert(address.range) == true else { return false }
        entries[address.segment]?.deadBytes += address.footprint
        if let length = entries[address.segment]?.liveLength {
            entries[address.segment]?.liveLength = length - min(length, address.length)
        }
        if entries[address.segment]?.state == .closed { thinned.insert(address.segment) }
        noteIfEmptied(address.segment)
        return true
    }

    mutating func takePunchable(
        _ segment: SegmentID,
        bytesMin: UInt64 = FreeRuns.punchBytesMin
    ) -> [Range<UInt64>] {
        guard !emptied.contains(segment) else { return [] }
        return entries[segment]?.free.takePunchable(bytesMin: bytesMin) ?? []
    }

    /// Has holes that could not be punched punched another time.
    mutating func putBack(_ holes: some Sequence<Range<UInt64>>, in segment: SegmentID) {
        for hole in holes { entries[segment]?.free.putBack(hole) }
    }

    mutating func takeEmptied() -> [(segment: SegmentID, tier: Tier)] {
        let found = emptied.sorted().compactMap { segment in
            entries[segment].map { (segment: segment, tier: $0.tier) }
        }
        for segment in emptied {
            entries[segment] = nil
            forget(segment)
        }
        return found
    }

    /// Takes a closed segment's live records as the truth: all else is free.
    mutating func reset(_ segment: SegmentID, live: [RecordAddress], end: UInt64) {
        guard var entry = entries[segment] else { return }
        entry.free = FreeRuns()
        entry.isExact = true
        entry.deadBytes = 0
        entry.recordBytes = live.reduce(0) { $0 + $1.footprint }
        entry.liveLength = live.reduce(0) { $0 + $1.length }
        var kept = live.map(\.range)
        if let marker = entry.keptMarker { kept.append(marker) }
        var position = SegmentFormat.headerBytes
        for range in kept.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if range.lowerBound > position { _ = entry.free.insert(position..<range.lowerBound) }
            position = max(position, range.upperBound)
        }
        if end > position { _ = entry.free.insert(position..<end) }
        entries[segment] = entry
        forget(segment)
        // It may have had space reserved, or lost more than holes tell.
        thinned.insert(segment)
        noteIfEmptied(segment)
    }

    func usage(of segment: SegmentID) -> SegmentUsage? {
        entries[segment].map { entry in
            SegmentUsage(
                segment: segment,
                tier: entry.tier,
                state: entry.state,
                recordBytes: entry.recordBytes,
                deadBytes: entry.deadBytes
            )
        }
    }

    private mutating func noteIfEmptied(_ segment: SegmentID) {
        guard let entry = entries[segment] else { return }
        if entry.state == .closed, entry.isExact, entry.deadBytes >= entry.recordBytes {
            emptied.insert(segment)
        }
    }
}
