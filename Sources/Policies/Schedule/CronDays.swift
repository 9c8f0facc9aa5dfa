import VarveModel

/// Which days of a month a cron expression allows: its two day fields together.
struct CronDays: Hashable {
    /// A day field that restricts.
    struct Rule: Hashable {
        /// Days of the month.
        var days: Set<Int> = []
        /// `L`: the last day; `LW`: the last Monday to Friday.
        var isLastDay = false
        var isLastWorkday = false
        /// `15W`: the Monday to Friday nearest to the 15th within the month.
        var nearestWorkdays: Set<Int> = []
        /// Weekdays, 0 is Sunday.
        var weekdays: Set<Int> = []
        /// `FRIL`, `6L`: the last such weekday of the month.
        var lastWeekdays: Set<Int> = []
        /// `TUE#2`: the second Tuesday.
        var nthWeekday: NthWeekday?

        func allows(_ date: CivilDate) -> Bool {
            let last = CivilDate.daysIn(month: date.month, of: date.year)
            let weekday = date.weekday
            if days.contains(date.day) || weekdays.contains(weekday) { return true }
            if isLastDay, date.day == last { return true }
            if lastWeekdays.contains(weekday), date.day > last - 7 { return true }
            if let nthWeekday, nthWeekday.weekday == weekday,
                (date.day + 6) / 7 == nthWeekday.count
            {
                return true
            }
            guard (1...5).contains(weekday) else { return false }
            if isLastWorkday, date.day == last || (weekday == 5 && date.day + 2 >= last) {
                return true
            }
            return nearestWorkdays.contains { wanted in
                wanted <= last
                    && date.day == Self.workday(nearest: wanted, last: last, like: date)
            }
        }

        /// The day of month of the workday nearest to `wanted`, never in another month.
        private static func workday(nearest wanted: Int, last: Int, like date: CivilDate) -> Int {
            let weekday = CivilDate(year: date.year, month: date.month, day: wanted).weekday
            return switch weekday {
            case 6: wanted == 1 ? 3 : wanted - 1
            case 0: wanted == last ? wanted - 2 : wanted + 1
            default: wanted
            }
        }
    }

    struct NthWeekday: Hashable {
        let weekday: Int
        let count: Int
    }

    /// `nil`: the field allows every day.
    let dayOfMonth: Rule?
    let dayOfWeek: Rule?
    /// crontab(5): with both fields restricted a day needs to be in one of them only.
    let isEither: Bool

    func allows(_ date: CivilDate) -> Bool {
        let first = dayOfMonth?.allows(date)
        let second = dayOfWeek?.allows(date)
        if isEither, let first, let second { return first || second }
        return (first ?? true) && (second ?? true)
    }

    /// Parses the two fields.
    ///
    /// - Parameters:
    ///   - month: The day of month.
    ///   - week: The day of week.
    ///   - isAWS: Whether 1 is Sunday and one field must be `?`, or 0 is Sunday and `?` is `*`.
    /// - Throws: `.badValue`.
    init(month: Substring, week: Substring, isAWS: Bool) throws(PolicyError) {
        if isAWS, (month == "?") == (week == "?") {
            throw PolicyError(
                .badValue,
                "day of month '\(month)' and day of week '\(week)' of an AWS schedule conflict",
                remedy: "Give '?' in exactly one of the two."
            )
        }
        dayOfMonth = month == "?" || month == "*" ? nil : try Self.monthRule(month)
        dayOfWeek = week == "?" || week == "*" ? nil : try Self.weekRule(week, isAWS: isAWS)
        isEither = !isAWS && !month.hasPrefix("*") && !week.hasPrefix("*")
    }

    private static func monthRule(_ text: Substring) throws(PolicyError) -> Rule {
        var rule = Rule()
        for item in text.split(separator: ",", omittingEmptySubsequences: false) {
            let word = item.uppercased()
            if word == "L" {
                rule.isLastDay = true
            } else if word == "LW" || word == "WL" {
                rule.isLastWorkday = true
            } else if word.hasSuffix("W"), word.count > 1 {
                rule.nearestWorkdays.insert(try CronField.Kind.dayOfMonth.value(item.dropLast()))
            } else {
                rule.days.formUnion(try CronField(item, kind: .dayOfMonth).values)
            }
        }
        return rule
    }

    private static func weekRule(_ text: Substring, isAWS: Bool) throws(PolicyError) -> Rule {
        let kind = isAWS ? CronField.Kind.awsWeekday : .crontabWeekday
        // To 0 = Sunday.
        func weekday(_ value: Int) -> Int { isAWS ? value - 1 : value % 7 }
        var rule = Rule()
        let items = text.split(separator: ",", omittingEmptySubsequences: false)
        for item in items {
            let parts = item.split(separator: "#", omittingEmptySubsequences: false)
            if parts.count == 2 {
                guard items.count == 1 else {
                    throw PolicyError(
                        .badValue,
                        "'\(PolicyNode.shortened(String(text)))' lists days with '#'",
                        remedy: "A day with '#' stands alone, as TUE#2."
                    )
                }
                guard parts[1].count == 1, let count = Int(parts[1]), (1...5).contains(count) else {
                    throw PolicyError(
                        .badValue,
                        "'#\(PolicyNode.shortened(String(parts[1])))' is no week",
                        remedy: "Give #1 to #5, as TUE#2 for the second Tuesday."
                    )
                }
                rule.nthWeekday = NthWeekday(
                    weekday: weekday(try kind.value(parts[0])),
                    count: count
                )
            } else if item.uppercased() == "L" {
                rule.weekdays.insert(6)
            } else if item.count > 1, item.last == "L" || item.last == "l" {
                rule.lastWeekdays.insert(weekday(try kind.value(item.dropLast())))
            } else {
                rule.weekdays.formUnion(try CronField(item, kind: kind).values.map(weekday))
            }
        }
        return rule
    }
}
