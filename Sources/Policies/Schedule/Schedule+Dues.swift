package import VarveModel

/// The due instants of a stretch of time, in short.
package struct DueInstants: Hashable, Sendable {
    package let first: Timestamp
    package let last: Timestamp
    /// How many there are, or at least.
    package let count: Int
    package let isCountExact: Bool
}

extension Schedule {
    /// What is due later than `after` and not later than `through`; `nil` when nothing is.
    ///
    /// The cost is bounded however long the stretch: the last instant is found by stepping back
    /// in growing strides, and the count stops at `countMax`.
    package func dues(
        after: Timestamp,
        through: Timestamp,
        countMax: Int = 1_000
    ) -> DueInstants? {
        guard let first = next(after: after), first <= through else { return nil }
        var count = 1
        var last = first
        while count < countMax, let more = next(after: last), more <= through {
            count += 1
            last = more
        }
        guard count == countMax, let more = next(after: last), more <= through else {
            return DueInstants(first: first, last: last, count: count, isCountExact: true)
        }
        let latest = latestDue(after: last, through: through) ?? last
        return DueInstants(first: first, last: latest, count: count, isCountExact: false)
    }

    /// The newest due instants later than `after` and not later than `through`, oldest first.
    ///
    /// It looks back in growing strides, so that the cost is that of the count and not of the stretch.
    ///
    /// - Parameters:
    ///   - count: As many at most.
    ///   - after: Where the stretch begins.
    ///   - through: Where it ends.
    /// - Returns: The last of them, in order.
    package func newestDues(
        _ count: Int,
        after: Timestamp,
        through: Timestamp
    ) -> [Timestamp] {
        var stride: Int64 = 3_600
        while true {
            let start = max(after, through.adding(seconds: -stride))
            var found: [Timestamp] = []
            var at = start
            while let more = next(after: at), more <= through {
                found.append(more)
                at = more
            }
            if found.count >= count || start == after { return found.suffix(count) }
            stride *= 4
        }
    }

    private func latestDue(after: Timestamp, through: Timestamp) -> Timestamp? {
        var stride: Int64 = 3_600
        var start = after
        repeat {
            start = max(after, through.adding(seconds: -stride))
            if let found = next(after: start), found <= through {
                var last = found
                while let more = next(after: last), more <= through { last = more }
                return last
            }
            stride *= 4
        } while start > after
        return nil
    }
}
