package import VarveModel

/// The life of a segment file.
///
/// Raw values are stored.
package enum SegmentState: Int64, Sendable, Hashable, CaseIterable {
    case open = 0
    case sealed = 1
    /// Emptied, or being emptied: nothing is appended and its file goes when nothing refers to it.
    case condemned = 2
}

/// What the metadata knows of one segment file.
package struct SegmentRow: Hashable, Sendable {
    package let id: SegmentID
    package let tier: Tier
    /// Which key of the family seals it.
    package var keyID: UInt32
    /// Sealed bytes of records ever named in it; the store keeps it.
    package var bytes: UInt64
    /// Of those, bytes of records that are free; the store keeps it.
    package var dead: UInt64
    package var bornMin: Epoch
    package var bornMax: Epoch
    package var state: SegmentState
    /// One bit a zone that holds it.
    package var zones: UInt64

    package init(
        id: SegmentID,
        tier: Tier,
        keyID: UInt32 = 1,
        bytes: UInt64 = 0,
        dead: UInt64 = 0,
        bornMin: Epoch = .never,
        bornMax: Epoch = .zero,
        state: SegmentState = .open,
        zones: UInt64 = 1
    ) {
        self.id = id
        self.tier = tier
        self.keyID = keyID
        self.bytes = bytes
        self.dead = dead
        self.bornMin = bornMin
        self.bornMax = bornMax
        self.state = state
        self.zones = zones
    }
}

/// Where the lifecycle has put a file.
package struct PlaceRow: Hashable, Sendable {
    package let inode: InodeNumber
    package let tier: Tier
    package let since: Timestamp

    package init(inode: InodeNumber, tier: Tier, since: Timestamp) {
        self.inode = inode
        self.tier = tier
        self.since = since
    }
}

/// A file system's accounts, kept as rows change: reading them costs the same at any size.
package struct FileSystemCounters: Hashable, Sendable {
    package var inodes: UInt64 = 0
    /// Bytes of data that live files show, by tier (``Tier/rawValue``).
    package var space: [UInt64] = [0, 0, 0]
    /// Sealed bytes of records that any row refers to, past ones too, by tier.
    package var stored: [UInt64] = [0, 0, 0]
    /// Bytes of content kept in rows.
    package var inlineBytes: UInt64 = 0

    /// Bytes that live files' data occupies, in all tiers.
    package var liveBytes: UInt64 { space.reduce(inlineBytes, +) }

    package init() {}
}
