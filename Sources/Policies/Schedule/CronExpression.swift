import VarveModel

/// A cron expression: crontab(5)'s five fields, or the six of AWS's `cron(…)`.
///
/// It speaks of local minutes; what a time zone makes of them is `Schedule`'s matter.
struct CronExpression: Hashable {
    let minutes: [Int]
    let hours: [Int]
    let days: CronDays
    let months: Set<Int>
    /// AWS only; `nil` for every year.
    let years: Set<Int>?

    /// The last year that is searched: that of AWS's grammar.
    static let yearMax = 2199

    /// All 24 hours are allowed: such a schedule follows elapsed time, not the clock on the wall.
    var isEveryHour: Bool { hours.count == 24 }

    /// Five fields as in crontab(5), or one of its `@daily` words.
    init(crontab text: String) throws(PolicyError) {
        let source = try text.hasPrefix("@") ? Self.nickname(text) : text
        let fields = source.split(whereSeparator: { $0 == " " || $0 == "\t" })
        guard fields.count == 5 else {
            throw PolicyError(
                .badValue,
                "'\(PolicyNode.shortened(text))' has \(fields.count) fields, a cron expression 5",
                remedy: fields.count == 6
                    ? "Write AWS's six fields inside cron(…)."
                    : "Give minute, hour, day of month, month and day of week, as \"0 2 * * *\"."
            )
        }
        minutes = try CronField(fields[0], kind: .minute).values
        hours = try CronField(fields[1], kind: .hour).values
        days = try CronDays(month: fields[2], week: fields[4], isAWS: false)
        months = Set(try CronField(fields[3], kind: .month).values)
        years = nil
    }

    /// The six fields inside AWS's `cron(…)`.
    init(aws text: Substring) throws(PolicyError) {
        let fields = text.split(whereSeparator: { $0 == " " || $0 == "\t" })
        guard fields.count == 6 else {
            throw PolicyError(
                .badValue,
                "'cron(\(PolicyNode.shortened(String(text))))' has \(fields.count) fields, not 6",
                remedy: "Give minutes, hours, day of month, month, day of week and year, "
                    + "as cron(0 5 ? * * *)."
            )
        }
        minutes = try CronField(fields[0], kind: .minute).values
        hours = try CronField(fields[1], kind: .hour).values
        days = try CronDays(month: fields[2], week: fields[4], isAWS: true)
        months = Set(try CronField(fields[3], kind: .month).values)
        years = fields[5] == "*" ? nil : Set(try CronField(fields[5], kind: .year).values)
    }

    private static func nickname(_ word: String) throws(PolicyError) -> String {
        let known = [
            "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *",
            "@weekly": "0 0 * * 0", "@daily": "0 0 * * *", "@midnight": "0 0 * * *",
            "@hourly": "0 * * * *",
        ]
        if let fields = known[word] { return fields }
        throw PolicyError(
            .badValue,
            "'\(PolicyNode.shortened(word))' is no schedule",
            remedy: Suggestion.remedy(
                for: word,
                among: known.keys.sorted(),
                otherwise: "Give @hourly, @daily, @weekly, @monthly, @yearly or five fields."
            )
        )
    }

    /// The first local minute later than `minute` that the expression allows.
    ///
    /// Both count from 1970-01-01 00:00 local time.
    ///
    /// - Parameter minute: May be negative.
    /// - Returns: `nil` when none comes up to the end of `yearMax`.
    func next(afterLocalMinute minute: Int) -> Int? {
        let start = minute + 1
        var day = start.flooredDivision(by: 1_440)
        var from = start - day * 1_440
        while true {
            let date = CivilDate(daysSince1970: day)
            guard date.year <= Self.yearMax else { return nil }
            if let years, !years.contains(date.year) {
                guard let later = years.filter({ $0 > date.year }).min() else { return nil }
                day = CivilDate(year: later, month: 1, day: 1).daysSince1970
            } else if !months.contains(date.month) {
                let year = date.month == 12 ? date.year + 1 : date.year
                let month = date.month == 12 ? 1 : date.month + 1
                day = CivilDate(year: year, month: month, day: 1).daysSince1970
            } else {
                if days.allows(date), let found = firstMinute(from: from) {
                    return day * 1_440 + found
                }
                day += 1
            }
            from = 0
        }
    }

    /// The first allowed minute of a day at or after `from`.
    private func firstMinute(from: Int) -> Int? {
        for hour in hours where hour * 60 + 59 >= from {
            for minute in minutes where hour * 60 + minute >= from {
                return hour * 60 + minute
            }
        }
        return nil
    }
}
