import Synchronization

/// The one source of every time that the daemon uses: epochs, ctimes, schedules, expiry, locks.
package protocol VarveClock: Sendable {
    /// The time of day, in UTC.
    func now() -> Timestamp
}

/// A clock that stands still until it is moved: of tests and of simulated state directories.
package final class SimulatedClock: VarveClock {
    private let time: Mutex<Timestamp>

    package init(_ start: Timestamp) {
        time = Mutex(start)
    }

    package func now() -> Timestamp {
        time.withLock { $0 }
    }

    /// Moves to `instant`; an earlier one is ignored, since time never runs backwards.
    package func advance(to instant: Timestamp) {
        time.withLock { $0 = max($0, instant) }
    }

    package func advance(seconds: Int64) {
        time.withLock { $0 = $0.adding(seconds: seconds) }
    }
}
