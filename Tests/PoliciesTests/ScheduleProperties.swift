import Foundation
import Testing
import TestKit
import VarveModel

@testable import Policies

/// The schedule against a model that tries every minute.
///
/// The model never parses: the generator makes an expression and, beside it, what it means. Its
/// offsets come from Foundation, which has a time zone database of its own.
@Suite struct ScheduleProperties {
    static let zones = [
        "UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/St_Johns",
        "Asia/Kathmandu", "Africa/Casablanca", "America/Havana", "Antarctica/Troll",
        "Europe/Dublin", "Pacific/Chatham", "America/Santiago", "Asia/Beirut", "Atlantic/Azores",
    ]

    /// A local minute of the calendar.
    struct Moment {
        let minute, hour, day, month, year, weekday, lastDay: Int

        init(localMinute: Int) {
            var days = localMinute / 1_440
            hour = localMinute / 60 % 24
            minute = localMinute % 60
            weekday = (days + 4) % 7
            var year = 1970
            func isLeap(_ year: Int) -> Bool {
                year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
            }
            while days >= (isLeap(year) ? 366 : 365) {
                days -= isLeap(year) ? 366 : 365
                year += 1
            }
            let lengths = [31, isLeap(year) ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
            var month = 0
            while days >= lengths[month] {
                days -= lengths[month]
                month += 1
            }
            self.year = year
            self.month = month + 1
            day = days + 1
            lastDay = lengths[month]
        }

        func weekday(ofDay other: Int) -> Int { ((weekday + other - day) % 7 + 7) % 7 }
    }

    struct Expression {
        let text: String
        let hours: Set<Int>
        let matches: (Moment) -> Bool
    }

    /// A field's text and the values that it means.
    static func field(
        _ range: ClosedRange<Int>,
        names: [String] = [],
        using random: inout SeededGenerator
    ) -> (text: String, values: Set<Int>) {
        func word(_ value: Int) -> String {
            guard !names.isEmpty, Bool.random(using: &random) else { return "\(value)" }
            let name = names[value - range.lowerBound]
            return Bool.random(using: &random) ? name : name.lowercased()
        }
        let span = range.count
        func walk(from: Int, to: Int, by step: Int) -> [Int] {
            let length = to >= from ? to - from : to - from + span
            return stride(from: 0, through: length, by: step).map {
                range.lowerBound + (from - range.lowerBound + $0) % span
            }
        }
        var texts: [String] = []
        var values: Set<Int> = []
        for _ in 0..<Int.random(in: 1...3, using: &random) {
            let first = Int.random(in: range, using: &random)
            let second = Int.random(in: range, using: &random)
            let step = Int.random(in: 1..<span, using: &random)
            switch Int.random(in: 0..<7, using: &random) {
            case 0:
                texts.append("*/\(step)")
                values.formUnion(walk(from: range.lowerBound, to: range.upperBound, by: step))
            case 1:
                texts.append("\(word(first))-\(word(second))")
                values.formUnion(walk(from: first, to: second, by: 1))
            case 2:
                texts.append("\(first)-\(second)/\(step)")
                values.formUnion(walk(from: first, to: second, by: step))
            case 3:
                texts.append("\(first)/\(step)")
                values.formUnion(walk(from: first, to: range.upperBound, by: step))
            default:
                texts.append(word(first))
                values.insert(first)
            }
        }
        return (texts.joined(separator: ","), values)
    }

    static func star(
        _ range: ClosedRange<Int>,
        oneIn odds: Int,
        names: [String] = [],
        using random: inout SeededGenerator
    ) -> (text: String, values: Set<Int>) {
        Int.random(in: 0..<odds, using: &random) == 0
            ? field(range, names: names, using: &random) : ("*", Set(range))
    }

    static let monthNames = [
        "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
    ]
    static let dayNames = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]

