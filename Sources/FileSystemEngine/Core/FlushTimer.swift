/// Decides when unstable writes enter the database though nobody asks: once a period at least, however
/// busy the committer is with other things.
struct FlushTimer: Sendable {
    private let period: Duration?
    private var next: ContinuousClock.Instant

    /// Begins the first period; without seconds nothing is ever due.
    init(seconds: Int?, now: ContinuousClock.Instant = .now) {
        period = seconds.map { .seconds($0) }
        next = now + (period ?? .zero)
    }

    /// Whether a flush is due; then the next period begins.
    ///
    /// - Parameters:
    ///   - now: Not before that of the last call.
    ///   - isPending: While nothing is, the period begins anew.
    /// - Returns: Whether to flush.
    mutating func isDue(at now: ContinuousClock.Instant, isPending: Bool) -> Bool {
        guard let period else { return false }
        let isDue = isPending && now >= next
        if isDue || !isPending { next = now + period }
        return isDue
    }
}
