import Glibc

/// A clock of this machine that nobody steps, and waiting by it.
///
/// Only durations are taken from it, and never compared with another machine's.
package protocol SteadyClock: Sendable {
    /// Nanoseconds since some moment; time while the machine was suspended counts.
    func now() -> Int64

    /// Waits.
    func pause(nanoseconds: Int64)
}

/// CLOCK_BOOTTIME of the kernel.
package struct BootClock: SteadyClock {
    /// The machine's clock.
    package init() {}

    package func now() -> Int64 {
        var time = timespec()
        let result = clock_gettime(CLOCK_BOOTTIME, &time)
        precondition(result == 0, "the kernel has a boot clock")
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    package func pause(nanoseconds: Int64) {
        guard nanoseconds > 0 else { return }
        let (seconds, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        var time = timespec(tv_sec: Int(seconds), tv_nsec: Int(rest))
        var left = timespec()
        // A signal ends it early: the rest is waited for.
        while nanosleep(&time, &left) != 0 { time = left }
    }
}
