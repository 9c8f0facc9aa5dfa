private import Synchronization

/// How far a file system's commits have come: each is begun, then visible to readers, then durable.
///
/// A commit may be visible before it is durable: the log syncs while the next transaction runs. Whoever shows
/// what it changed waits here until it is durable, so no answer leaves before what it shows would outlive a power cut
/// (docs/decisions/0021).
package final class CommitProgress: Sendable {
    /// Called once, on the thread that made the commit durable, or at once.
    package typealias Waiter = @Sendable (_ isDurable: Bool) -> Void

    private struct State {
        var waiters: [(number: UInt64, tell: Waiter)] = []
        var hasFailed = false
    }

    private let state = Mutex(State())
    // Changed under the lock alone.
    private let begunNumber = Atomic<UInt64>(0)
    private let visibleNumber = Atomic<UInt64>(0)
    private let durableNumber = Atomic<UInt64>(0)

    package init() {}

    /// The last commit that a transaction which reads now may show.
    package var begun: UInt64 { begunNumber.load(ordering: .acquiring) }

    /// The last commit that every transaction shows which begins from now on.
    package var visible: UInt64 { visibleNumber.load(ordering: .acquiring) }

    /// The last commit that is durable, and all before it.
    package var durable: UInt64 { durableNumber.load(ordering: .acquiring) }

    // MARK: The writer

    /// A commit is under way: readers may see it from now on.
    func begin() {
        state.withLock { _ in
            begunNumber.store(visible + 1, ordering: .releasing)
        }
    }

    /// The commit that was under way failed, and nobody has seen it.
    func abandon() {
        let last = visible
        let told = state.withLock { state in
            begunNumber.store(last, ordering: .releasing)
            return state.hasFailed ? [] : CommitProgress.take(&state) { $0 > last }
        }
        // What they have seen is what was there before it; of that too they may have to wait.
        for waiter in told { whenDurable(last, waiter) }
    }

    /// Every transaction that begins from now on shows the commit; answers its number.
    func publish() -> UInt64 {
        visibleNumber.add(1, ordering: .acquiringAndReleasing).newValue
    }

    /// Commits up to `number` are durable.
    package func reach(_ number: UInt64) {
        let told = state.withLock { state in
            guard !state.hasFailed, number > durable else { return [] as [Waiter] }
            durableNumber.store(number, ordering: .releasing)
            return CommitProgress.take(&state) { $0 <= number }
        }
        for waiter in told { waiter(true) }
    }

    /// A sync has failed: no later commit will be durable any more.
    package func fail() {
        let told = state.withLock { state in
            state.hasFailed = true
            return CommitProgress.take(&state) { _ in true }
        }
        for waiter in told { waiter(false) }
    }

    private static func take(_ state: inout State, _ isTaken: (UInt64) -> Bool) -> [Waiter] {
        guard !state.waiters.isEmpty else { return [] }
        let taken = state.waiters.filter { isTaken($0.number) }.map(\.tell)
        state.waiters.removeAll { isTaken($0.number) }
        return taken
    }

    /// How many wait.
    package var waiting: Int { state.withLock { $0.waiters.count } }

    // MARK: Those who show what commits changed

    /// Calls `waiter` once commit `number` is durable, or will never be; at once when that is known.
    package func whenDurable(_ number: UInt64, _ waiter: @escaping Waiter) {
        let isDurable: Bool? = state.withLock { state in
            // A commit that was begun and failed was seen by nobody.
            let number = min(number, begun)
            if number <= durable { return true }
            if state.hasFailed { return false }
            state.waiters.append((number, waiter))
            return nil
        }
        if let isDurable { waiter(isDurable) }
    }
}
