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
    /// Of a plan: what the moves save, by currency; empty without a price table.
    package var savings: [String: Savings]

    /// Money by a policy's price table.
    package struct Savings: Codable, Sendable, Hashable {
        /// Negative when the moves cost more.
        package var perMonth: Double
        /// What it costs to read all that leaves Standard once.
        package var firstReads: Double

        package init(perMonth: Double = 0, firstReads: Double = 0) {
            self.perMonth = perMonth
            self.firstReads = firstReads
        }
    }

    package init(
        isPlan: Bool,
        moves: [Movement] = [],
        files: UInt64 = 0,
        bytes: UInt64 = 0,
        storedBefore: UInt64 = 0,
        storedAfter: UInt64 = 0,
        savings: [String: Savings] = [:]
    ) {
        self.isPlan = isPlan
        self.moves = moves
        self.files = files
        self.bytes = bytes
        self.storedBefore = storedBefore
        self.storedAfter = storedAfter
        self.savings = savings
    }

    /// Adds what another file system or policy came to.
    package mutating func add(_ part: LifecycleReport) {
        moves += part.moves
        files += part.files
        bytes += part.bytes
        storedBefore += part.storedBefore
        storedAfter += part.storedAfter
        for (currency, saved) in part.savings {
            savings[currency, default: Savings()].perMonth += saved.perMonth
            savings[currency, default: Savings()].firstReads += saved.firstReads
        }
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

/// Asks what moved: of a file, of a file system, or of all.
package struct LifecycleHistory: Codable, Sendable, Hashable {
    package var fileSystem: String?
    package var file: FileReference?
    package var limit: Int

    package init(fileSystem: String? = nil, file: FileReference? = nil, limit: Int) {
        self.fileSystem = fileSystem
        self.file = file
        self.limit = limit
    }
}

/// One move between tiers, done or not.
package struct TransitionDescription: Codable, Sendable, Hashable {
    package var fileSystem: String
    package var inode: UInt64
    /// One of its names now; absent when it has none any more.
    package var path: EscapedBytes?
    package var from: String
    package var to: String
    /// planned, copied, committed or abandoned.
    package var state: String
    package var planned: TimeText
    package var ended: TimeText?
    package var bytes: UInt64
    package var storedBefore: UInt64
    package var storedAfter: UInt64
    package var policy: String
    package var reason: String

    package init(
        fileSystem: String,
        inode: UInt64,
        path: EscapedBytes?,
        from: String,
        to: String,
        state: String,
        planned: TimeText,
        ended: TimeText?,
        bytes: UInt64,
        storedBefore: UInt64,
        storedAfter: UInt64,
        policy: String,
        reason: String
    ) {
        self.fileSystem = fileSystem
        self.inode = inode
        self.path = path
        self.from = from
        self.to = to
        self.state = state
        self.planned = planned
        self.ended = ended
        self.bytes = bytes
        self.storedBefore = storedBefore
        self.storedAfter = storedAfter
        self.policy = policy
        self.reason = reason
    }
}

/// A file or directory that belongs in Standard.
package struct PinDescription: Codable, Sendable, Hashable {
    package var fileSystem: String
    package var path: EscapedBytes
    package var since: TimeText
    package var placedBy: String

    package init(fileSystem: String, path: EscapedBytes, since: TimeText, placedBy: String) {
        self.fileSystem = fileSystem
        self.path = path
        self.since = since
        self.placedBy = placedBy
    }
}

/// What lies in each tier of a file system, and how long nobody used it.
package struct TierStatus: Codable, Sendable, Hashable {
    /// Of one tier.
    package struct Tally: Codable, Sendable, Hashable {
        package var files: UInt64
        /// Of data, without holes.
        package var bytes: UInt64

        package init(files: UInt64 = 0, bytes: UInt64 = 0) {
            self.files = files
            self.bytes = bytes
        }
    }

    /// Files that nobody used for so many days, up to the next step's, by tier.
    package struct Step: Codable, Sendable, Hashable {
        package var days: Int
        package var tiers: [String: Tally]

        package init(days: Int, tiers: [String: Tally]) {
            self.days = days
            self.tiers = tiers
        }
    }

    package var fileSystem: String
    package var tiers: [String: Tally]
    /// Bytes of the segment files, by tier.
    package var storedBytes: [String: UInt64]
    /// Value, ValueInStandard, ValueInIA and ValueInArchive, as AWS EFS meters.
    package var sizeInBytes: [String: UInt64]
    package var steps: [Step]

    package init(
        fileSystem: String,
        tiers: [String: Tally],
        storedBytes: [String: UInt64],
        sizeInBytes: [String: UInt64],
        steps: [Step]
    ) {
        self.fileSystem = fileSystem
        self.tiers = tiers
        self.storedBytes = storedBytes
        self.sizeInBytes = sizeInBytes
        self.steps = steps
    }
}
