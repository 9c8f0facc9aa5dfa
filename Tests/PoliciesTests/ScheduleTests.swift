import Foundation
import Policies
import Testing
import VarveModel

/// Instants as people write them.
func instant(_ text: String) throws -> Timestamp {
    let date = try Date(text, strategy: .iso8601)
    return Timestamp(seconds: Int64(date.timeIntervalSince1970))
}

/// As `2026-11-23T14:03:22Z`.
func text(_ instant: Timestamp?) -> String {
    guard let instant else { return "never" }
    return Date(timeIntervalSince1970: Double(instant.seconds)).ISO8601Format()
}

@Suite struct ScheduleTests {
    /// The next `count` due instants.
    func dues(
        _ expression: String,
        zone: String = "UTC",
        after: String,
        _ count: Int
    ) throws -> [String] {
        let schedule = try Schedule(
            parsing: expression,
            timeZone: try TimeZoneDatabase.system.rules(named: zone)
        )
        var found: [String] = []
        var at: Timestamp? = try instant(after)
        for _ in 0..<count {
            at = at.flatMap { schedule.next(after: $0) }
            found.append(text(at))
        }
        return found
    }

    @Test func `five fields are crontab's`() throws {
        #expect(
            try dues("0 2 * * *", after: "2026-11-23T02:00:00Z", 2)
                == ["2026-11-24T02:00:00Z", "2026-11-25T02:00:00Z"]
        )
        #expect(
            try dues("*/20 9-10 * * mon-fri", after: "2026-11-20T10:39:59Z", 3)
                == ["2026-11-20T10:40:00Z", "2026-11-23T09:00:00Z", "2026-11-23T09:20:00Z"]
        )
        #expect(
            try dues("@monthly", after: "2026-11-23T00:00:00Z", 2)
                == ["2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"]
        )
    }

    @Test func `two restricted day fields of crontab are alternatives`() throws {
        // Friday the 13th would be 13 and FRI; crontab(5) means either.
        #expect(
            try dues("0 0 13 * 5", after: "2026-11-07T00:00:00Z", 4) == [
                "2026-11-13T00:00:00Z", "2026-11-20T00:00:00Z", "2026-11-27T00:00:00Z",
                "2026-12-04T00:00:00Z",
            ]
        )
        // A field that begins with a star restricts, but never widens.
        #expect(
            try dues("0 0 */2 * 5", after: "2026-11-07T00:00:00Z", 2)
                == ["2026-11-13T00:00:00Z", "2026-11-27T00:00:00Z"]
        )
    }

    @Test func `in crontab both 0 and 7 are Sunday`() throws {
        for expression in ["0 0 * * 0", "0 0 * * 7", "0 0 * * SUN", "0 0 * * 7-7"] {
            #expect(
                try dues(expression, after: "2026-11-23T00:00:00Z", 1) == ["2026-11-29T00:00:00Z"]
            )
        }
        #expect(
            try dues("0 0 * * 6-1", after: "2026-11-27T00:00:00Z", 4) == [
                "2026-11-28T00:00:00Z", "2026-11-29T00:00:00Z", "2026-11-30T00:00:00Z",
                "2026-12-05T00:00:00Z",
            ]
        )
    }

    @Test func `six fields are AWS's, whose Sunday is 1`() throws {
        #expect(
            try dues("cron(0 5 ? * * *)", after: "2026-11-23T05:00:00Z", 1)
                == ["2026-11-24T05:00:00Z"]
        )
        #expect(
            try dues("cron(15 12 ? * 1 *)", after: "2026-11-23T00:00:00Z", 1)
                == ["2026-11-29T12:15:00Z"]
        )
        #expect(
            try dues("cron(0 0 ? * FRI-MON *)", after: "2026-11-23T00:00:00Z", 3)
                == ["2026-11-27T00:00:00Z", "2026-11-28T00:00:00Z", "2026-11-29T00:00:00Z"]
        )
        #expect(
            try dues("cron(0 0 1 1 ? 2026,2030-2032/2)", after: "2026-11-23T00:00:00Z", 3)
                == ["2030-01-01T00:00:00Z", "2032-01-01T00:00:00Z", "never"]
        )
    }

    @Test func `AWS's L, W and # name days by the month`() throws {
        #expect(
            try dues("cron(0 0 L * ? *)", after: "2027-01-31T00:00:00Z", 2)
                == ["2027-02-28T00:00:00Z", "2027-03-31T00:00:00Z"]
        )
        // 15 November 2026 is a Sunday: Monday the 16th is nearest. 1 August 2026 is a Saturday:
        // Friday is in July, so Monday the 3rd.
        #expect(
            try dues("cron(0 0 15W 11 ? *)", after: "2026-11-01T00:00:00Z", 1)
                == ["2026-11-16T00:00:00Z"]
        )
        #expect(
            try dues("cron(0 0 1W 8 ? *)", after: "2026-07-01T00:00:00Z", 1)
                == ["2026-08-03T00:00:00Z"]
        )
        // 31 January 2027 is a Sunday.
        #expect(
            try dues("cron(0 0 LW * ? *)", after: "2027-01-01T00:00:00Z", 2)
                == ["2027-01-29T00:00:00Z", "2027-02-26T00:00:00Z"]
        )
        #expect(
            try dues("cron(0 0 ? * TUE#2 *)", after: "2026-11-01T00:00:00Z", 2)
                == ["2026-11-10T00:00:00Z", "2026-12-08T00:00:00Z"]
        )
        #expect(
            try dues("cron(0 0 ? * 3#5 *)", after: "2026-11-01T00:00:00Z", 1)
                == ["2026-12-29T00:00:00Z"]
        )
        #expect(
            try dues("cron(0 0 ? * 6L *)", after: "2026-11-01T00:00:00Z", 2)
                == ["2026-11-27T00:00:00Z", "2026-12-25T00:00:00Z"]
        )
        #expect(
            try dues("cron(0 0 ? * L *)", after: "2026-11-23T00:00:00Z", 1)
                == ["2026-11-28T00:00:00Z"]
        )
    }

    @Test func `a rate is due at the multiples of its period`() throws {
        #expect(
            try dues("rate(12 hours)", zone: "Asia/Kathmandu", after: "2026-11-23T00:00:00Z", 2)
                == ["2026-11-23T12:00:00Z", "2026-11-24T00:00:00Z"]
        )
        #expect(
            try dues("rate(1 minute)", after: "1969-12-31T23:58:30Z", 2)
                == ["1969-12-31T23:59:00Z", "1970-01-01T00:00:00Z"]
        )
        #expect(
            try dues("rate(7 days)", after: "2026-11-23T00:00:00Z", 1)
                == ["2026-11-26T00:00:00Z"]
        )
    }

    @Test func `a time that the zone skips is due at the end of the gap`() throws {
        // Berlin, 29 March 2026: 02:00 to 03:00 does not exist.
        #expect(
            try dues("30 2 * * *", zone: "Europe/Berlin", after: "2026-03-28T02:00:00Z", 2)
                == ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]
        )
        // Several skipped times and the one at the end of the gap are one instant.
        #expect(
            try dues("*/20 2,3 * * *", zone: "Europe/Berlin", after: "2026-03-29T00:00:00Z", 2)
                == ["2026-03-29T01:00:00Z", "2026-03-29T01:20:00Z"]
        )
    }

    @Test func `a time that comes twice is due the first time`() throws {
        // Berlin, 25 October 2026: 02:00 to 03:00 comes twice, at 00:00 and 01:00 UTC.
        #expect(
            try dues("30 2 * * *", zone: "Europe/Berlin", after: "2026-10-24T12:00:00Z", 2)
                == ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]
        )
        #expect(
            try dues("30 2 * * *", zone: "Europe/Berlin", after: "2026-10-25T00:45:00Z", 1)
                == ["2026-10-26T01:30:00Z"]
        )
    }

    @Test func `hourly stays hourly when clocks change`() throws {
        #expect(
            try dues("30 * * * *", zone: "Europe/Berlin", after: "2026-10-24T23:30:00Z", 3)
                == ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:30:00Z"]
        )
        #expect(
            try dues("cron(30 * * * ? *)", zone: "Europe/Berlin", after: "2026-03-29T00:30:00Z", 2)
                == ["2026-03-29T01:30:00Z", "2026-03-29T02:30:00Z"]
        )
    }

    @Test func `a day that the zone skips is caught up at its end`() throws {
        // Samoa had no 30 December 2011.
        #expect(
            try dues("0 12 * * *", zone: "Pacific/Apia", after: "2011-12-29T22:00:00Z", 2)
                == ["2011-12-30T10:00:00Z", "2011-12-30T22:00:00Z"]
        )
    }

    @Test func `fractions of a second do not repeat a due instant`() throws {
        let schedule = try Schedule(parsing: "* * * * *")
        let due = try instant("2026-11-23T14:03:00Z")
        let before = Timestamp(seconds: due.seconds - 1, nanoseconds: 999_999_999)
        #expect(schedule.next(after: before) == due)
        let after = Timestamp(seconds: due.seconds, nanoseconds: 1)
        #expect(schedule.next(after: after) == due.adding(seconds: 60))
    }

    @Test func `a leap day is found eight years on`() throws {
        #expect(
            try dues("0 0 29 2 *", after: "2096-03-01T00:00:00Z", 1) == ["2104-02-29T00:00:00Z"]
        )
    }

    @Test func `dues of years are counted up to a bound, and the last one is exact`() throws {
        let schedule = try Schedule(parsing: "*/5 8-17 * * 1-5")
        let from = try instant("2023-01-01T00:00:00Z")
        let until = try instant("2026-11-22T12:00:00Z")  // A Sunday.
        let dues = try #require(schedule.dues(after: from, through: until))
        #expect(text(dues.first) == "2023-01-02T08:00:00Z")
        #expect(text(dues.last) == "2026-11-20T17:55:00Z")
        #expect(dues.count == 1_000 && !dues.isCountExact)
        let day = try #require(
            schedule.dues(after: from, through: try instant("2023-01-02T23:00:00Z"))
        )
        #expect(day.count == 120 && day.isCountExact)
        #expect(text(day.last) == "2023-01-02T17:55:00Z")
        #expect(schedule.dues(after: until, through: until.adding(seconds: 3_600)) == nil)
    }
}
