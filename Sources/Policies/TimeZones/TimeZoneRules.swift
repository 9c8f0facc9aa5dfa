package import VarveModel

/// A time zone as the list of its offsets from UTC, from its beginning to the year 2200.
///
/// The system's time zone database says what they are (RFC 9636); past the listed transitions its
/// closing rule is written out, year by year.
package struct TimeZoneRules: Hashable, Sendable {
    /// Seconds over which the offset stays the same.
    package struct Span: Hashable, Sendable {
        /// The first second after it; `Int.max` for the last span.
        package let end: Int
        /// Local time minus UTC, in seconds; positive in the east.
        package let offset: Int
    }

    /// As `Europe/Berlin`.
    package let name: String
    /// UTC seconds at which the offset changes, ascending.
    let transitions: [Int]
    /// One more than there are transitions: the offset before the first, and from each on.
    let offsets: [Int]

    /// Coordinated Universal Time, which needs no database.
    package static let utc = TimeZoneRules(name: "UTC", fixedOffset: 0)

    /// A zone that never changes its offset.
    init(name: String, fixedOffset: Int) {
        self.name = name
        transitions = []
        offsets = [fixedOffset]
    }

    /// A zone of these changes; those that change nothing are dropped.
    ///
    /// - Parameters:
    ///   - name: As `Europe/Berlin`.
    ///   - initialOffset: What holds before the first change.
    ///   - changes: Ascending by instant.
    init(name: String, initialOffset: Int, changes: [(at: Int, offset: Int)]) {
        var transitions: [Int] = []
        var offsets = [initialOffset]
        for change in changes where change.offset != offsets[offsets.count - 1] {
            transitions.append(change.at)
            offsets.append(change.offset)
        }
        self.name = name
        self.transitions = transitions
        self.offsets = offsets
    }

    /// The span that holds a UTC second.
    package func span(at second: Int) -> Span {
        let index = spanIndex(at: second)
        let end = index < transitions.count ? transitions[index] : Int.max
        return Span(end: end, offset: offsets[index])
    }

    /// How many transitions are not later than `second`.
    private func spanIndex(at second: Int) -> Int {
        var low = 0
        var high = transitions.count
        while low < high {
            let middle = (low + high) / 2
            if transitions[middle] <= second { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// The first instant at which the local clock shows `local`, or skips past it.
    ///
    /// - Parameter local: Local time in seconds since 1970-01-01 00:00 local time.
    /// - Returns: UTC seconds. Of a time that comes twice, the first; of one that is skipped, the
    ///   end of the gap.
    package func firstInstant(showing local: Int) -> Int {
        // Offsets are less than 26 hours (RFC 9636 §3.2), so no earlier span shows `local`.
        var start = local - 26 * 3_600
        while true {
            let span = span(at: start)
            let instant = max(start, local - span.offset)
            if instant < span.end { return instant }
            start = span.end
        }
    }

    /// The local date of a UTC second.
    package func date(at second: Int) -> CivilDate {
        let local = second + span(at: second).offset
        return CivilDate(daysSince1970: local.flooredDivision(by: 86_400))
    }

    /// Local hours since 1970-01-01 00:00 local time.
    package func localHour(at second: Int) -> Int {
        (second + span(at: second).offset).flooredDivision(by: 3_600)
    }
}
