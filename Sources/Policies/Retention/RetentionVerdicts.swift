package import VarveModel

/// A recovery point or snapshot as a retention rule sees it.
package struct RetentionPoint<ID: Hashable & Sendable & Comparable>: Hashable, Sendable {
    package let id: ID
    package let created: Timestamp
    /// Kept whatever the rule says, as by a hold.
    package let isPinned: Bool

    package init(id: ID, created: Timestamp, isPinned: Bool = false) {
        self.id = id
        self.created = created
        self.isPinned = isPinned
    }
}

/// What becomes of one point, and why.
package struct RetentionVerdict<ID: Hashable & Sendable & Comparable>: Hashable, Sendable {
    /// Something that keeps a point.
    package enum Reason: Hashable, Sendable, CustomStringConvertible {
        case pinned
        /// Younger than `DeleteAfterDays`; until then.
        case young(until: Timestamp)
        /// There is no `DeleteAfterDays`, and no keep rule.
        case forever
        case rule(RetentionRule.Keep)

        package var description: String {
            switch self {
            case .pinned: "pinned"
            case .young(let until): "young until \(until.seconds)"
            case .forever: "kept for ever"
            case .rule(let keep): keep.key
            }
        }
    }

    package let point: RetentionPoint<ID>
    /// Why it is kept; empty when it expires.
    package let reasons: [Reason]

    package var isKept: Bool { !reasons.isEmpty }
}

extension RetentionRule {
    /// What to keep and what to let expire.
    ///
    /// The points are those of one source; more points, or later times, never bring one back that
    /// an earlier call let expire.
    ///
    /// - Parameters:
    ///   - points: In any order.
    ///   - now: A point is young while `now` is before its creation plus `deleteAfterDays`.
    ///   - timeZone: That of the keep rules' hours, days, weeks, months and years.
    /// - Returns: One verdict a point, the oldest first.
    package func verdicts<ID>(
        _ points: [RetentionPoint<ID>],
        now: Timestamp,
        timeZone: TimeZoneRules = .utc
    ) -> [RetentionVerdict<ID>] {
        let sorted = points.sorted { ($0.created, $0.id) < ($1.created, $1.id) }
        var held: [[RetentionVerdict<ID>.Reason]] = sorted.map { point in
            var reasons: [RetentionVerdict<ID>.Reason] = point.isPinned ? [.pinned] : []
            if let deleteAfterDays {
                let until = point.created.adding(seconds: Int64(deleteAfterDays) * 86_400)
                if now < until { reasons.append(.young(until: until)) }
            } else if keep.isEmpty {
                reasons.append(.forever)
            }
            return reasons
        }
        for rule in Keep.allCases {
            guard let count = keep[rule] else { continue }
            for index in Self.kept(by: rule, count: count, of: sorted, timeZone: timeZone) {
                held[index].append(.rule(rule))
            }
        }
        return zip(sorted, held).map { RetentionVerdict(point: $0, reasons: $1) }
    }

    /// The indexes that a keep rule holds, of points sorted by age.
    private static func kept<ID>(
        by rule: Keep,
        count: Int,
        of sorted: [RetentionPoint<ID>],
        timeZone: TimeZoneRules
    ) -> [Int] {
        switch rule {
        case .first: return Array(sorted.indices.prefix(count))
        case .last: return Array(sorted.indices.suffix(count))
        case .hourly, .daily, .weekly, .monthly, .yearly:
            var indexes: [Int] = []
            var period: Int?
            for index in sorted.indices.reversed() {
                let second = Int(sorted[index].created.seconds)
                let own = Self.period(of: second, rule: rule, timeZone: timeZone)
                if own == period { continue }
                guard indexes.count < count else { break }
                period = own
                indexes.append(index)
            }
            return indexes
        }
    }

    /// A number that two instants share when they fall into one period.
    ///
    /// The hour that comes twice when clocks go back is one hour.
    private static func period(of second: Int, rule: Keep, timeZone: TimeZoneRules) -> Int {
        let date = timeZone.date(at: second)
        return switch rule {
        case .hourly: timeZone.localHour(at: second)
        case .daily, .first, .last: date.daysSince1970
        case .weekly: date.weekStart
        case .monthly: date.year * 12 + date.month
        case .yearly: date.year
        }
    }
}
