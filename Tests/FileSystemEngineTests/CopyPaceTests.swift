import Foundation
import Synchronization
import Testing

@testable import FileSystemEngine

/// Goal: moves leave clients the machine while they work, take it while they do not, and keep no closing waiting.
///
/// Method: threads of the test copy, and count who else is at it. Where clients work, they do for an hour after a call.
@Suite struct CopyPaceTests {
    /// Runs `body` on so many threads and waits for all.
    private func onThreads(_ count: Int, _ body: @escaping @Sendable () -> Void) {
        let ended = DispatchGroup()
        for _ in 0..<count {
            ended.enter()
            Thread.detachNewThread {
                body()
                ended.leave()
            }
        }
        ended.wait()
    }

    @Test func `while no client works several copy at once`() {
        let pace = CopyPace(share: 10)
        let met = Atomic(0)
        // Each ends when all are at it: one after another, none ever would.
        onThreads(4) {
            pace.step(isHurried: { false }) { _ in
                met.add(1, ordering: .acquiringAndReleasing)
                while met.load(ordering: .acquiring) < 4 { sched_yield() }
            }
        }
        #expect(met.load(ordering: .relaxed) == 4)
    }

    @Test func `while clients work one copies at a time`() {
        let pace = CopyPace(share: 50, quiet: .seconds(3_600))
        pace.noteCall()
        let inside = Atomic(0)
        let most = Atomic(0)
        let copied = Atomic(0)
        onThreads(4) {
            for _ in 0..<5 {
                pace.step(isHurried: { false }) { rest in
                    let now = inside.add(1, ordering: .acquiringAndReleasing).newValue
                    most.max(now, ordering: .relaxed)
                    // Whoever else may, does now.
                    for _ in 0..<100 { sched_yield() }
                    // Whoever rests keeps the turn, however long the burst was.
                    let burst = ContinuousClock.now
                    while ContinuousClock.now - burst < .milliseconds(2) { sched_yield() }
                    rest()
                    inside.subtract(1, ordering: .acquiringAndReleasing)
                    copied.add(1, ordering: .relaxed)
                }
            }
        }
        #expect(most.load(ordering: .relaxed) == 1)
        #expect(copied.load(ordering: .relaxed) == 20)
    }

    @Test func `a rest ends when the file system is being closed`() {
        let pace = CopyPace(share: 1, quiet: .seconds(3_600))
        pace.noteCall()
        let looks = Atomic(0)
        // Hurried from the third look on: the turn is there at the first, the rest sees the others.
        pace.step(isHurried: { looks.add(1, ordering: .relaxed).newValue > 2 }) { rest in
            let burst = ContinuousClock.now
            while ContinuousClock.now - burst < .milliseconds(2) { sched_yield() }
            rest()
        }
        #expect(looks.load(ordering: .relaxed) >= 3)
    }

    @Test func `a copy that failed leaves its turn to the next`() {
        struct Failed: Error {}
        let pace = CopyPace(share: 100, quiet: .seconds(3_600))
        pace.noteCall()
        #expect(throws: Failed.self) { try pace.step(isHurried: { false }) { _ in throw Failed() } }
        #expect(pace.step(isHurried: { false }) { _ in 7 } == 7)
    }

    @Test func `who is hurried waits for nobody`() {
        let pace = CopyPace(share: 1, quiet: .seconds(3_600))
        pace.noteCall()
        let isClosing = Atomic(false)
        let copied = Atomic(0)
        // The first has the turn until the second has copied too.
        onThreads(2) {
            pace.step(isHurried: { isClosing.load(ordering: .acquiring) }) { _ in
                isClosing.store(true, ordering: .releasing)
                copied.add(1, ordering: .acquiringAndReleasing)
                while copied.load(ordering: .acquiring) < 2 { sched_yield() }
            }
        }
        #expect(copied.load(ordering: .relaxed) == 2)
    }
}
