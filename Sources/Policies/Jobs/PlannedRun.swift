package import VarveModel

/// A due instant of a job, and when its run is meant to begin.
package struct PlannedRun: Hashable, Sendable {
    package let due: Timestamp
    /// The due instant and the job's jitter.
    package let start: Timestamp
    /// The end of the start window, or `nil`: it is never late.
    package let latest: Timestamp?
}

extension Job {
    /// The first due instant later than `due`; `nil` when none comes before the year 2200.
    package func plannedRun(after due: Timestamp) -> PlannedRun? {
        schedule.next(after: due).map(plannedRun(at:))
    }

    /// What a due instant of this job means.
    package func plannedRun(at due: Timestamp) -> PlannedRun {
        PlannedRun(
            due: due,
            start: due.adding(seconds: jitter(of: due)),
            latest: startWindowMinutes.map { due.adding(seconds: Int64($0) * 60) }
        )
    }

    /// The planned runs that begin later than `now`, soonest first.
    ///
    /// - Parameters:
    ///   - now: The time.
    ///   - end: None that is due later.
    ///   - count: As many at most.
    /// - Returns: Due instants with their starts.
    package func plannedRuns(
        after now: Timestamp,
        through end: Timestamp? = nil,
        count: Int
    ) -> [PlannedRun] {
        var found: [PlannedRun] = []
        // One that is due already may still have its jitter before it.
        var at = now.adding(seconds: -jitterSeconds)
        while found.count < count, let next = plannedRun(after: at), next.due <= end ?? next.due {
            if next.start > now { found.append(next) }
            at = next.due
        }
        return found
    }

    /// What is due later than `after` and meant to have begun by `now`; `nil` when nothing is.
    package func ready(after: Timestamp, now: Timestamp) -> DueInstants? {
        guard let dues = schedule.dues(after: after, through: now) else { return nil }
        // No jitter reaches the next due instant, so that only the last can be yet to come.
        guard plannedRun(at: dues.last).start > now else { return dues }
        return schedule.dues(after: after, through: dues.last.adding(seconds: -1))
    }

    /// The seconds from a due instant to the start of its run.
    ///
    /// The same job and instant give the same jitter, on any machine and after any restart: what
    /// `varve job next` shows is what happens. It ends before the next due instant, so that runs stay in order.
    private func jitter(of due: Timestamp) -> Int64 {
        guard jitterSeconds > 0 else { return 0 }
        let gap = schedule.next(after: due).map { $0.seconds - due.seconds } ?? .max
        let count = UInt64(min(jitterSeconds + 1, gap))
        return Int64(Self.seed(name, at: due) % count)
    }

    /// 64 bits of a name and an instant: FNV-1a, then the finaliser of SplitMix64.
    package static func seed(_ name: String, at due: Timestamp) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        func mix(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        for byte in name.utf8 { mix(byte) }
        for shift in stride(from: 0, to: 64, by: 8) {
            mix(UInt8(truncatingIfNeeded: due.seconds >> Int64(shift)))
        }
        hash = (hash ^ hash >> 30) &* 0xBF58_476D_1CE4_E5B9
        hash = (hash ^ hash >> 27) &* 0x94D0_49BB_1331_11EB
        return hash ^ hash >> 31
    }
}
