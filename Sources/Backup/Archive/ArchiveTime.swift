import VarveModel

/// Times as libarchive puts them into pax headers: a signed decimal whose fraction it writes and
/// reads apart from the sign.
///
/// -1.5 is (-1, 500,000,000) there and (-2, 500,000,000) in a `timespec`. Within the one second before
/// 1970 the sign has no digit to stand on: such a time loses its fraction.
enum ArchiveTime {
    static func parts(of time: Timestamp) -> (seconds: Int, fraction: Int) {
        guard time.seconds < 0, time.nanoseconds > 0 else {
            return (Int(time.seconds), Int(time.nanoseconds))
        }
        guard time.seconds < -1 else { return (-1, 0) }
        return (Int(time.seconds) + 1, 1_000_000_000 - Int(time.nanoseconds))
    }

    static func timestamp(_ seconds: Int, _ fraction: Int) -> Timestamp {
        let fraction = UInt32(clamping: min(max(0, fraction), 999_999_999))
        guard seconds < 0, fraction > 0 else {
            return Timestamp(seconds: Int64(seconds), nanoseconds: fraction)
        }
        return Timestamp(seconds: Int64(seconds) - 1, nanoseconds: 1_000_000_000 - fraction)
    }
}
