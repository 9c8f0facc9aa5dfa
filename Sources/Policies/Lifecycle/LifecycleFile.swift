package import VarveModel

/// A file as a lifecycle policy sees it.
package struct LifecycleFile: Hashable, Sendable {
    /// The names from the root down; only asked where the policy has path patterns.
    package var path: [[UInt8]]
    package var size: UInt64
    package var owner: UInt32 = 0
    package var group: UInt32 = 0
    package var created: Timestamp = .epoch
    package var tier: Tier
    /// The day (since 1970, UTC) of the last data read or write by a client while it was in Standard.
    package var accessDay: Int64
    package var lastWrite: Timestamp
    /// The last day on which it was used since it left Standard.
    package var usedDay: Int64?
    /// On how many days it was used since it left Standard, without those that were judged not to count.
    package var uses: Int = 0
    /// How many cold files of the file system were used on `usedDay`.
    package var coldFilesUsed: Int = 0
    /// When it came into its tier; `nil` for one that never moved.
    package var movedAt: Timestamp?
    /// Bytes of its data that lie in another tier than the file and could follow it: written since it moved, or brought
    /// back from the past.
    package var elsewhere: UInt64 = 0
    /// When the newest of them was written; `nil` when all lies where the file is.
    package var writtenElsewhere: Timestamp?
    /// Bytes that stay in a warmer tier, since another file shows them there.
    package var held: UInt64 = 0
    /// Whether it, or a directory above it, was pinned by hand.
    package var isPinned = false
    /// When it came back to Standard, oldest first; only asked where the policy has a thrash guard.
    package var returns: [Timestamp] = []

    package init(
        path: [[UInt8]],
        size: UInt64,
        tier: Tier,
        accessDay: Int64,
        lastWrite: Timestamp
    ) {
        self.path = path
        self.size = size
        self.tier = tier
        self.accessDay = accessDay
        self.lastWrite = lastWrite
    }
}
