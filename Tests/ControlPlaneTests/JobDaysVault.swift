import BackupVault
import Foundation
import Policies
import VarveModel

/// The plain model of one vault: which points there must be, in which storage, and with what in them.
struct JobDaysVault {
    typealias Files = [String: [UInt8]]

    struct Point {
        /// `nil`: nobody has seen it; it went with the run that made it, or has not been made.
        var id: RecoveryPointID?
        let origin: PointOrigin?
        let source: String
        let job: String
        let due: String?
        let created: Int64
        /// When it goes, and when it moves, by itself.
        let expires: Int64?
        let movesAt: Int64?
        let files: Files
        var isCold = false
    }

    /// What a rule, or a point's own time, makes of it.
    ///
    /// Points of one instant hold the same, and which of them counts as the newer one is chance.
    enum Fate { case stays, goes, either }

    /// What something that happened to the vault does to its points.
    struct Act {
        /// Points that it makes.
        var makes: [Point] = []
        /// Whether it says anything about a point.
        var isMeant: (Point) -> Bool = { _ in false }
        /// What becomes of one of those of a source that it says something about.
        var fate: (Point, _ own: [Point]) -> Fate = { _, _ in .stays }
        /// Whether one that stays is old enough for cold storage.
        var isDueForCold: (Point) -> Bool = { _ in false }
    }

    let name: String
    private(set) var points: [Point] = []
    private(set) var made = 0
    private(set) var gone = 0
    private(set) var moved = 0

    init(name: String) { self.name = name }

    func warm(of source: String) -> [Point] {
        points.filter { $0.source == source && !$0.isCold }
    }

    // MARK: Rules

    /// What a retention makes of a point of a source: the words of the documentation, point by point.
    static func fate(of point: Point, among own: [Point], _ rule: RetentionRule, at now: Int64)
        -> Fate
    {
        if let days = rule.deleteAfterDays, now < point.created + Int64(days) * 86_400 {
            return .stays
        }
        if rule.deleteAfterDays == nil, rule.keep.isEmpty { return .stays }
        func isKept(byLuck: Bool) -> Bool {
            rule.keep.contains { Self.isKept(point, own, $0.key, $0.value, byLuck) }
        }
        if isKept(byLuck: false) { return .stays }
        return isKept(byLuck: true) ? .either : .goes
    }

    /// Whether one rule keeps a point, when it is, or is not, the one of its own instant that the rule prefers.
    private static func isKept(
        _ point: Point,
        _ own: [Point],
        _ kind: RetentionRule.Keep,
        _ count: Int,
        _ isPreferred: Bool
    ) -> Bool {
        let equal = own.count { $0.created == point.created } - 1
        let newer = own.filter { $0.created > point.created }
        switch kind {
        case .last: return newer.count + (isPreferred ? 0 : equal) < count
        case .first:
            let older = own.count { $0.created < point.created }
            return older + (isPreferred ? 0 : equal) < count
        case .hourly, .daily, .weekly, .monthly, .yearly:
            let period = period(of: point.created, kind)
            let later = newer.map { self.period(of: $0.created, kind) }
            if later.contains(period) || (!isPreferred && equal > 0) { return false }
            return Set(later).count < count
        }
    }

    private static let calendar: Calendar = {
        var calendar = Calendar(identifier: .iso8601)
        calendar.timeZone = .gmt
        return calendar
    }()

    /// What two instants of one hour, day, week, month or year have in common.
    private static func period(of second: Int64, _ kind: RetentionRule.Keep) -> [Int] {
        let date = Date(timeIntervalSince1970: Double(second))
        let parts = calendar.dateComponents(
            [.year, .month, .day, .hour, .weekOfYear, .yearForWeekOfYear],
            from: date
        )
        let (year, month, day) = (parts.year ?? 0, parts.month ?? 0, parts.day ?? 0)
        return switch kind {
        case .hourly: [year, month, day, parts.hour ?? 0]
        case .daily: [year, month, day]
        case .weekly: [parts.yearForWeekOfYear ?? 0, parts.weekOfYear ?? 0]
        case .monthly: [year, month]
        case .yearly, .first, .last: [year]
        }
    }

    // MARK: What happens

