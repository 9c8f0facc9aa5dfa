package import VarveModel

/// A date and time of day in the proleptic Gregorian calendar, in no particular zone.
package struct CivilTime: Hashable, Sendable {
    package var year: Int64
    /// 1 to 12.
    package var month: Int64
    /// 1 to 31.
    package var day: Int64
    package var hour: Int64 = 0
    package var minute: Int64 = 0
    package var second: Int64 = 0
    package var nanosecond: UInt32 = 0

    package init(year: Int64, month: Int64, day: Int64) {
        self.year = year
        self.month = month
        self.day = day
    }

    /// The same moment's date and time in UTC.
    package init(_ time: Timestamp) {
        let date = CivilDate(daysSince1970: Int(time.day))
        self.init(year: Int64(date.year), month: Int64(date.month), day: Int64(date.day))
        let rest = time.seconds - time.day * 86_400
        hour = rest / 3_600
        minute = rest % 3_600 / 60
        second = rest % 60
        nanosecond = time.nanoseconds
    }

    /// Whether such a moment exists (leap seconds aside).
    package var isValid: Bool {
        guard (1...12).contains(month), (-9_999...9_999).contains(year) else { return false }
        let days = Int64(CivilDate.daysIn(month: Int(month), of: Int(year)))
        return (1...days).contains(day) && (0...23).contains(hour)
            && (0...59).contains(minute) && (0...59).contains(second)
    }

    /// The moment that this is in UTC.
    package var utc: Timestamp {
        let date = CivilDate(year: Int(year), month: Int(month), day: Int(day))
        let days = Int64(date.daysSince1970)
        return Timestamp(
            seconds: days * 86_400 + hour * 3_600 + minute * 60 + second,
            nanoseconds: nanosecond
        )
    }
}
