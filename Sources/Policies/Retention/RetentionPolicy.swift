package import VarveModel

/// How long recovery points are kept: by age, and by rules that keep some of them longer.
///
/// A recovery point is kept when it is pinned, younger than `deleteAfterDays`, or held by a keep
/// rule; it expires when nothing keeps it.
package struct RetentionRule: Hashable, Sendable {
    /// What keeps `count` recovery points whatever their age.
    package enum Keep: String, Sendable, Hashable, CaseIterable {
        /// The oldest ones.
        case first
        /// The newest ones.
        case last
        /// The newest one of each of the newest hours (days, weeks from Monday, months, years)
        /// that have any, in local time.
        case hourly
        case daily
        case weekly
        case monthly
        case yearly

        /// As in a policy file.
        package var key: String { "keep-" + rawValue }
    }

    /// AWS Backup's `Lifecycle.DeleteAfterDays`, in days of 86,400 s since creation.
    ///
    /// `nil`: age keeps nothing (with keep rules), or everything (without).
    package let deleteAfterDays: Int?
    /// Each at least 1.
    package let keep: [Keep: Int]
    /// AWS Backup's `Lifecycle.MoveToColdStorageAfterDays`, in days of 86,400 s since creation; `nil` for never.
    package let moveToColdAfterDays: Int?

    /// What is in cold storage stays at least so many days (AWS Backup's Lifecycle).
    package static let coldDaysMin = 90

    package init(
        deleteAfterDays: Int?,
        keep: [Keep: Int] = [:],
        moveToColdAfterDays: Int? = nil
    ) {
        precondition(deleteAfterDays ?? 1 >= 1, "DeleteAfterDays is at least 1")
        precondition(moveToColdAfterDays ?? 1 >= 1, "MoveToColdStorageAfterDays is at least 1")
        self.moveToColdAfterDays = moveToColdAfterDays
        precondition(keep.values.allSatisfy { $0 >= 1 }, "a keep rule keeps at least 1")
        self.deleteAfterDays = deleteAfterDays
        self.keep = keep
    }

    /// Keeps everything for ever.
    package static let forever = RetentionRule(deleteAfterDays: nil)

    /// Whether a point is old enough for cold storage.
    package func isDueForCold(created: Timestamp, now: Timestamp) -> Bool {
        guard let moveToColdAfterDays else { return false }
        return created.adding(seconds: Int64(moveToColdAfterDays) * 86_400) <= now
    }

    /// When a recovery point expires for certain; `nil` when keep rules decide, or never.
    package func certainExpiry(created: Timestamp) -> Timestamp? {
        guard keep.isEmpty, let deleteAfterDays else { return nil }
        return created.adding(seconds: Int64(deleteAfterDays) * 86_400)
    }
}

/// A file of kind `retention`.
package struct RetentionPolicy: Hashable, Sendable {
    package let name: String
    /// The file's first comment.
    package let why: String
    package let file: String
    package let rule: RetentionRule
    /// The zone of the hours, days, weeks, months and years that keep rules count.
    package let timeZone: TimeZoneRules

    package init(
        name: String,
        why: String,
        file: String,
        rule: RetentionRule,
        timeZone: TimeZoneRules
    ) {
        self.name = name
        self.why = why
        self.file = file
        self.rule = rule
        self.timeZone = timeZone
    }
}
