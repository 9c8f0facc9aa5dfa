/// A point in time: seconds since 1970 UTC, which may be negative, and 0 to 999,999,999 nanoseconds.
package struct Timestamp: Hashable, Sendable, Comparable, Codable {
    package let seconds: Int64
    package let nanoseconds: UInt32

    package init(seconds: Int64, nanoseconds: UInt32 = 0) {
        precondition(nanoseconds < 1_000_000_000, "a second has 10^9 nanoseconds")
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }

    package static let epoch = Timestamp(seconds: 0)

    package static func < (left: Timestamp, right: Timestamp) -> Bool {
        (left.seconds, left.nanoseconds) < (right.seconds, right.nanoseconds)
    }

    /// So much later, or earlier; the last or first second that there is where the sum goes beyond it.
    package func adding(seconds more: Int64) -> Timestamp {
        let (sum, isBeyond) = seconds.addingReportingOverflow(more)
        let end: Int64 = more > 0 ? .max : .min
        return Timestamp(seconds: isBeyond ? end : sum, nanoseconds: nanoseconds)
    }

    /// Whole days since 1970-01-01 UTC; the unit of access days.
    package var day: Int64 {
        let (days, rest) = seconds.quotientAndRemainder(dividingBy: 86_400)
        return rest < 0 ? days - 1 : days
    }
}