    static func expression(using random: inout SeededGenerator) -> Expression {
        let minute = field(0...59, using: &random)
        let hour = star(0...23, oneIn: 2, using: &random)
        let month = star(1...12, oneIn: 4, names: monthNames, using: &random)
        guard Bool.random(using: &random) else {
            let day = star(1...31, oneIn: 3, using: &random)
            let week = star(0...6, oneIn: 3, names: dayNames, using: &random)
            let isEither = !day.text.hasPrefix("*") && !week.text.hasPrefix("*")
            return Expression(
                text: "\(minute.text) \(hour.text) \(day.text) \(month.text) \(week.text)",
                hours: hour.values
            ) { moment in
                let first = day.values.contains(moment.day)
                let second = week.values.contains(moment.weekday)
                return minute.values.contains(moment.minute) && hour.values.contains(moment.hour)
                    && month.values.contains(moment.month)
                    && (isEither ? first || second : first && second)
            }
        }
        let days = awsDays(using: &random)
        return Expression(
            text: "cron(\(minute.text) \(hour.text) \(days.month) \(month.text) \(days.week) *)",
            hours: hour.values
        ) { moment in
            minute.values.contains(moment.minute) && hour.values.contains(moment.hour)
                && month.values.contains(moment.month) && days.matches(moment)
        }
    }

    static func awsDays(
        using random: inout SeededGenerator
    ) -> (month: String, week: String, matches: (Moment) -> Bool) {
        let number = Int.random(in: 1...31, using: &random)
        let weekday = Int.random(in: 0...6, using: &random)
        let count = Int.random(in: 1...5, using: &random)
        switch Int.random(in: 0..<9, using: &random) {
        case 0: return ("*", "?", { _ in true })
        case 1: return ("L", "?", { $0.day == $0.lastDay })
        case 2:
            return (
                "LW", "?",
                { moment in
                    (1...moment.lastDay).last { (1...5).contains(moment.weekday(ofDay: $0)) }
                        == moment.day
                }
            )
        case 3:
            return (
                "\(number)W", "?",
                { moment in
                    guard number <= moment.lastDay else { return false }
                    return (1...moment.lastDay)
                        .filter { (1...5).contains(moment.weekday(ofDay: $0)) }
                        .min { abs($0 - number) < abs($1 - number) } == moment.day
                }
            )
        case 4:
            return (
                "?", "\(weekday + 1)#\(count)",
                { moment in
                    let days = (1...moment.lastDay).filter {
                        moment.weekday(ofDay: $0) == weekday
                    }
                    return days.count >= count && days[count - 1] == moment.day
                }
            )
        case 5:
            return (
                "?", "\(dayNames[weekday])L",
                { moment in
                    (1...moment.lastDay).last { moment.weekday(ofDay: $0) == weekday }
                        == moment.day
                }
            )
        case 6:
            let day = field(1...31, using: &random)
            return (day.text, "?", { day.values.contains($0.day) })
        default:
            let week = field(1...7, names: dayNames, using: &random)
            return ("?", week.text, { week.values.contains($0.weekday + 1) })
        }
    }

    /// Every due second in a window, by trying every minute from four days before it.
    static func model(
        _ expression: Expression,
        zone: TimeZone,
        from: Int,
        minutes: Int
    ) -> [Int] {
        var due: [Int] = []
        var shown: Int?
        var offset = 0
        for step in -5_760..<minutes {
            let second = from + step * 60
            if step % 15 == 0 || shown == nil {
                offset = zone.secondsFromGMT(
                    for: Date(timeIntervalSince1970: Double(second))
                )
            }
            let local = (second + offset) / 60
            defer { shown = max(shown ?? local, local) }
            let fresh: ClosedRange<Int>?
            if expression.hours.count == 24 {
                fresh = local...local
            } else {
                let next = shown.map { $0 + 1 } ?? local
                fresh = local >= next ? next...local : nil
            }
            guard step > 0, let fresh,
                fresh.contains(where: { expression.matches(Moment(localMinute: $0)) })
            else { continue }
            due.append(second)
        }
        return due
    }

