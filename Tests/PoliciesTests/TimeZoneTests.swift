import Foundation
import Testing
import TestKit
import VarveModel

@testable import Policies

@Suite struct TimeZoneTests {
    @Test(arguments: ScheduleProperties.zones)
    func `offsets agree with Foundation's`(name: String) throws {
        let zone = try #require(TimeZone(identifier: name))
        let rules = try TimeZoneDatabase.system.rules(named: name)
        var random = SeededGenerator(seed: testSeed(default: 44))
        for _ in 0..<2_000 {
            // 1980 to 2036: older history and farther futures differ between databases.
            let second = Int.random(in: 315_532_800..<2_082_758_400, using: &random)
            let expected = zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(second)))
            #expect(rules.span(at: second).offset == expected, "\(name) at \(second)")
        }
    }

    @Test func `the closing rule reaches to the end of the grammar's years`() throws {
        let rules = try TimeZoneDatabase.system.rules(named: "Europe/Berlin")
        // Noon of 1 January and 1 July 2199.
        let winter = CivilDate(year: 2199, month: 1, day: 1).daysSince1970 * 86_400
        let summer = CivilDate(year: 2199, month: 7, day: 1).daysSince1970 * 86_400
        #expect(rules.span(at: winter).offset == 3_600)
        #expect(rules.span(at: summer).offset == 7_200)
    }

    @Test(arguments: [
        ("CET-1CEST,M3.5.0,M10.5.0/3", 3_600, "2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z"),
        ("EST5EDT,M3.2.0,M11.1.0", -18_000, "2026-03-08T07:00:00Z", "2026-11-01T06:00:00Z"),
        ("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", -7_200, "2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z"),
        ("XST0XDT-2:30,J60/1,J300", 0, "2026-03-01T01:00:00Z", "2026-10-26T23:30:00Z"),
        ("XST0XDT,59,299", 0, "2026-03-01T02:00:00Z", "2026-10-27T01:00:00Z"),
    ])
    func `POSIX rules are read`(rule: String, offset: Int, begin: String, end: String) throws {
        let parsed = try #require(TimeZoneRule(rule))
        #expect(parsed.standardOffset == offset)
        let first = CivilDate(year: 2026, month: 1, day: 1).daysSince1970 * 86_400
        let changes = parsed.changes(after: first, throughYear: 2026)
        #expect(
            changes.map(\.at) == [try instant(begin), try instant(end)].map { Int($0.seconds) }
        )
    }

    @Test(arguments: ["", "C", "CET", "CET-1CEST", "CET-1CEST,M13.1.0,M1.1.0", "CET-999", "<CET-1"])
    func `what is no POSIX rule is refused`(rule: String) {
        #expect(TimeZoneRule(rule) == nil)
    }

    @Test(arguments: [
        "../../etc/passwd", "/etc/passwd", "Europe", "Europe/", "Europe//Berlin", "", "zone.tab",
        "Europe/Berlin ", "Europe/B\u{e4}rlin",
    ])
    func `what is no zone is refused`(name: String) {
        #expect(throws: PolicyError.self) { try TimeZoneDatabase.system.rules(named: name) }
    }

    @Test func `a misspelt zone is named`() throws {
        let error = #expect(throws: PolicyError.self) {
            try TimeZoneDatabase.system.rules(named: "europe/berlin")
        }
        #expect(error?.remedy == "Did you mean 'Europe/Berlin'?")
        let missing = #expect(throws: PolicyError.self) {
            try TimeZoneDatabase(directory: "/nowhere").rules(named: "Europe/Berlin")
        }
        #expect(missing?.remedy == "Install the package tzdata, or use UTC.")
        #expect(try TimeZoneDatabase(directory: "/nowhere").rules(named: "UTC") == .utc)
    }

    @Test func `any bytes are a zone or a typed error`() throws {
        let sources = try ["Europe/Berlin", "Africa/Casablanca", "Asia/Kathmandu"].map {
            [UInt8](try Data(contentsOf: URL(fileURLWithPath: "/usr/share/zoneinfo/" + $0)))
        }
        var random = SeededGenerator(seed: testSeed(default: 45))
        var good = 0
        for round in 0..<TestSizes.current.fuzzInputs {
            var bytes = sources[round % sources.count]
            if round % 3 == 0 { bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random)) }
            for _ in 0..<Int.random(in: 0...4, using: &random) where !bytes.isEmpty {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] =
                    UInt8.random(in: .min ... .max, using: &random)
            }
            do throws(PolicyError) {
                let rules = try TimeZoneFile.rules(bytes, name: "Fuzz/Zone")
                good += 1
                let second = Int.random(in: -4_000_000_000..<8_000_000_000, using: &random)
                #expect(abs(rules.span(at: second).offset) < 168 * 3_600 + 86_400)
                _ = rules.firstInstant(showing: second)
            } catch {
                #expect(error.code == .badValue)
            }
        }
        #expect(good > 0)
    }
}
