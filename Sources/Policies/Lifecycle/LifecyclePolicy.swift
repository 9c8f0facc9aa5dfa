/// A file of kind `lifecycle`, or AWS's own LifecyclePolicies JSON.
package struct LifecyclePolicy: Hashable, Sendable {
    package let name: String
    /// The file's first comment; empty for JSON, which has none.
    package let why: String
    package let file: String
    /// What holds for files that none of `rules` fits.
    package let transitions: LifecycleTransitions
    /// Smaller files stay in Standard.
    package let minimumSize: UInt64
    /// Paths that the policy is for; empty for all.
    package let include: [PathGlob]
    /// Paths that stay where they are, whatever `include` says.
    package let exclude: [PathGlob]
    /// Paths that belong in Standard.
    package let pins: [PathGlob]
    /// For some files other transitions; the first that fits counts.
    package let rules: [LifecycleRule]
    package let limits: LifecycleLimits
    package let prices: TierPrices?

    /// 128 KiB: what EFS bills at least for a file in IA or Archive.
    package static let minimumSizeDefault: UInt64 = 128 << 10

    package init(
        name: String,
        why: String = "",
        file: String = "",
        transitions: LifecycleTransitions,
        minimumSize: UInt64 = LifecyclePolicy.minimumSizeDefault,
        include: [PathGlob] = [],
        exclude: [PathGlob] = [],
        pins: [PathGlob] = [],
        rules: [LifecycleRule] = [],
        limits: LifecycleLimits = LifecycleLimits(),
        prices: TierPrices? = nil
    ) {
        self.name = name
        self.why = why
        self.file = file
        self.transitions = transitions
        self.minimumSize = minimumSize
        self.include = include
        self.exclude = exclude
        self.pins = pins
        self.rules = rules
        self.limits = limits
        self.prices = prices
    }

    /// Whether it asks for the path of a file.
    package var asksForPaths: Bool {
        !include.isEmpty || !exclude.isEmpty || !pins.isEmpty
            || rules.contains { !$0.include.isEmpty || !$0.exclude.isEmpty }
    }

    /// The fewest days without access after which it can move a file out of Standard; `nil` when it never does.
    package var daysMin: Int? {
        ([transitions] + rules.map(\.transitions)).compactMap(\.daysMin).min()
    }

    /// Whether any of its rules brings files back that were used.
    package var promotesOnAccess: Bool {
        transitions.isPromotedOnAccess || rules.contains(where: \.transitions.isPromotedOnAccess)
    }

    /// All that decides what moves, in words: two policies with one fingerprint move the same files on the same days.
    ///
    /// Names and comments are not in it, nor what only bounds how much moves at a time.
    package var fingerprint: String {
        let words: [String] = [
            transitions.fingerprint, "\(minimumSize)", "\(limits.writeQuarantine)",
            "\(limits.minimumResidency)", "\(limits.usesToPromote)",
            limits.thrashGuard.map { "\($0.returns) in \($0.within)" } ?? "",
            limits.wholeTreeFiles.map { "\($0)" } ?? "",
            LifecycleRule.words(include), LifecycleRule.words(exclude), LifecycleRule.words(pins),
        ]
        return (words + rules.map(\.fingerprint)).joined(separator: "|")
    }
}
