/// What the machine's two clocks show at one moment.
package struct ClockReading: Sendable, Hashable {
    /// The time of day, which anybody may step.
    package let wall: Timestamp
    /// Nanoseconds since the machine started, suspended ones included; nobody steps it.
    package let elapsed: UInt64

    package init(wall: Timestamp, elapsed: UInt64) {
        self.wall = wall
        self.elapsed = elapsed
    }
}

/// Something about the time of day that an operator should know.
package enum ClockNews: Sendable, Hashable {
    /// The wall differs by so many seconds, over an hour, and is not followed.
    case stepped(seconds: Int64)
    /// The wall is within an hour again, and is followed.
    case returned
    /// The wall, which stood behind what was lived already, has come past it: time goes on from there.
    case caughtUp(seconds: Int64)
}

/// Decides what time it is; it touches no clock.
///
/// Time follows the clock that nobody steps. The wall corrects it gently where they differ by up to an
/// hour, and not at all beyond: a wrong wall must not age snapshots and recovery points away.
/// It never runs backwards, also over a restart.
package struct ClockDiscipline: Sendable, Hashable {
    /// An hour: more than any daylight or time-zone mistake of a correct machine's wall, which stays in UTC,
    /// and far below any retention.
    package static let stepSecondsMax: Int64 = 3_600
    /// A year of 366 days: what a machine may have been switched off without anybody being asked.
    package static let absenceSecondsMax: Int64 = 366 * 86_400
    /// A tenth of the time that passes: a minute's difference is gone after ten.
    private static let slewDivisor: UInt64 = 10

    private enum Standing: Hashable {
        /// The wall is near; differences are slewed away.
        case following
        /// The wall is too far; only the other clock counts.
        case refusing(reported: Int128)
        /// The start found the wall more than an hour behind what was lived; it is awaited.
        case awaiting
        /// An operator has accepted a wall that stands behind: time slows until it is near.
        case returning
    }

    /// Nanoseconds since 1970.
    private var time: Int128
    private var elapsed: UInt64
    private var standing: Standing

    private init(time: Int128, elapsed: UInt64, standing: Standing) {
        self.time = time
        self.elapsed = elapsed
        self.standing = standing
    }

    /// How a start went.
    package enum Start: Sendable, Hashable {
        case began(ClockDiscipline)
        /// The wall is so many seconds, over a year, ahead of the last time that was lived.
        case refused(seconds: Int64)
    }

    /// Begins at the wall, or where the last run ended when the wall is behind that.
    ///
    /// - Parameters:
    ///   - reading: Both clocks now.
    ///   - last: The last time that an earlier run lived, if there was one.
    ///   - isAccepted: An operator vouches for a wall that is more than a year ahead.
    /// - Returns: The discipline that has begun, or by how much the wall is ahead.
    package static func start(
        _ reading: ClockReading,
        last: Timestamp?,
        isAccepted: Bool
    ) -> Start {
        let wall = reading.wall.sinceEpoch
        func began(at time: Int128, _ standing: Standing) -> Start {
            .began(ClockDiscipline(time: time, elapsed: reading.elapsed, standing: standing))
        }
        guard let last = last?.sinceEpoch else { return began(at: wall, .following) }
        let ahead = wall - last
        if ahead > nanoseconds(absenceSecondsMax), !isAccepted {
            return .refused(seconds: seconds(ahead))
        }
        if ahead >= 0 { return began(at: wall, .following) }
        let isNear = -ahead <= nanoseconds(stepSecondsMax)
        return began(at: last, isNear ? .following : .awaiting)
    }

    /// The time of a reading, never before that of an earlier one; and what is new, if anything.
    package mutating func read(_ reading: ClockReading) -> (time: Timestamp, news: ClockNews?) {
        let step = reading.elapsed > elapsed ? reading.elapsed - elapsed : 0
        elapsed = max(elapsed, reading.elapsed)
        time += Int128(step)
        let drift = reading.wall.sinceEpoch - time
        let isNear = abs(drift) <= ClockDiscipline.nanoseconds(ClockDiscipline.stepSecondsMax)
        let news = judge(drift, isNear)
        switch standing {
        case .following, .returning:
            let most = Int128(step / ClockDiscipline.slewDivisor)
            // What is left of it: a wall that was awaited has been taken whole.
            let rest = reading.wall.sinceEpoch - time
            time += min(max(rest, -most), most)
        case .refusing, .awaiting: break
        }
        return (Timestamp(sinceEpoch: time), news)
    }

    /// Moves on to where the wall stands now; `nil` news when it was near all along.
    private mutating func judge(_ drift: Int128, _ isNear: Bool) -> ClockNews? {
        let hour = ClockDiscipline.nanoseconds(ClockDiscipline.stepSecondsMax)
        switch standing {
        case .following:
            guard !isNear else { return nil }
            return refuse(drift)
        case .refusing(let reported):
            if isNear {
                standing = .following
                return .returned
            }
            // A wall that is stepped again is news again.
            return abs(drift - reported) > hour ? refuse(drift) : nil
        case .awaiting:
            if isNear {
                standing = .following
                return .returned
            }
            if drift < 0 { return nil }
            guard drift <= ClockDiscipline.nanoseconds(ClockDiscipline.absenceSecondsMax) else {
                return refuse(drift)
            }
            // As a start would have taken it, had the wall been right then.
            time += drift
            standing = .following
            return .caughtUp(seconds: ClockDiscipline.seconds(drift))
        case .returning:
            if isNear { standing = .following }
            return drift > hour ? refuse(drift) : nil
        }
    }

    private mutating func refuse(_ drift: Int128) -> ClockNews {
        standing = .refusing(reported: drift)
        return .stepped(seconds: ClockDiscipline.seconds(drift))
    }

    /// Follows the wall where it stands: at once when it is ahead, by slower time when it is behind.
    package mutating func accept(_ reading: ClockReading) {
        _ = read(reading)
        let drift = reading.wall.sinceEpoch - time
        if drift > 0 { time += drift }
        standing = drift < 0 ? .returning : .following
    }

    /// Whether the start found the wall more than an hour behind, and it still is.
    package var isAwaitingWall: Bool { standing == .awaiting }

    /// Seconds, over an hour, by which the wall is ahead (or, below zero, behind) and not followed.
    package func refusedSeconds(_ reading: ClockReading) -> Int64? {
        guard case .refusing = standing else { return nil }
        return ClockDiscipline.seconds(reading.wall.sinceEpoch - time)
    }

    private static func nanoseconds(_ seconds: Int64) -> Int128 { Int128(seconds) * 1_000_000_000 }

    private static func seconds(_ nanoseconds: Int128) -> Int64 {
        Int64(clamping: nanoseconds / 1_000_000_000)
    }
}

extension Timestamp {
    /// Nanoseconds since 1970; 128 bits hold any.
    fileprivate var sinceEpoch: Int128 { Int128(seconds) * 1_000_000_000 + Int128(nanoseconds) }

    fileprivate init(sinceEpoch nanoseconds: Int128) {
        // Until 2262: 64 bits are divided by a constant without a division.
        if let near = Int64(exactly: nanoseconds), near >= 0 {
            self.init(
                seconds: near / 1_000_000_000,
                nanoseconds: UInt32(truncatingIfNeeded: near % 1_000_000_000)
            )
            return
        }
        let (quotient, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        let borrow: Int128 = rest < 0 ? 1 : 0
        self.init(
            seconds: Int64(clamping: quotient - borrow),
            nanoseconds: UInt32(rest + borrow * 1_000_000_000)
        )
    }
}
