#if canImport(Glibc)
    private import Glibc
#endif

/// The machine's own time of day (`CLOCK_REALTIME`).
package struct SystemClock: VarveClock {
    package init() {}

    package func now() -> Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(seconds: Int64(time.tv_sec), nanoseconds: UInt32(time.tv_nsec))
    }
}
