/// For how long seconds, minutes and hours stay restorable.
package struct RetentionLadder: Hashable, Sendable {
    /// One rung: instants `step` seconds apart are kept for `seconds`.
    package struct Rung: Hashable, Sendable {
        package let step: Int64
        package let seconds: Int64

        package init(step: Int64, seconds: Int64) {
            self.step = step
            self.seconds = seconds
        }
    }

    /// From fine to coarse: each step divides the next, each lasts longer.
    package let rungs: [Rung]

    package init(rungs: [Rung]) {
        precondition(!rungs.isEmpty, "a ladder has a rung")
        for (fine, coarse) in zip(rungs, rungs.dropFirst()) {
            precondition(coarse.step.isMultiple(of: fine.step), "each step divides the next")
            precondition(coarse.seconds >= fine.seconds, "a coarser rung lasts longer")
        }
        self.rungs = rungs
    }

    /// 24 hours of seconds, 7 days of minutes, 35 days of hours.
    package static let standard = RetentionLadder(rungs: [
        Rung(step: 1, seconds: 86_400),
        Rung(step: 60, seconds: 7 * 86_400),
        Rung(step: 3_600, seconds: 35 * 86_400),
    ])
}

/// The seconds whose ends are retained instants: a list of spans that only ever coarsens.
///
/// Second `s` of a span is retained when `s + 1` is a multiple of its step, so minutes are among the
/// seconds and hours among the minutes.
package struct RetentionGrid: Hashable, Sendable {
    /// From second `from` to the next span's: every `step`th second.
    package struct Span: Hashable, Sendable {
        package let from: Int64
        package let step: Int64

        package init(from: Int64, step: Int64) {
            self.from = from
            self.step = step
        }
    }

    /// Ascending by `from`; before the first, nothing is retained.
    package private(set) var spans: [Span]

    package init(spans: [Span]) {
        precondition(
            zip(spans, spans.dropFirst()).allSatisfy { $0.from < $1.from },
            "spans ascend"
        )
        precondition(spans.allSatisfy { $0.step > 0 && $0.from >= 0 }, "steps are positive")
        self.spans = spans
    }

    /// The grid of a new file system: every second from `second` on.
    package init(from second: Int64) {
        self.init(spans: [Span(from: second, step: 1)])
    }

    package func contains(_ second: Int64) -> Bool {
        last(atOrBefore: second) == second
    }

    /// The greatest retained second that is not after `second`.
    package func last(atOrBefore second: Int64) -> Int64? {
        var bound = second
        for span in spans.reversed() where span.from <= bound {
            let candidate = (bound + 1) / span.step * span.step - 1
            if candidate >= span.from { return candidate }
            bound = span.from - 1
        }
        return nil
    }

    /// The least retained second that is not before `second`; `nil` only for an empty grid.
    package func first(atOrAfter second: Int64) -> Int64? {
        for (index, span) in spans.enumerated() {
            let end = index + 1 < spans.count ? spans[index + 1].from : Int64.max
            let bound = max(second, span.from)
            guard bound < end else { continue }
            let candidate = (bound + span.step) / span.step * span.step - 1
            if candidate < end { return candidate }
        }
        return nil
    }

    /// Thins the grid to what `ladder` keeps at `now`; what is coarser already stays so.
    ///
    /// - Returns: The seconds in which instants may have been dropped; `nil` when nothing changed.
    package mutating func coarsen(to ladder: RetentionLadder, now: Int64) -> ClosedRange<Int64>? {
        let wanted = RetentionGrid.spans(of: ladder, now: now)
        let breaks = Set(spans.map(\.from) + wanted.map(\.from)).sorted()
        var thinned: [Span] = []
        var first: Int64?
        var last: Int64 = 0
        for (index, from) in breaks.enumerated() {
            let old = RetentionGrid.step(at: from, in: spans)
            let new = RetentionGrid.step(at: from, in: wanted)
            guard let old else { continue }
            let step = new.map { RetentionGrid.leastCommonMultiple(old, $0) }
            if step != old {
                first = first ?? from
                last = index + 1 < breaks.count ? breaks[index + 1] - 1 : now
            }
            guard let step, thinned.last?.step != step else { continue }
            thinned.append(Span(from: from, step: step))
        }
        guard let first else { return nil }
        spans = thinned
        return first...max(first, last)
    }

    /// Thins one stretch further than its age asks, from the old end: the finest rung that has any first.
    ///
    /// A stretch ends at a whole cell of the coarsest rung. The cell that is running is kept by the
    /// rung before the coarsest at least, whatever it holds.
    ///
    /// - Returns: The seconds in which instants may have been dropped; `nil` when none can go.
    package mutating func thin(_ ladder: RetentionLadder, now: Int64) -> ClosedRange<Int64>? {
        let steps = ladder.rungs.map(\.step)
        guard let stretch = steps.last, now > 0 else { return nil }
        for step in steps.dropFirst() {
            let limit = now / step * step
            guard let fine = spans.first(where: { !$0.step.isMultiple(of: step) }) else { continue }
            let end = min((fine.from / stretch + 1) * stretch, limit)
            guard fine.from < end else { continue }
            thin(fine.from..<end, to: step)
            return fine.from...end - 1
        }
        guard let first = spans.first?.from else { return nil }
        let end = min((first / stretch + 1) * stretch, now / stretch * stretch)
        guard first < end else { return nil }
        let step = RetentionGrid.step(at: end, in: spans) ?? stretch
        spans = [Span(from: end, step: step)] + spans.filter { $0.from > end }
        return first...end - 1
    }

    /// Makes the steps of one stretch multiples of `step`; it lies after the first span's start.
    private mutating func thin(_ range: Range<Int64>, to step: Int64) {
        var thinned: [Span] = []
        for from in Set(spans.map(\.from) + [range.lowerBound, range.upperBound]).sorted() {
            guard let old = RetentionGrid.step(at: from, in: spans) else { continue }
            let new = range.contains(from) ? RetentionGrid.leastCommonMultiple(old, step) : old
            if thinned.last?.step != new { thinned.append(Span(from: from, step: new)) }
        }
        spans = thinned
    }

    private static func step(at second: Int64, in spans: [Span]) -> Int64? {
        spans.last { $0.from <= second }?.step
    }

    /// Each rung ends on a multiple of the next step, so that no coarse cell is cut in two.
    ///
    /// A rung that lasts no longer than a finer one keeps nothing of its own, and moves no other's end: a ladder that
    /// keeps nothing keeps nothing, not the running hour.
    private static func spans(of ladder: RetentionLadder, now: Int64) -> [Span] {
        var rungs: [RetentionLadder.Rung] = []
        for rung in ladder.rungs where rung.seconds > rungs.last?.seconds ?? -1 {
            rungs.append(rung)
        }
        var spans: [Span] = []
        for (index, rung) in rungs.enumerated() {
            let cell = index + 1 < rungs.count ? rungs[index + 1].step : rung.step
            let from = max(0, now - rung.seconds) / cell * cell
            if from < spans.last?.from ?? .max { spans.append(Span(from: from, step: rung.step)) }
        }
        return spans.reversed()
    }

    private static func leastCommonMultiple(_ left: Int64, _ right: Int64) -> Int64 {
        var (a, b) = (left, right)
        while b != 0 { (a, b) = (b, a % b) }
        return left / a * right
    }
}