    @Test(arguments: zones)
    func `a schedule agrees with trying every minute`(name: String) throws {
        let index = try #require(Self.zones.firstIndex(of: name))
        var random = SeededGenerator(seed: testSeed(default: 41) &+ UInt64(index))
        let zone = try #require(TimeZone(identifier: name))
        let rules = try TimeZoneDatabase.system.rules(named: name)
        // Windows of 12 days around the zone's changes, or anywhere.
        let start = 1_750_000_000 / 900 * 900
        let changes = rules.transitions.filter { (start..<start + 3 * 31_622_400).contains($0) }
        var dueCount = 0
        var neverCount = 0
        for _ in 0..<(TestSizes.current.fuzzInputs / 40) {
            let expression = Self.expression(using: &random)
            let anchor =
                changes.randomElement(using: &random)
                ?? start + Int.random(in: 0..<100_000, using: &random) * 900
            let from = anchor - Int.random(in: 0..<600, using: &random) * 900
            let minutes = 12 * 1_440
            let expected = Self.model(expression, zone: zone, from: from, minutes: minutes)
            guard let schedule = try? Schedule(parsing: expression.text, timeZone: rules) else {
                // Only a day that never comes, as 30 February, may be refused.
                #expect(expected.isEmpty, "\(expression.text) is refused")
                neverCount += 1
                continue
            }
            let until = Timestamp(seconds: Int64(from + (minutes - 1) * 60))
            var found: [Int] = []
            var at = Timestamp(seconds: Int64(from))
            while let next = schedule.next(after: at), next <= until {
                found.append(Int(next.seconds))
                at = next
            }
            let wrong = Set(found).symmetricDifference(expected).min()
            #expect(
                wrong == nil && found == found.sorted(),
                "\(expression.text) in \(name) from second \(from)"
            )
            dueCount += found.count
            let dues = schedule.dues(
                after: Timestamp(seconds: Int64(from)),
                through: until,
                countMax: 20
            )
            #expect(dues?.last.seconds == expected.last.map(Int64.init))
            #expect(dues?.count ?? 0 == min(20, expected.count))
        }
        #expect(dueCount > 0)
        #expect(neverCount < TestSizes.current.fuzzInputs / 200)
    }

    @Test func `any text is a schedule or a typed error`() throws {
        var random = SeededGenerator(seed: testSeed(default: 42))
        let alphabet = Array("0123456789*/,-?LW# ()cronrateMONJAN@daily\u{e9}\t%")
        var parsed = 0
        for round in 0..<TestSizes.current.fuzzInputs {
            var text =
                round % 2 == 0
                ? Array(Self.expression(using: &random).text)
                : (0..<Int.random(in: 0..<40, using: &random)).map { _ in alphabet[0] }
            for _ in 0..<Int.random(in: 1...(round % 2 == 0 ? 2 : 40), using: &random)
            where !text.isEmpty {
                let at = Int.random(in: 0..<text.count, using: &random)
                text[at] = alphabet[Int.random(in: 0..<alphabet.count, using: &random)]
            }
            do throws(PolicyError) {
                let schedule = try Schedule(parsing: String(text))
                parsed += 1
                let now = Timestamp(seconds: 1_790_000_000)
                if let next = schedule.next(after: now) { #expect(next > now) }
            } catch {
                #expect(!error.message.isEmpty && !error.remedy.isEmpty)
            }
        }
        #expect(parsed > 0)
    }

    @Test func `the calendar agrees with Foundation's`() throws {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = try #require(TimeZone(secondsFromGMT: 0))
        var random = SeededGenerator(seed: testSeed(default: 43))
        for _ in 0..<500 {
            let days = Int.random(in: -50_000...100_000, using: &random)
            let date = CivilDate(daysSince1970: days)
            let parts = calendar.dateComponents(
                [.year, .month, .day, .weekday],
                from: Date(timeIntervalSince1970: Double(days) * 86_400)
            )
            #expect(parts.year == date.year && parts.month == date.month && parts.day == date.day)
            #expect(parts.weekday == date.weekday + 1)
            #expect(date.daysSince1970 == days)
            #expect(CivilDate(daysSince1970: date.weekStart).weekday == 1)
        }
    }
}
