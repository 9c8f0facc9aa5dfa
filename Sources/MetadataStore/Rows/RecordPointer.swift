package import VarveModel

/// Where a record's sealed bytes lie.
///
/// The rows know no more of a segment file than this.
package struct RecordPointer: Hashable, Sendable {
    package let segment: SegmentID
    /// Bytes from the start of the segment file.
    package let offset: UInt64
    /// Sealed bytes, the record's header included.
    package let length: UInt64

    package init(segment: SegmentID, offset: UInt64, length: UInt64) {
        self.segment = segment
        self.offset = offset
        self.length = length
    }
}

/// A record whose last slice row went in a transaction: its bytes are free once that is durable.
package struct FreedRecord: Hashable, Sendable {
    package let record: RecordPointer
    package let tier: Tier

    package init(record: RecordPointer, tier: Tier) {
        self.record = record
        self.tier = tier
    }
}
