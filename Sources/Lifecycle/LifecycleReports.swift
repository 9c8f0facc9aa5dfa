package import VarveModel

/// One file that moves, or would.
package struct LifecycleMove: Sendable, Hashable {
    package let inode: InodeNumber
    /// One of its names, from the root down.
    package let path: [FileName]
    package let from: Tier
    package let to: Tier
    /// Bytes of data, without holes.
    package let bytes: UInt64
    package let reason: String
}

/// What a run would do.
package struct LifecyclePlan: Sendable, Hashable {
    /// The first 10,000.
    package var moves: [LifecycleMove] = []
    package var files: UInt64 = 0
    package var bytes: UInt64 = 0
    /// Stored bytes that would leave their tiers, from the file system's own ratio.
    package var storedBefore: UInt64 = 0
    /// Stored bytes that they would take: by what earlier moves into that tier came to, else by half.
    package var storedAfterEstimate: UInt64 = 0
    /// Rows of the index that were looked at.
    package var candidates = 0

    package static let movesMax = 10_000
}

/// What a run did.
package struct LifecycleOutcome: Sendable, Hashable {
    /// The first 10,000.
    package var moves: [LifecycleMove] = []
    package var files: UInt64 = 0
    package var bytes: UInt64 = 0
    package var storedBefore: UInt64 = 0
    package var storedAfter: UInt64 = 0
    /// Of them, files that came back to Standard since they were used.
    package var promoted: UInt64 = 0
    /// Rows of the index that were looked at.
    package var candidates = 0
    /// Files that did not move; the first 1,000.
    package var failures: [LifecycleFailure] = []

    package static let failuresMax = 1_000

    mutating func add(_ other: LifecycleOutcome) {
        moves += other.moves.prefix(max(0, LifecyclePlan.movesMax - moves.count))
        files += other.files
        bytes += other.bytes
        storedBefore += other.storedBefore
        storedAfter += other.storedAfter
        promoted += other.promoted
        candidates += other.candidates
        failures += other.failures.prefix(
            max(0, LifecycleOutcome.failuresMax - failures.count)
        )
    }
}

/// A file that could not be moved; it stays readable where it is.
package struct LifecycleFailure: Sendable, Hashable {
    package let inode: InodeNumber
    package let reason: String
}

/// How far a run is.
package struct LifecycleProgress: Sendable, Hashable {
    package let files: UInt64
    package let bytes: UInt64
}

/// Why a file is in its tier.
package struct LifecycleReasoning: Sendable, Hashable {
    package let tier: Tier
    package let size: UInt64
    /// The day of the last use, as the instant at which it began.
    package let lastAccess: Timestamp?
    /// A sentence for each rule and for the last move.
    package let reasons: [String]
}
