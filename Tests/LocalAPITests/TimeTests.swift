import Foundation
import LocalAPI
import TestKit
import Testing
import VarveModel

@Suite struct TimeTests {
    @Test func `any time survives its text`() {
        var generator = SeededGenerator(seed: testSeed(default: 4))
        for _ in 0..<TestSizes.current.fuzzInputs {
            let time = Timestamp(
                seconds: Int64.random(in: -62_135_596_800...253_402_300_799, using: &generator),
                nanoseconds: UInt32.random(in: 0..<1_000_000_000, using: &generator)
            )
            #expect(TimeParser.rfc3339(TimeText(time).text) == time)
        }
    }

    @Test func `dates agree with Foundation's`() {
        var generator = SeededGenerator(seed: testSeed(default: 5))
        let formatter = ISO8601DateFormatter()
        for _ in 0..<500 {
            let seconds = Int64.random(in: -2_000_000_000...20_000_000_000, using: &generator)
            let theirs = formatter.string(from: Date(timeIntervalSince1970: Double(seconds)))
            #expect(TimeText(Timestamp(seconds: seconds)).text == theirs)
        }
    }

    @Test(arguments: [
        ("1970-01-01T00:00:00Z", 0), ("2026-11-23T14:03:22+01:00", 1_795_439_002),
        ("2026-11-23 14:03:22Z", 1_795_442_602), ("1969-12-31T23:59:59-00:00", -1),
        ("2000-02-29T12:00:00z", 951_825_600),
    ])
    func `RFC 3339 is read`(text: String, seconds: Int64) {
        #expect(TimeParser.rfc3339(text) == Timestamp(seconds: seconds))
    }

    @Test(arguments: [
        "", "2026-11-23", "2026-11-23T14:03Z", "2026-02-30T00:00:00Z", "2026-13-01T00:00:00Z",
        "2026-11-23T24:00:00Z", "2026-11-23T14:03:22", "2026-11-23T14:03:22Zx",
        "2026-11-23T14:03:22.Z", "2026-11-23T14:03:22.0123456789Z", "2026-11-23T14:03:22+25:00",
        "1900-02-29T00:00:00Z",
    ])
    func `what is not RFC 3339 is refused`(text: String) {
        #expect(TimeParser.rfc3339(text) == nil)
    }

    @Test func `every form of a time is understood`() throws {
        func time(_ text: String) throws -> TimeExpression {
            // A zone one hour ahead of UTC.
            try TimeExpression(text, local: { $0.utc.adding(seconds: -3_600) })
        }
        #expect(try time("-3h") == .ago(10_800))
        #expect(try time("-1d12h") == .ago(129_600))
        #expect(try time("now") == .ago(0))
        #expect(
            try time("@1795442602.25")
                == .moment(Timestamp(seconds: 1_795_442_602, nanoseconds: 250_000_000))
        )
        #expect(try time("@-1") == .moment(Timestamp(seconds: -1)))
        #expect(try time("2026-11-23 14:03:22") == .moment(Timestamp(seconds: 1_795_439_002)))
        #expect(try time("2026-11-23 14:03") == .moment(Timestamp(seconds: 1_795_438_980)))
        #expect(try time("2026-11-23") == .moment(Timestamp(seconds: 1_795_388_400)))
        #expect(try time("2026-11-23T14:03:22Z") == .moment(Timestamp(seconds: 1_795_442_602)))
    }

    @Test(arguments: ["", "yesterday", "-", "-3", "-3x", "@", "@1.", "@x", "3h", "@99999999999999"])
    func `a time that is none says which forms there are`(text: String) {
        do {
            _ = try TimeExpression(text, local: { $0.utc })
            Issue.record("'\(text)' was taken")
        } catch {
            #expect(error.code == .usage)
            #expect(error.remedy.contains("-3h"))
        }
    }

    @Test func `expressions survive JSON`() throws {
        let all: [TimeExpression] = [
            .ago(0), .ago(90), .moment(Timestamp(seconds: -5, nanoseconds: 1)),
            .moment(Timestamp(seconds: 1_795_442_602)),
        ]
        let decoded = try JSONDecoder().decode(
            [TimeExpression].self,
            from: JSONEncoder().encode(all)
        )
        #expect(decoded == all)
    }

    @Test func `durations add up and have a bound`() {
        #expect(DurationText.seconds("1w2d3h4m5s") == 788_645)
        #expect(DurationText.seconds("0s") == 0)
        for text in ["", "5", "s", "5x", "-5s", "5 s", "9999999999999999999s", "99999999w"] {
            #expect(DurationText.seconds(text) == nil, "\(text)")
        }
    }
}
