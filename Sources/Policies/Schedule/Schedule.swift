package import VarveModel

/// When a job is due: a cron expression or a rate, in a time zone.
///
/// - A cron expression of fixed hours is due at the first instant at which the local clock shows
///   the time, or a later one: a time that the zone skips comes at the end of the gap, a time that
///   comes twice is due the first time.
/// - One that allows all 24 hours is due at every instant whose local time it allows, so that
///   hourly stays hourly: skipped minutes are skipped, and those that come twice are due twice.
/// - A rate is due at the multiples of its period since 1970-01-01T00:00:00Z; it needs no anchor,
///   so restarts and reloads do not move it.
package struct Schedule: Hashable, Sendable, CustomStringConvertible {
    private enum Kind: Hashable {
        case cron(CronExpression)
        /// Seconds.
        case rate(Int)
    }

    /// As written.
    package let expression: String
    package let timeZone: TimeZoneRules
    private let kind: Kind

    /// Reads five cron fields, `@daily` and its like, `cron(six fields)` or `rate(n units)`.
    ///
    /// - Parameters:
    ///   - expression: As in a job file.
    ///   - timeZone: That of the local times in it; a rate ignores it.
    /// - Throws: `.badValue` without a place.
    package init(parsing expression: String, timeZone: TimeZoneRules = .utc) throws(PolicyError) {
        let text = Self.trimmed(expression)
        guard text.utf8.count <= 1_024 else {
            throw PolicyError(
                .badValue,
                "a schedule of \(text.utf8.count) bytes",
                remedy: "Shorten it."
            )
        }
        if let inner = Self.inside("cron", of: text) {
            kind = .cron(try CronExpression(aws: inner))
        } else if let inner = Self.inside("rate", of: text) {
            kind = .rate(try Self.period(of: inner))
        } else {
            kind = .cron(try CronExpression(crontab: String(text)))
        }
        self.expression = String(text)
        self.timeZone = timeZone
        if case .cron(let cron) = kind, cron.next(afterLocalMinute: -1) == nil {
            throw PolicyError(
                .badValue,
                "'\(PolicyNode.shortened(expression))' names a day that never comes",
                remedy: "Check the day against the month and year."
            )
        }
    }

    package var description: String {
        if case .cron = kind, timeZone.name != "UTC" { return "\(expression) \(timeZone.name)" }
        return expression
    }

    /// The first due instant later than `instant`; `nil` when none comes before the year 2200.
    package func next(after instant: Timestamp) -> Timestamp? {
        let after = Int(instant.seconds)  // A due instant has no fraction, so this is exact.
        let found: Int? =
            switch kind {
            case .rate(let period): (after.flooredDivision(by: period) + 1) * period
            case .cron(let cron):
                cron.isEveryHour ? nextElapsed(cron, after) : nextOnTheWall(cron, after)
            }
        return found.map { Timestamp(seconds: Int64($0)) }
    }

    /// For all 24 hours: every instant whose local time is allowed, span by span of constant offset.
    private func nextElapsed(_ cron: CronExpression, _ instant: Int) -> Int? {
        var after = instant
        while true {
            let span = timeZone.span(at: after + 1)
            let local = after + 1 + span.offset
            // The last whole minute before `local`.
            let minute = (local + 59).flooredDivision(by: 60) - 1
            guard let found = cron.next(afterLocalMinute: minute) else { return nil }
            let due = found * 60 - span.offset
            if due < span.end { return due }
            after = span.end - 1
        }
    }

    /// For fixed hours: the first instant at which the local clock shows the time or a later one.
    private func nextOnTheWall(_ cron: CronExpression, _ instant: Int) -> Int? {
        let local = instant + timeZone.span(at: instant).offset
        var minute = local.flooredDivision(by: 60) - 1
        while let found = cron.next(afterLocalMinute: minute) {
            let due = timeZone.firstInstant(showing: found * 60)
            if due > instant { return due }
            minute = found
        }
        return nil
    }

    private static func trimmed(_ text: String) -> Substring {
        var rest = text[...]
        while rest.first?.isWhitespace == true { rest.removeFirst() }
        while rest.last?.isWhitespace == true { rest.removeLast() }
        return rest
    }

    /// What stands between `word(` and `)`.
    private static func inside(_ word: String, of text: Substring) -> Substring? {
        guard text.hasPrefix(word + "("), text.hasSuffix(")") else { return nil }
        return text.dropFirst(word.count + 1).dropLast()
    }

    /// The seconds of AWS's `rate(…)`: singular for 1, plural for more.
    private static func period(of text: Substring) throws(PolicyError) -> Int {
        let words = text.split(separator: " ")
        let scale = ["minute": 60, "hour": 3_600, "day": 86_400]
        if words.count == 2, words[0].count <= 6, let count = Int(words[0]), count >= 1,
            !words[0].hasPrefix("+"),
            let seconds = scale[count == 1 ? String(words[1]) : String(words[1].dropLast())],
            count == 1 || words[1].hasSuffix("s"), count * seconds <= 3_660 * 86_400
        {
            return count * seconds
        }
        throw PolicyError(
            .badValue,
            "'rate(\(PolicyNode.shortened(String(text))))' is no rate",
            remedy: "Write rate(1 hour), rate(30 minutes), rate(7 days): singular for 1."
        )
    }
}
