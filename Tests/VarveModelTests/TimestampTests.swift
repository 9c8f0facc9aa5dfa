import Testing
import VarveModel

/// Times come from clients and files of any age: none of them may stop the daemon.
@Suite struct TimestampTests {
    @Test func `a sum ends where time ends`() {
        #expect(Timestamp(seconds: 10, nanoseconds: 7).adding(seconds: -11).seconds == -1)
        #expect(Timestamp(seconds: .max, nanoseconds: 7).adding(seconds: 1).seconds == .max)
        #expect(Timestamp(seconds: .min, nanoseconds: 7).adding(seconds: -1).seconds == .min)
        #expect(Timestamp(seconds: .min).adding(seconds: .max).seconds == -1)
    }

    @Test func `days are whole on both sides of 1970`() {
        let cases: [(Int64, Int64)] = [
            (0, 0), (86_399, 0), (86_400, 1), (-1, -1), (-86_400, -1), (-86_401, -2),
            (.max, .max / 86_400), (.min, .min / 86_400 - 1),
        ]
        for (seconds, day) in cases { #expect(Timestamp(seconds: seconds).day == day) }
    }
}
