import Testing

@testable import FileSystemEngine

@Suite struct FlushTimerTests {
    private static let start = ContinuousClock.now

    private static func at(_ seconds: Double) -> ContinuousClock.Instant {
        start + .seconds(seconds)
    }

    @Test func `a busy committer flushes once a period all the same`() {
        var timer = FlushTimer(seconds: 1, now: Self.start)
        // A batch every tenth of a second: the queue is never idle for a period.
        let due = (1...40).filter { timer.isDue(at: Self.at(Double($0) / 10), isPending: true) }
        #expect(due == [10, 20, 30, 40])
    }

    @Test func `what comes after a quiet time waits its period at most`() {
        var timer = FlushTimer(seconds: 1, now: Self.start)
        let asked: [(Double, Bool)] = [(7.5, false), (8, true), (8.5, true), (8.6, true)]
        let due = asked.map { timer.isDue(at: Self.at($0.0), isPending: $0.1) }
        #expect(due == [false, false, true, false])
    }

    @Test func `without a period nothing is ever due`() {
        var timer = FlushTimer(seconds: nil, now: Self.start)
        let isDue = timer.isDue(at: Self.at(1_000_000), isPending: true)
        #expect(!isDue)
    }
}
