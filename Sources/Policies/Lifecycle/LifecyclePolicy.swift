package import VarveModel

/// A file of kind `lifecycle`, or AWS's own LifecyclePolicies JSON.
package struct LifecyclePolicy: Hashable, Sendable {
    package let name: String
    /// The file's first comment; empty for JSON, which has none.
    package let why: String
    package let file: String
    package let transitions: LifecycleTransitions
    /// Smaller files stay in Standard.
    package let minimumSize: UInt64
    /// Seconds after the last write during which a file does not move.
    package let writeQuarantine: Int64
    /// Paths that the policy is for; empty for all.
    package let include: [PathGlob]
    /// Paths that stay where they are, whatever `include` says.
    package let exclude: [PathGlob]

    /// 128 KiB: what EFS bills at least for a file in IA or Archive.
    package static let minimumSizeDefault: UInt64 = 128 << 10
    /// 24 hours, as EFS leaves a written file in Standard.
    package static let writeQuarantineDefault: Int64 = 86_400

    package init(
        name: String,
        why: String = "",
        file: String = "",
        transitions: LifecycleTransitions,
        minimumSize: UInt64 = LifecyclePolicy.minimumSizeDefault,
        writeQuarantine: Int64 = LifecyclePolicy.writeQuarantineDefault,
        include: [PathGlob] = [],
        exclude: [PathGlob] = []
    ) {
        self.name = name
        self.why = why
        self.file = file
        self.transitions = transitions
        self.minimumSize = minimumSize
        self.writeQuarantine = writeQuarantine
        self.include = include
        self.exclude = exclude
    }
}

/// A file as a lifecycle policy sees it.
package struct LifecycleFile: Hashable, Sendable {
    /// The names from the root down; only asked where the policy has path patterns.
    package let path: [[UInt8]]
    package let size: UInt64
    package let tier: Tier
    /// The day (since 1970, UTC) of the last data read or write by a client.
    package let accessDay: Int64
    package let lastWrite: Timestamp

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

/// What becomes of a file under a policy, and why.
package enum LifecycleVerdict: Hashable, Sendable, CustomStringConvertible {
    case move(to: Tier, daysWithoutAccess: Int)
    case stayNotIncluded
    /// The pattern that excludes it.
    case stayExcluded(by: PathGlob)
    case stayTooSmall(minimum: UInt64)
    case stayWrittenLately(until: Timestamp)
    /// In the tier where it belongs; `nil` days when no colder tier is left to go to.
    case stayUntil(daysWithoutAccess: Int, days: Int?)

    package var description: String {
        switch self {
        case .move(let tier, let days): "moves to \(tier.folder): \(days) days without access"
        case .stayNotIncluded: "stays: no 'include' pattern fits its path"
        case .stayExcluded(let pattern): "stays: excluded by '\(pattern)'"
        case .stayTooSmall(let minimum): "stays: smaller than \(minimum) bytes"
        case .stayWrittenLately(let until):
            "stays: written lately, in quarantine until second \(until.seconds)"
        case .stayUntil(let have, .some(let need)):
            "stays: \(have) days without access, moves after \(need)"
        case .stayUntil(let have, .none):
            "stays: \(have) days without access, and no colder tier is left to go to"
        }
    }
}

extension LifecyclePolicy {
    /// Whether a file moves to a colder tier now.
    ///
    /// The days are those of UTC: a file read at any time of the 1st is due for `AFTER_30_DAYS`
    /// from the 31st on.
    package func verdict(on file: LifecycleFile, now: Timestamp) -> LifecycleVerdict {
        if let pattern = exclude.first(where: { $0.matches(file.path) }) {
            return .stayExcluded(by: pattern)
        }
        guard include.isEmpty || include.contains(where: { $0.matches(file.path) }) else {
            return .stayNotIncluded
        }
        guard file.size >= minimumSize else { return .stayTooSmall(minimum: minimumSize) }
        let days = Int(max(0, now.day - file.accessDay))
        guard let tier = transitions.colderTier(than: file.tier, daysWithoutAccess: days) else {
            return .stayUntil(daysWithoutAccess: days, days: daysForNextMove(from: file.tier))
        }
        let quietFrom = file.lastWrite.adding(seconds: writeQuarantine)
        guard now >= quietFrom else { return .stayWrittenLately(until: quietFrom) }
        return .move(to: tier, daysWithoutAccess: days)
    }

    /// The days without access after which a file of a tier moves on.
    private func daysForNextMove(from tier: Tier) -> Int? {
        switch tier {
        case .standard: transitions.daysMin
        case .infrequentAccess: transitions.toArchive?.rawValue
        case .archive: nil
        }
    }
}
