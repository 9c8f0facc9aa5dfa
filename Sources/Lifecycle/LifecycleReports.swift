import MetadataStore
import Policies
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
    /// What the journal knew of it when the move was decided on.
    let row: AccessDay
    let keepsUses: Bool
    let access: Int64?

    init(
        row: AccessDay,
        path: [FileName],
        to: Tier,
        bytes: UInt64,
        reason: String,
        keepsUses: Bool,
        access: Int64?
    ) {
        self.access = access
        inode = row.inode
        self.path = path
        from = row.tier
        self.to = to
        self.bytes = bytes
        self.reason = reason
        self.row = row
        self.keepsUses = keepsUses
    }
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
    /// What the moves save in a month, by the policy's prices; negative when they cost more.
    package var savedPerMonth: Double = 0
    /// What it costs to read all that leaves Standard once, by the policy's prices.
    package var firstReads: Double = 0
    /// Rows of the index that were looked at.
    package var candidates = 0

    package static let movesMax = 10_000

    mutating func add(_ move: LifecycleMove, _ ratios: StoredRatios, _ prices: TierPrices?) {
        let before = ratios.stored(move.bytes, in: move.from)
        let after = ratios.stored(move.bytes, in: move.to)
        files += 1
        bytes += move.bytes
        storedBefore += before
        storedAfterEstimate += after
        if let prices {
            savedPerMonth += prices.perMonth(before, in: move.from)
            savedPerMonth -= prices.perMonth(after, in: move.to)
            firstReads += prices.reading(move.bytes, from: move.to)
        }
        if moves.count < LifecyclePlan.movesMax { moves.append(move) }
    }
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
    /// Whether the journal knew of a day that is still to come; such days are today now.
    package var clockWasAhead = false
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
