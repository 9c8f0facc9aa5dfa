import Policies
import VarveModel

/// What all policies in force say of one file together.
///
/// Each job moves what its own policy says. But a pin, and an `exclude`, of any of them hold against the others: else
/// two of them would pull a file to and fro with every run.
struct LifecycleJudgement {
    /// Of the run's own policy.
    let own: LifecycleVerdict
    /// Of the other ones.
    let others: [LifecycleVerdict]
    /// The first policy by whose pin or `exclude` the file is not moved away.
    let keeper: String?

    init(
        _ file: LifecycleFile,
        _ policies: [LifecyclePolicy],
        of policy: LifecyclePolicy,
        now: Timestamp
    ) {
        own = policy.verdict(on: file, now: now)
        var others: [LifecycleVerdict] = []
        var keeper = own.keepsAgainstOthers ? policy.name : nil
        for other in policies where other.name != policy.name {
            let verdict = other.verdict(on: file, now: now)
            others.append(verdict)
            if verdict.keepsAgainstOthers { keeper = keeper ?? other.name }
        }
        self.others = others
        self.keeper = keeper
    }

    /// Where a verdict leads, beside the other ones; `nil` when the file stays.
    func target(_ verdict: LifecycleVerdict) -> Tier? {
        verdict.target == .standard || keeper == nil ? verdict.target : nil
    }

    /// Whether any policy would bring it back.
    var isWantedBack: Bool { ([own] + others).contains { target($0) == .standard } }

    /// Whether another policy than the run's own moves it.
    var isWantedByOthers: Bool { others.contains { target($0) != nil } }

    /// The first day on which any answer can differ by time alone; `nil` for never.
    var again: Int64? { ([own] + others).compactMap(\.again).min() }

    var keepsUses: Bool { own.keepsUses || others.contains(where: \.keepsUses) }

    /// Whether, of uses that are kept, nobody keeps the last day.
    var dropsLastUse: Bool { !([own] + others).contains { $0.keepsUses && !$0.dropsLastUse } }

    var access: Int64? { ([own] + others).compactMap(\.access).max() }
}

extension LifecycleVerdict {
    /// Whether it says of a file that no policy may move it away.
    fileprivate var keepsAgainstOthers: Bool {
        switch decision {
        case .promotePinned, .stayPinned, .stayExcluded: true
        case .demote, .promote, .settle, .stayNotIncluded, .stayTooSmall, .stayWrittenLately,
            .stayMovedLately, .stayCameBackOften, .stayUsedTooSeldom, .stayUsedToday,
            .stayUsedByWholeTree, .stayUntil:
            false
        }
    }
}
