import VarveModel

/// The rule for all later years at the end of a time zone file: POSIX's `TZ` syntax.
///
/// As `CET-1CEST,M3.5.0,M10.5.0/3` (POSIX.1-2017 §8.3, with RFC 9636 §3.3's hours of −167 to 167).
struct TimeZoneRule {
    /// When in a year the offset changes.
    struct Change {
        enum Day {
            /// 1 to 365; 29 February is never counted.
            case julian(Int)
            /// 0 to 365; 29 February is counted.
            case ordinal(Int)
            /// The weekday (0 is Sunday) of week 1 to 5 (5 is the last) of a month.
            case weekday(month: Int, week: Int, weekday: Int)
        }

        let day: Day
        /// Seconds after local midnight.
        let time: Int

        /// Seconds since 1970-01-01 00:00 of the local time before the change.
        func local(in year: Int) -> Int {
            let firstDay = CivilDate(year: year, month: 1, day: 1).daysSince1970
            let days: Int
            switch day {
            case .julian(let number):
                let hasLeapDay = CivilDate.daysIn(month: 2, of: year) == 29
                days = firstDay + number - 1 + (hasLeapDay && number >= 60 ? 1 : 0)
            case .ordinal(let number):
                days = firstDay + number
            case .weekday(let month, let week, let weekday):
                let first = CivilDate(year: year, month: month, day: 1)
                var date = 1 + (weekday - first.weekday + 7) % 7 + (week - 1) * 7
                if date > CivilDate.daysIn(month: month, of: year) { date -= 7 }
                days = first.daysSince1970 + date - 1
            }
            return days * 86_400 + time
        }
    }

    /// Local minus UTC, in seconds.
    let standardOffset: Int
    /// The other offset and when it begins and ends; `nil` when the offset never changes.
    let summer: (offset: Int, begin: Change, end: Change)?

    /// `nil` for text that is no rule.
    init?(_ text: String) {
        var scanner = Scanner(rest: Array(text.utf8)[...])
        guard scanner.skipName(), let west = scanner.time() else { return nil }
        standardOffset = -west
        if scanner.rest.isEmpty {
            summer = nil
            return
        }
        guard scanner.skipName() else { return nil }
        var offset = standardOffset + 3_600
        if let first = scanner.rest.first, first != UInt8(ascii: ",") {
            guard let west = scanner.time() else { return nil }
            offset = -west
        }
        guard scanner.skip(","), let begin = scanner.change(), scanner.skip(","),
            let end = scanner.change(), scanner.rest.isEmpty
        else { return nil }
        summer = (offset, begin, end)
    }

    /// The changes of offset later than `last`, in order.
    func changes(after last: Int, throughYear end: Int) -> [(at: Int, offset: Int)] {
        guard let summer else {
            // The file's last transition has led here already; without one this changes nothing.
            return []
        }
        let second = max(last, -(1 << 40))
        let first = max(1970, CivilDate(daysSince1970: second / 86_400).year - 1)
        guard first <= end else { return [] }
        return (first...end).flatMap { year in
            [
                (at: summer.begin.local(in: year) - standardOffset, offset: summer.offset),
                (at: summer.end.local(in: year) - summer.offset, offset: standardOffset),
            ]
        }.filter { $0.at > last }.sorted { $0.at < $1.at }
    }

    private struct Scanner {
        var rest: ArraySlice<UInt8>

        mutating func skip(_ character: Unicode.Scalar) -> Bool {
            guard rest.first == UInt8(ascii: character) else { return false }
            rest.removeFirst()
            return true
        }

        /// `CET` or `<+0330>`.
        mutating func skipName() -> Bool {
            if skip("<") {
                rest = rest.drop { $0 != UInt8(ascii: ">") }
                return skip(">")
            }
            let name = rest.prefix { byte in
                (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte & 0xDF)
            }
            rest = rest.dropFirst(name.count)
            return name.count >= 3
        }

        mutating func number(upTo limit: Int) -> Int? {
            let digits = rest.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
            guard (1...3).contains(digits.count) else { return nil }
            rest = rest.dropFirst(digits.count)
            let value = digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
            return value <= limit ? value : nil
        }

        /// `[+-]h[hh][:mm[:ss]]`, in seconds.
        mutating func time() -> Int? {
            let sign = skip("-") ? -1 : 1
            if sign == 1 { _ = skip("+") }
            guard let hours = number(upTo: 167) else { return nil }
            var seconds = hours * 3_600
            if skip(":") {
                guard let minutes = number(upTo: 59) else { return nil }
                seconds += minutes * 60
                if skip(":") {
                    guard let more = number(upTo: 59) else { return nil }
                    seconds += more
                }
            }
            return sign * seconds
        }

        /// `Mm.w.d`, `Jn` or `n`, and `/time`; 02:00 without one.
        mutating func change() -> Change? {
            let day: Change.Day
            if skip("M") {
                guard let month = number(upTo: 12), skip("."), let week = number(upTo: 5),
                    skip("."), let weekday = number(upTo: 6), month >= 1, week >= 1
                else { return nil }
                day = .weekday(month: month, week: week, weekday: weekday)
            } else if skip("J") {
                guard let number = number(upTo: 365), number >= 1 else { return nil }
                day = .julian(number)
            } else {
                guard let number = number(upTo: 365) else { return nil }
                day = .ordinal(number)
            }
            guard skip("/") else { return Change(day: day, time: 2 * 3_600) }
            return time().map { Change(day: day, time: $0) }
        }
    }
}
