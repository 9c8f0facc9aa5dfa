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
    /// On how many days it was used since it left Standard.
    package var uses: Int = 0
    /// How many cold files of the file system were used on `usedDay`.
    package var coldFilesUsed: Int = 0
    /// When it came into its tier; `nil` for one that never moved.
    package var movedAt: Timestamp?
    /// When data was last written to it in a colder tier: it lies in Standard.
    package var writtenCold: Timestamp?
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
