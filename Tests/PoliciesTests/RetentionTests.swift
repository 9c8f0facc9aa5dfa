import Foundation
import Testing
import TestKit
import VarveModel

@testable import Policies

@Suite struct RetentionTests {
    func points(_ created: [String]) throws -> [RetentionPoint<String>] {
        try created.map { RetentionPoint(id: $0, created: try instant($0)) }
    }

    func kept(
        _ rule: RetentionRule,
        _ created: [String],
        now: String,
        zone: String = "UTC"
    ) throws -> [String] {
        rule.verdicts(
            try points(created),
            now: try instant(now),
            timeZone: try TimeZoneDatabase.system.rules(named: zone)
        ).filter(\.isKept).map(\.point.id)
    }

    @Test func `age expires to the second, and nothing keeps for ever by default`() throws {
        let rule = RetentionRule(deleteAfterDays: 30)
        let created = ["2026-10-24T14:00:00Z", "2026-10-24T14:00:01Z"]
        #expect(try kept(rule, created, now: "2026-11-23T13:59:59Z") == created)
        #expect(try kept(rule, created, now: "2026-11-23T14:00:00Z") == [created[1]])
        #expect(try kept(rule, created, now: "2026-11-24T14:00:00Z") == [])
        #expect(try kept(.forever, created, now: "2199-01-01T00:00:00Z") == created)
        #expect(
            text(rule.certainExpiry(created: try instant(created[0]))) == "2026-11-23T14:00:00Z"
        )
        #expect(
            RetentionRule(deleteAfterDays: 3, keep: [.first: 1]).certainExpiry(created: .epoch)
                == nil
        )
        #expect(RetentionRule.forever.certainExpiry(created: .epoch) == nil)
    }

    @Test func `a point is due for cold storage to the second, and never without days`() throws {
        let rule = RetentionRule(deleteAfterDays: 120, moveToColdAfterDays: 30)
        let created = try instant("2026-10-24T14:00:00Z")
        #expect(!rule.isDueForCold(created: created, now: try instant("2026-11-23T13:59:59Z")))
        #expect(rule.isDueForCold(created: created, now: try instant("2026-11-23T14:00:00Z")))
        let warm = RetentionRule(deleteAfterDays: 120)
        #expect(!warm.isDueForCold(created: created, now: try instant("2199-01-01T00:00:00Z")))
    }

    @Test func `a pinned point stays, and a rule's reasons are told`() throws {
        let rule = RetentionRule(deleteAfterDays: 1, keep: [.first: 1, .last: 1, .monthly: 2])
        let verdicts = rule.verdicts(
            [
                RetentionPoint(id: 3, created: try instant("2026-11-20T00:00:00Z")),
                RetentionPoint(id: 1, created: try instant("2026-01-01T00:00:00Z")),
                RetentionPoint(id: 2, created: try instant("2026-10-01T00:00:00Z"), isPinned: true),
                RetentionPoint(id: 4, created: try instant("2026-11-23T00:00:00Z")),
            ],
            now: try instant("2026-11-23T12:00:00Z")
        )
        #expect(verdicts.map(\.point.id) == [1, 2, 3, 4])
        #expect(verdicts[0].reasons == [.rule(.first)])
        #expect(verdicts[1].reasons == [.pinned, .rule(.monthly)])
        #expect(verdicts[2].reasons == [])
        #expect(
            verdicts[3].reasons == [
                .young(until: try instant("2026-11-24T00:00:00Z")), .rule(.last), .rule(.monthly),
            ]
        )
    }

    @Test func `days are local, weeks begin on Monday, and the hour that comes twice is one`()
        throws
    {
        let daily = RetentionRule(deleteAfterDays: nil, keep: [.daily: 9])
        let evening = ["2026-11-22T22:30:00Z", "2026-11-22T23:30:00Z"]
        #expect(try kept(daily, evening, now: "2026-11-23T00:00:00Z") == [evening[1]])
        #expect(
            try kept(daily, evening, now: "2026-11-23T00:00:00Z", zone: "Europe/Berlin") == evening
        )
        let weekly = RetentionRule(deleteAfterDays: nil, keep: [.weekly: 9])
        let week = ["2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z"]
        #expect(try kept(weekly, week, now: "2026-12-01T00:00:00Z") == Array(week[1...]))
        let hourly = RetentionRule(deleteAfterDays: nil, keep: [.hourly: 9])
        let twice = ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:30:00Z"]
        #expect(
            try kept(hourly, twice, now: "2026-11-01T00:00:00Z", zone: "Europe/Berlin")
                == Array(twice[1...])
        )
    }

    /// A point's periods by Foundation's calendar: what two points of one period share.
    static func periods(
        _ point: RetentionPoint<Int>,
        _ calendar: Calendar
    ) -> [RetentionRule.Keep: [Int?]] {
        let date = Date(timeIntervalSince1970: Double(point.created.seconds))
        let parts = calendar.dateComponents(
            [.year, .month, .day, .hour, .weekOfYear, .yearForWeekOfYear],
            from: date
        )
        return [
            .hourly: [parts.year, parts.month, parts.day, parts.hour],
            .daily: [parts.year, parts.month, parts.day],
            .weekly: [parts.yearForWeekOfYear, parts.weekOfYear],
            .monthly: [parts.year, parts.month],
            .yearly: [parts.year],
        ]
    }

    /// Who is kept by the words of the documentation, point by point.
    static func model(
        _ rule: RetentionRule,
        _ points: [RetentionPoint<Int>],
        now: Timestamp,
        zone: TimeZone
    ) -> Set<Int> {
        var calendar = Calendar(identifier: .iso8601)
        calendar.timeZone = zone
        let periods = Dictionary(
            uniqueKeysWithValues: points.map { ($0.id, Self.periods($0, calendar)) }
        )
        func isOlder(_ left: RetentionPoint<Int>, _ right: RetentionPoint<Int>) -> Bool {
            left.created < right.created || (left.created == right.created && left.id < right.id)
        }
        return Set(
            points.filter { point in
                if point.isPinned { return true }
                if let days = rule.deleteAfterDays {
                    if now.seconds < point.created.seconds + Int64(days) * 86_400 { return true }
                } else if rule.keep.isEmpty {
                    return true
                }
                let newer = points.filter { isOlder(point, $0) }
                return rule.keep.contains { keep, count in
                    switch keep {
                    case .first: return points.count { isOlder($0, point) } < count
                    case .last: return newer.count < count
                    default:
                        let own = periods[point.id]?[keep]
                        let later = Set(newer.map { periods[$0.id]?[keep] })
                        return !later.contains(own) && later.count < count
                    }
                }
            }.map(\.id)
        )
    }

    static func rule(using random: inout SeededGenerator) -> RetentionRule {
        var keep: [RetentionRule.Keep: Int] = [:]
        for kind in RetentionRule.Keep.allCases where Int.random(in: 0..<3, using: &random) == 0 {
            keep[kind] = Int.random(in: 1...6, using: &random)
        }
        let days =
            Bool.random(using: &random) ? Int.random(in: 1...60, using: &random) : nil
        return RetentionRule(deleteAfterDays: days, keep: keep)
    }

    @Test(arguments: ["UTC", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"])
    func `verdicts agree with the words of the documentation`(name: String) throws {
        let zone = try #require(TimeZone(identifier: name))
        let rules = try TimeZoneDatabase.system.rules(named: name)
        var random = SeededGenerator(seed: testSeed(default: 49))
        var kept = 0
        var expired = 0
        for _ in 0..<(TestSizes.current.fuzzInputs / 20) {
            let rule = Self.rule(using: &random)
            // From a day to four years between the first and the last.
            let span =
                Int64.random(in: 1...50, using: &random)
                * .random(in: 3_600...2_600_000, using: &random)
            let points = (0..<Int.random(in: 0...40, using: &random)).map { id in
                RetentionPoint(
                    id: id,
                    created: Timestamp(
                        seconds: 1_790_000_000 + Int64.random(in: 0...span, using: &random) / 900
                            * 900
                    ),
                    isPinned: Int.random(in: 0..<20, using: &random) == 0
                )
            }
            let now = Timestamp(
                seconds: 1_790_000_000 + Int64.random(in: 0...2 * span, using: &random)
            )
            let verdicts = rule.verdicts(points, now: now, timeZone: rules)
            let expected = Self.model(rule, points, now: now, zone: zone)
            #expect(Set(verdicts.filter(\.isKept).map(\.point.id)) == expected, "\(rule) \(name)")
            #expect(verdicts.map(\.point.created) == points.map(\.created).sorted())
            kept += expected.count
            expired += points.count - expected.count
        }
        #expect(kept > 0 && expired > 0)
    }

    @Test func `deleting what expired as time goes on ends as judging all at the end`() throws {
        var random = SeededGenerator(seed: testSeed(default: 50))
        for _ in 0..<(TestSizes.current.fuzzInputs / 100) {
            let rule = Self.rule(using: &random)
            var all: [RetentionPoint<Int>] = []
            var left: [RetentionPoint<Int>] = []
            var now = Timestamp(seconds: 1_790_000_000)
            for id in 0..<60 {
                now = now.adding(seconds: Int64.random(in: 1...400_000, using: &random))
                let point = RetentionPoint(id: id, created: now)
                all.append(point)
                left.append(point)
                left = rule.verdicts(left, now: now).filter(\.isKept).map(\.point)
            }
            let judged = rule.verdicts(all, now: now).filter(\.isKept).map(\.point)
            #expect(left == judged, "\(rule)")
        }
    }
}
