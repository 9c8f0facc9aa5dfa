package import VarveModel

/// When files change tier: the rules of AWS EFS `PutLifecycleConfiguration`.
package struct LifecycleTransitions: Hashable, Sendable {
    /// Days without access, as `AFTER_30_DAYS`.
    package enum Age: Int, Sendable, Hashable, CaseIterable, Comparable {
        case days1 = 1
        case days7 = 7
        case days14 = 14
        case days30 = 30
        case days60 = 60
        case days90 = 90
        case days180 = 180
        case days270 = 270
        case days365 = 365

        /// `AFTER_1_DAY`, `AFTER_7_DAYS` and so on.
        package var awsName: String { rawValue == 1 ? "AFTER_1_DAY" : "AFTER_\(rawValue)_DAYS" }

        /// How many days must have begun since that of the last access, in UTC.
        ///
        /// For `AFTER_1_DAY` two: by the calendar one is over a second after an access at 23:59:59. Of longer ages the
        /// part of a day by which they may be early is nothing.
        package var daysBegun: Int { self == .days1 ? 2 : rawValue }

        package init?(awsName: String) {
            guard let age = Self.allCases.first(where: { $0.awsName == awsName }) else {
                return nil
            }
            self = age
        }

        package static func < (left: Age, right: Age) -> Bool { left.rawValue < right.rawValue }
    }

    package let toInfrequentAccess: Age?
    package let toArchive: Age?
    /// `AFTER_1_ACCESS`: a read or write of its data brings a file back to Standard.
    package let isPromotedOnAccess: Bool

    /// Checks the transitions against each other.
    ///
    /// - Parameters:
    ///   - toInfrequentAccess: `TransitionToIA`.
    ///   - toArchive: `TransitionToArchive`; later than `toInfrequentAccess` where both are given.
    ///   - isPromotedOnAccess: `TransitionToPrimaryStorageClass` is given.
    /// - Throws: `.badValue` when Archive would not come after IA.
    package init(
        toInfrequentAccess: Age?,
        toArchive: Age?,
        isPromotedOnAccess: Bool
    ) throws(PolicyError) {
        if let first = toInfrequentAccess, let second = toArchive, second <= first {
            throw PolicyError(
                .badValue,
                "TransitionToArchive \(second.awsName) is not later than "
                    + "TransitionToIA \(first.awsName)",
                remedy: "Give a longer TransitionToArchive, or remove one of the two."
            )
        }
        self.toInfrequentAccess = toInfrequentAccess
        self.toArchive = toArchive
        self.isPromotedOnAccess = isPromotedOnAccess
    }

    /// The colder tier that a file is due for; `nil` when it stays.
    ///
    /// Age alone never brings a file back, and never makes it skip being kept: a file in IA that
    /// is due for Archive moves there, one in Archive stays.
    package func colderTier(than tier: Tier, daysWithoutAccess days: Int) -> Tier? {
        if let toArchive, days >= toArchive.daysBegun {
            return tier == .archive ? nil : .archive
        }
        if let toInfrequentAccess, days >= toInfrequentAccess.daysBegun, tier == .standard {
            return .infrequentAccess
        }
        return nil
    }

    /// The fewest days after which anything is due; `nil` when nothing ever is.
    package var daysMin: Int? {
        [toInfrequentAccess, toArchive].compactMap { $0?.daysBegun }.min()
    }

    /// The days without access after which a file of a tier moves on.
    package func daysForNextMove(from tier: Tier) -> Int? {
        switch tier {
        case .standard: daysMin
        case .infrequentAccess: toArchive?.daysBegun
        case .archive: nil
        }
    }

    /// As of ``LifecyclePolicy/fingerprint``.
    var fingerprint: String {
        let ages = [toInfrequentAccess, toArchive].map { $0.map(\.awsName) ?? "never" }
        return (ages + [isPromotedOnAccess ? "back" : "stays"]).joined(separator: ",")
    }
}