    /// Holds what the vault has now against what an act must have made of it, or may have when it was cut short; and
    /// believes it.
    ///
    /// - Parameters:
    ///   - act: What happened.
    ///   - found: The vault's points now.
    ///   - isWhole: It came to its end.
    ///   - vault: The id of the vault.
    /// - Returns: What is wrong.
    mutating func happen(
        _ act: Act,
        _ found: [RecoveryPoint],
        isWhole: Bool,
        in vault: UniqueID
    ) -> [String] {
        var wrong: [String] = []
        var all = points
        all += matched(act.makes, found, vault, &wrong)
        let seen = Dictionary(uniqueKeysWithValues: found.map { ($0.id, $0) })
        var next: [Point] = []
        for var point in all {
            let fate = fate(of: point, all, act)
            let isMade = !points.contains { $0.id == point.id }
            guard let there = point.id.flatMap({ seen[$0] }) else {
                // Retention comes after the point; what was cut short may have made none.
                let mayBeGone = isMade && !isWhole || (fate != .stays && makesAll(act, all, point))
                if !mayBeGone { wrong.append("\(text(point)) is gone") }
                if !isMade { gone += 1 }
                continue
            }
            if fate == .goes, isWhole { wrong.append("\(text(point)) is still there") }
            let mustMove = fate != .goes && moves(point, all, act)
            if there.isCold, !point.isCold, !mustMove { wrong.append("\(text(point)) is cold") }
            if !there.isCold, point.isCold { wrong.append("\(text(point)) is warm again") }
            if !there.isCold, mustMove, isWhole, !isTied(point, all) {
                wrong.append("\(text(point)) is still warm")
            }
            if there.isCold, !point.isCold { moved += 1 }
            if isMade { made += 1 }
            point.isCold = there.isCold
            next.append(point)
        }
        if isWhole { wrong += withoutAnyOfAnInstant(all, next, act) }
        points = next
        return wrong
    }

    /// Of points of one instant that a rule is to choose from, one stays.
    private func withoutAnyOfAnInstant(_ all: [Point], _ left: [Point], _ act: Act) -> [String] {
        all.filter { fate(of: $0, all, act) == .either }.compactMap { point in
            let isOneLeft = left.contains {
                $0.source == point.source && $0.created == point.created && act.isMeant($0)
            }
            return isOneLeft ? nil : "\(text(point)), and all of its instant, are gone"
        }
    }

    /// What is to come, each with the id under which it was found.
    private func matched(
        _ makes: [Point],
        _ found: [RecoveryPoint],
        _ vault: UniqueID,
        _ wrong: inout [String]
    ) -> [Point] {
        let known = Set(points.compactMap(\.id))
        var wanted = makes
        for point in found where !known.contains(point.id) {
            guard let index = wanted.firstIndex(where: { isSame(point, $0) }) else {
                wrong.append(
                    "\(point.id) of \(point.labels), made at \(point.created.seconds): why?"
                )
                continue
            }
            wanted[index].id = point.id
        }
        return wanted
    }

    /// Whether a point is one that was to come, and nobody has seen yet.
    private func isSame(_ found: RecoveryPoint, _ wanted: Point) -> Bool {
        guard wanted.id == nil, wanted.source == found.source, wanted.origin == found.copyOf,
            wanted.job == found.labels["job"], wanted.due == found.labels["due"],
            wanted.created == found.created.seconds, wanted.expires == found.expires?.seconds
        else { return false }
        return found.isCold || wanted.movesAt == found.movesToCold?.seconds
    }

    /// Whether all that the act was to make of a point's source is there, so that deletions may have begun.
    private func makesAll(_ act: Act, _ all: [Point], _ point: Point) -> Bool {
        all.suffix(act.makes.count).allSatisfy {
            $0.source != point.source || $0.id != nil || fate(of: $0, all, act) != .stays
        }
    }

    /// A rule's word, and that the newest of a source never goes.
    private func fate(of point: Point, _ all: [Point], _ act: Act) -> Fate {
        guard act.isMeant(point) else { return .stays }
        let own = all.filter { $0.source == point.source && act.isMeant($0) }
        let fate = act.fate(point, own)
        guard fate != .stays, isNewest(point, all) else { return fate }
        return isTied(point, all) ? .either : .stays
    }

    private func moves(_ point: Point, _ all: [Point], _ act: Act) -> Bool {
        guard act.isMeant(point), act.isDueForCold(point) else { return false }
        return !isNewest(point, all) || isTied(point, all)
    }

    private func isNewest(_ point: Point, _ all: [Point]) -> Bool {
        !all.contains { $0.source == point.source && $0.created > point.created }
    }

    /// Whether another one of its source bears the newest instant, too.
    private func isTied(_ point: Point, _ all: [Point]) -> Bool {
        isNewest(point, all)
            && all.count { $0.source == point.source && $0.created == point.created } > 1
    }

    private func text(_ point: Point) -> String {
        let what = point.id.map { "\($0)" } ?? "the point"
        return "\(name): \(what) of \(point.job), made at \(point.created)"
    }
}
