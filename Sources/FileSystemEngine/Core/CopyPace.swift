import Dispatch
import Synchronization

/// The pace of moves while clients work: one record at a time, and a share of the time (docs/decisions/0050).
///
/// While none do there is no pace, and several threads copy at once.
final class CopyPace: Sendable {
    private struct State {
        /// Clients' calls at the last look that found more of them, and when that was.
        var calls: UInt64 = 0
        var lastCall: ContinuousClock.Instant?
        /// Whether a record is being copied at the pace.
        var isTaken = false
        /// When the next one may be.
        var next: ContinuousClock.Instant?
    }

    private let calls = Atomic<UInt64>(0)
    private let state = Mutex(State())
    /// A pause is so many times as long as the copy before it.
    private let pauses: Int
    private let quiet: Duration
    /// Rung when a copy that had the turn has ended.
    private let bell = DispatchSemaphore(value: 0)

    /// However long a record took, as behind a disk that hung.
    private static let pauseMax = Duration.seconds(1)
    /// How soon it is seen that clients have become quiet, or the file system is being closed.
    private static let lookMax = Duration.milliseconds(10)

    /// - Parameters:
    ///   - share: Of a hundred parts of the time, how many copies take while clients work.
    ///   - quiet: Clients that have not called for so long do not work.
    init(share: Int, quiet: Duration = .milliseconds(50)) {
        precondition((1...100).contains(share), "a share is some of a hundred parts")
        pauses = (100 - share) / share
        self.quiet = quiet
    }

    /// A client has called.
    func noteCall() { calls.add(1, ordering: .relaxed) }

    /// Calls so far.
    var callsNoted: UInt64 { calls.load(ordering: .relaxed) }

    /// Runs `body`, a record's copy, when it is its turn; at once where no client works, or `isHurried`.
    func step<Value>(
        isHurried: () -> Bool,
        _ body: () throws -> Value
    ) rethrows -> Value {
        guard begin(isHurried) else { return try body() }
        let start = ContinuousClock.now
        defer { end(after: ContinuousClock.now - start) }
        return try body()
    }

    /// Waits for a turn; `false` where there is nobody to heed.
    private func begin(_ isHurried: () -> Bool) -> Bool {
        while !isHurried() {
            let wait = state.withLock { state -> Duration? in
                let now = ContinuousClock.now
                guard clientsWork(&state, now) else { return nil }
                let left = state.next.map { $0 - now } ?? .zero
                guard state.isTaken || left > .zero else {
                    state.isTaken = true
                    return .zero
                }
                return state.isTaken ? CopyPace.pauseMax : left
            }
            guard let wait else { return false }
            guard wait > .zero else { return true }
            // A copying thread is its move's alone: nobody else waits for it meanwhile.
            _ = bell.wait(timeout: .now() + min(wait, CopyPace.lookMax).interval)
        }
        return false
    }

    private func end(after length: Duration) {
        state.withLock { state in
            state.isTaken = false
            state.next = .now + min(length * pauses, CopyPace.pauseMax)
        }
        bell.signal()
    }

    private func clientsWork(_ state: inout State, _ now: ContinuousClock.Instant) -> Bool {
        let count = calls.load(ordering: .relaxed)
        if count != state.calls {
            state.calls = count
            state.lastCall = now
        }
        return state.lastCall.map { now - $0 < quiet } ?? false
    }
}

extension Duration {
    fileprivate var interval: DispatchTimeInterval {
        .nanoseconds(
            Int(components.seconds) * 1_000_000_000 + Int(components.attoseconds / 1_000_000_000)
        )
    }
}
