import VarveModel

/// The time that a vault's lock goes by: it never falls, and passes no faster than time does.
///
/// While a machine runs, it goes on by a clock that nobody steps. A time of day that is ahead of it, since the machine was off
/// or the time was set, counts only when a day has really passed after it was first seen, and then as it was seen at
/// first: so a wrong time that is put right within a day has freed nothing, and steps that are taken meanwhile begin a
/// day of their own.
struct LockClock: Hashable, Sendable {
    /// The greatest time that counts.
    private(set) var latest: Timestamp
    private(set) var leap: Leap?
    /// What the clock that nobody steps showed at the last look, whoever looked.
    private(set) var look: LockPace.Reading

    /// A time of day that is ahead, and does not count yet.
    struct Leap: Hashable, Sendable {
        /// What it was at first.
        let first: Timestamp
        /// What has really passed since.
        var livedSeconds: Int64
    }

    /// A day: whoever looks at a clock once a day has seen a wrong one by then.
    static let provenSeconds: Int64 = 86_400
    /// An hour: what the time of day may gain within a leap before it is another one.
    static let slackSeconds: Int64 = 3_600

    init(latest: Timestamp, leap: Leap? = nil, look: LockPace.Reading) {
        self.latest = latest
        self.leap = leap
        self.look = look
    }

    /// Takes in what the time of day is, and the clock that nobody steps.
    mutating func see(_ now: Timestamp, _ reading: LockPace.Reading) {
        guard look.isSimulated || !reading.isSimulated else { return }
        let lived = livedSeconds(until: reading)
        if reading.start != look.start || reading.seconds > look.seconds { look = reading }
        latest = latest.adding(seconds: lived)
        guard LockClock.seconds(from: latest, to: now) >= 1 else {
            leap = nil
            return
        }
        guard var leap, now >= leap.first else {
            self.leap = Leap(first: now, livedSeconds: 0)
            return
        }
        leap.livedSeconds += lived
        let proven = leap.first.adding(seconds: leap.livedSeconds)
        guard LockClock.seconds(from: proven, to: now) <= LockClock.slackSeconds else {
            self.leap = Leap(first: now, livedSeconds: 0)
            return
        }
        guard leap.livedSeconds >= LockClock.provenSeconds else {
            self.leap = leap
            return
        }
        latest = max(latest, min(now, proven))
        let isBehind = LockClock.seconds(from: latest, to: now) >= 1
        self.leap = isBehind ? Leap(first: now, livedSeconds: 0) : nil
    }

    /// What has passed since the last look; nothing where the machine has started anew.
    private func livedSeconds(until reading: LockPace.Reading) -> Int64 {
        guard reading.start == look.start, reading.seconds > look.seconds else { return 0 }
        return Int64(clamping: reading.seconds - look.seconds)
    }

    /// Whole seconds; the most that there is where they are more.
    private static func seconds(from: Timestamp, to: Timestamp) -> Int64 {
        let (seconds, isBeyond) = to.seconds.subtractingReportingOverflow(from.seconds)
        guard !isBeyond else { return to.seconds > from.seconds ? .max : .min }
        return to.nanoseconds < from.nanoseconds && seconds > .min ? seconds - 1 : seconds
    }
}
