package import VarveModel

/// What becomes of a file under a policy, by which rule, and when to ask again.
package struct LifecycleVerdict: Hashable, Sendable, CustomStringConvertible {
    /// What happens, or what keeps it from happening.
    package enum Decision: Hashable, Sendable {
        case demote(to: Tier, daysWithoutAccess: Int, since: Int64)
        /// Back to Standard, for a use on that day.
        case promote(usedOn: Int64)
        /// Back to Standard, where a pin says that it belongs: the file, or what of it lies in colder tiers.
        case promotePinned(by: PathGlob?)
        /// Data of it that lies in another tier, as what was written to it while it was cold, goes to where the rest is.
        case settle(in: Tier, written: Timestamp)

        case stayExcluded(by: PathGlob)
        case stayNotIncluded
        /// `nil`: pinned by hand.
        case stayPinned(by: PathGlob?)
        case stayTooSmall(minimum: UInt64)
        case stayWrittenLately(until: Timestamp)
        case stayMovedLately(until: Timestamp)
        case stayCameBackOften(times: Int, until: Timestamp)
        case stayUsedTooSeldom(days: Int, of: Int)
        /// A reader of whole trees may be at work: the day of the use must be over first.
        case stayUsedToday(wholeTreeFiles: Int)
        case stayUsedByWholeTree(files: Int, on: Int64)
        /// In the tier where it belongs until that day; `nil` when no colder tier is left to go to.
        case stayUntil(daysWithoutAccess: Int, days: Int?, since: Int64)
    }

    /// The rule's name; `nil` of the policy's own transitions.
    package var rule: String?
    package var decision: Decision
    /// The first day on which the answer can differ by time alone; `nil` for never.
    package var again: Int64?
    /// Whether the uses since it left Standard are needed for a later answer.
    package var keepsUses = false
    /// Whether, of those, the last day counts no more: a reader of whole trees was there.
    package var dropsLastUse = false
    /// The day from which ages count now, when a use counts as an access in Standard though the file stays away.
    package var access: Int64?

    /// The tier that it moves to; `nil` when it stays.
    package var target: Tier? {
        switch decision {
        case .demote(let tier, _, _): tier
        case .promote, .promotePinned: .standard
        case .settle(let tier, _): tier
        case .stayExcluded, .stayNotIncluded, .stayPinned, .stayTooSmall, .stayWrittenLately,
            .stayMovedLately, .stayCameBackOften, .stayUsedTooSeldom, .stayUsedToday,
            .stayUsedByWholeTree, .stayUntil:
            nil
        }
    }

    package var description: String {
        (rule.map { "rule '\($0)': " } ?? "") + decision.description
    }
}

extension LifecycleVerdict.Decision: CustomStringConvertible {
    package var description: String {
        switch self {
        case .demote(let tier, let days, let since):
            "moves to \(tier.folder): \(days) days without access, the last on \(Self.date(since))"
        case .promote(let day): "moves to standard: used on \(Self.date(day))"
        case .promotePinned(let pattern): "moves to standard: \(Self.pinned(pattern))"
        case .settle(.standard, _):
            "what of it lies in colder tiers moves to standard, where the rest is"
        case .settle(let tier, let written):
            "what was written to it by \(Self.time(written)) moves to \(tier.folder), where the rest is"
        case .stayExcluded(let pattern): "stays: excluded by '\(pattern)'"
        case .stayNotIncluded: "stays: no 'include' pattern fits its path"
        case .stayPinned(let pattern): "stays: \(Self.pinned(pattern))"
        case .stayTooSmall(let minimum): "stays: smaller than \(minimum) bytes"
        case .stayWrittenLately(let until):
            "stays: written lately, in quarantine until \(Self.time(until))"
        case .stayMovedLately(let until):
            "stays: moved lately, resides here until \(Self.time(until))"
        case .stayCameBackOften(let times, let until):
            "stays: came back \(times) times, and rests until \(Self.time(until))"
        case .stayUsedTooSeldom(let days, let needed):
            "stays: used on \(days) of the \(needed) days after which it comes back"
        case .stayUsedToday(let files):
            "stays: used today, and whether a reader of over \(files) cold files was at work is known tomorrow"
        case .stayUsedByWholeTree(let files, let day):
            "stays: on \(Self.date(day)) \(files) cold files were used, which a reader of whole trees does"
        case .stayUntil(let have, .some(let need), let since):
            "stays: \(have) days without access, moves after \(need), on \(Self.date(since + Int64(need)))"
        case .stayUntil(let have, .none, _):
            "stays: \(have) days without access, and no colder tier is left to go to"
        }
    }

    private static func pinned(_ pattern: PathGlob?) -> String {
        pattern.map { "pinned to standard by '\($0)'" } ?? "pinned to standard by hand"
    }

    private static func date(_ day: Int64) -> String {
        "\(CivilDate(daysSince1970: Int(day)))"
    }

    private static func time(_ time: Timestamp) -> String {
        let minutes = (time.seconds - time.day * 86_400) / 60
        func padded(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(date(time.day)) \(padded(minutes / 60)):\(padded(minutes % 60)) UTC"
    }
}
