/// What a lifecycle run did, or a plan would do.
package struct LifecycleReport: Codable, Sendable, Hashable {
    /// Whether files were moved, or would be.
    package var isPlan: Bool
    package var moves: [Movement]
    /// More than `moves` holds when there are very many.
    package var files: UInt64
    package var bytes: UInt64
    /// Stored bytes that the moves free in the tiers left.
    package var storedBefore: UInt64
    /// Stored bytes that they need in the tiers entered; of a plan an estimate.
    package var storedAfter: UInt64

    package init(
        isPlan: Bool,
        moves: [Movement],
        files: UInt64,
        bytes: UInt64,
        storedBefore: UInt64,
        storedAfter: UInt64
    ) {
        self.isPlan = isPlan
        self.moves = moves
        self.files = files
        self.bytes = bytes
        self.storedBefore = storedBefore
        self.storedAfter = storedAfter
    }
}

/// One file that moves.
package struct Movement: Codable, Sendable, Hashable {
    package var fileSystem: String
    package var path: EscapedBytes
    package var from: String
    package var to: String
    package var bytes: UInt64
    package var reason: String

    package init(
        fileSystem: String,
        path: EscapedBytes,
        from: String,
        to: String,
        bytes: UInt64,
        reason: String
    ) {
        self.fileSystem = fileSystem
        self.path = path
        self.from = from
        self.to = to
        self.bytes = bytes
        self.reason = reason
    }
}

/// Why a file is in its tier.
package struct LifecycleReasons: Codable, Sendable, Hashable {
    package var path: EscapedBytes
    package var tier: String
    /// The last day on which a client read or wrote its data.
    package var lastAccess: TimeText?
    /// One sentence a rule.
    package var reasons: [String]

    package init(path: EscapedBytes, tier: String, lastAccess: TimeText? = nil, reasons: [String]) {
        self.path = path
        self.tier = tier
        self.lastAccess = lastAccess
        self.reasons = reasons
    }
}
