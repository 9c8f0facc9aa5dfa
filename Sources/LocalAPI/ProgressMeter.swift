/// Turns what work tells of itself into a rate and the time that it still takes.
///
/// Without a clock: whoever asks says how much time has passed.
package struct ProgressMeter: Sendable {
    /// How far work is, and how fast.
    package struct Reading: Sendable, Hashable {
        package let progress: Progress
        /// Since the phase began.
        package let elapsed: Duration
        /// Bytes a second of late; `nil` before it can be known, and where no bytes are counted.
        package let bytesPerSecond: Double?
        /// What is left takes so long at that rate; `nil` before it can be known.
        package let remaining: Duration?

        /// What is done of the whole, 0 to 1; `nil` where the whole is not known, or was estimated too small.
        package var fraction: Double? {
            if let bytes = progress.bytes, let total = progress.bytesTotal, total > 0 {
                return bytes <= total ? Double(bytes) / Double(total) : nil
            }
            guard let done = progress.done, let total = progress.total, total > 0, done <= total
            else { return nil }
            return Double(done) / Double(total)
        }
    }

    /// 3 s: what begins is not what goes on, and a guess made of it would be taken for a promise.
    package static let learningSeconds = 3.0
    /// 10 s: a rate follows what happens within some ten seconds, and what happens within one does not shake it.
    static let smoothingSeconds = 10.0
    /// 0.5 s: the shortest stretch that is measured.
    static let stretchSeconds = 0.5

    private var phase: String?
    private var began: Duration = .zero
    private var bytes = SmoothedRate()
    private var done = SmoothedRate()

    package init() {}

    /// Takes what work tells.
    ///
    /// Another phase, or one that has less behind it than before, begins anew.
    ///
    /// - Parameters:
    ///   - progress: How far it is.
    ///   - now: Time that has passed since any fixed moment.
    /// - Returns: That, with rate and remaining time.
    package mutating func take(_ progress: Progress, at now: Duration) -> Reading {
        let seconds = now.inSeconds
        if phase != progress.phase || bytes.isAhead(of: progress.bytes)
            || done.isAhead(of: progress.done)
        {
            phase = progress.phase
            began = now
            (bytes, done) = (SmoothedRate(), SmoothedRate())
        }
        if let count = progress.bytes { bytes.take(count, at: seconds) }
        if let count = progress.done { done.take(count, at: seconds) }
        let elapsed = now - began
        let isKnown = elapsed.inSeconds >= Self.learningSeconds
        let left =
            progress.bytesTotal != nil
            ? bytes.secondsLeft(of: progress.bytesTotal)
            : done.secondsLeft(of: progress.total)
        return Reading(
            progress: progress,
            elapsed: elapsed,
            bytesPerSecond: isKnown ? bytes.perSecond : nil,
            remaining: isKnown ? left.map { .milliseconds(($0 * 1_000).rounded()) } : nil
        )
    }
}

/// A rate that what came late weighs more in: each stretch of t seconds has the weight t/(t + 10), what was before it the rest.
private struct SmoothedRate: Sendable {
    private var last: (count: UInt64, seconds: Double)?
    private var newest: UInt64 = 0
    /// Weighted rates, and their weights: at the beginning these do not come to 1.
    private var sum = 0.0
    private var weight = 0.0

    /// Units a second; `nil` before the first stretch has ended.
    var perSecond: Double? { weight > 0 ? sum / weight : nil }

    /// Whether a count is smaller than one before it.
    func isAhead(of count: UInt64?) -> Bool { count.map { $0 < newest } ?? false }

    mutating func take(_ count: UInt64, at seconds: Double) {
        newest = count
        guard let last else {
            last = (count, seconds)
            return
        }
        let stretch = seconds - last.seconds
        guard stretch >= ProgressMeter.stretchSeconds else { return }
        let share = stretch / (stretch + ProgressMeter.smoothingSeconds)
        sum += share * (Double(count - last.count) / stretch - sum)
        weight += share * (1 - weight)
        self.last = (count, seconds)
    }

    /// `nil` while nothing goes on, and when there is more than the total.
    func secondsLeft(of total: UInt64?) -> Double? {
        guard let total, total >= newest, let perSecond, perSecond > 0 else { return nil }
        let seconds = Double(total - newest) / perSecond
        // A hundred years: whoever is told more learns nothing.
        return seconds < 3_155_760_000 ? seconds : nil
    }
}

extension Duration {
    fileprivate var inSeconds: Double {
        Double(components.seconds) + Double(components.attoseconds) / 1e18
    }
}

/// A reading as one line of JSON: what scripts see of work that goes on.
package struct ProgressRecord: Codable, Sendable, Hashable {
    package var phase: String
    /// Files, entries or whatever the phase counts.
    package var done: UInt64?
    package var total: UInt64?
    package var bytes: UInt64?
    package var bytesTotal: UInt64?
    /// Bytes a second of late.
    package var bytesPerSecond: UInt64?
    package var etaSeconds: UInt64?
    /// Since the phase began.
    package var elapsedSeconds: UInt64

    package init(_ reading: ProgressMeter.Reading) {
        let progress = reading.progress
        phase = progress.phase
        (done, total) = (progress.done, progress.total)
        (bytes, bytesTotal) = (progress.bytes, progress.bytesTotal)
        bytesPerSecond = reading.bytesPerSecond.map { UInt64($0.rounded()) }
        etaSeconds = reading.remaining.map { UInt64($0.inSeconds.rounded(.up)) }
        elapsedSeconds = UInt64(reading.elapsed.inSeconds)
    }
}
