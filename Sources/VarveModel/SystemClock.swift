#if canImport(Glibc)
    private import Glibc
#endif
import Synchronization

/// The machine's own time of day, as it is set (`CLOCK_REALTIME`): for log lines, and for what is made once.
package struct WallClock: VarveClock {
    package init() {}

    package func now() -> Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(seconds: Int64(time.tv_sec), nanoseconds: UInt32(time.tv_nsec))
    }
}

/// The time that a daemon lives by: begun at the wall, led by the clock that nobody steps.
///
/// That one is `CLOCK_BOOTTIME`: as `CLOCK_MONOTONIC` it is steered by NTP's rate and never stepped, but it
/// goes on while the machine is suspended, so that a laptop's night is no step of the wall
/// (clock_gettime(2)).
package final class SystemClock: VarveClock {
    private let discipline: Mutex<ClockDiscipline>
    private let report: @Sendable (ClockNews) -> Void

    /// Goes on with a discipline that has begun.
    ///
    /// - Parameters:
    ///   - discipline: Of ``ClockDiscipline/start(_:last:isAccepted:)``, from ``reading()``.
    ///   - report: Told, once each, of what an operator should know; on whatever thread asks the time.
    package init(
        _ discipline: ClockDiscipline,
        report: @escaping @Sendable (ClockNews) -> Void
    ) {
        self.discipline = Mutex(discipline)
        self.report = report
    }

    package func now() -> Timestamp {
        // Read under the lock: two threads' times then rise in the order of their readings.
        let (time, news) = discipline.withLock { $0.read(SystemClock.reading()) }
        if let news { report(news) }
        return time
    }

    /// Follows the wall where it stands now: an operator vouches for it.
    package func acceptWall() {
        discipline.withLock { $0.accept(SystemClock.reading()) }
    }

    /// Seconds by which the wall is ahead (below zero: behind) while it is not followed.
    package var refusedSeconds: Int64? {
        discipline.withLock { $0.refusedSeconds(SystemClock.reading()) }
    }

    /// Names this start of the machine, by the kernel's word (random(4): boot_id); where that is not to be had, this process.
    package static let machineStart: UniqueID = {
        let file = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return .random() }
        defer { close(file) }
        var text = [UInt8](repeating: 0, count: 36)
        guard read(file, &text, text.count) == text.count else { return .random() }
        let digits = String(decoding: text, as: UTF8.self).filter { $0 != "-" }
        return Hex.decode(digits).flatMap(UniqueID.init(bytes:)) ?? .random()
    }()

    /// Both clocks of the machine, now.
    package static func reading() -> ClockReading {
        var boot = timespec()
        clock_gettime(CLOCK_BOOTTIME, &boot)
        let elapsed = UInt64(boot.tv_sec) * 1_000_000_000 + UInt64(boot.tv_nsec)
        return ClockReading(wall: WallClock().now(), elapsed: elapsed)
    }
}
