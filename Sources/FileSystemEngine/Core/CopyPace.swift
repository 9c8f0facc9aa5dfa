import Dispatch
import Synchronization

/// The pace of moves while clients work: one record at a time, in short bursts, and a share of the time
/// (docs/decisions/0050).
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
    /// A pause is so many times as long as the burst before it.
    private let pauses: Int
    private let quiet: Duration
    /// Rung when a copy that had the turn has ended.
    private let bell = DispatchSemaphore(value: 0)

    /// Whoever is kept from a processor by a copy waits for no more than this and a block; Linux looks after those who wait
    /// for one when another becomes idle.
    private static let burstMax = Duration.milliseconds(1)
    /// A rest within a record, at the most: its reader keeps what others free from coming back.
    private static let restMax = burstMax * 36
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
    ///
    /// `body` calls what it is given where it may rest; it keeps its turn meanwhile.
    func step<Value>(
        isHurried: @escaping () -> Bool,
        _ body: (_ rest: () -> Void) throws -> Value
    ) rethrows -> Value {
        guard begin(isHurried) else { return try body {} }
        var start = ContinuousClock.now
        defer { end(after: .now - start) }
        return try body {
            let burst = ContinuousClock.now - start
            guard burst >= CopyPace.burstMax else { return }
            pause(after: burst, isHurried)
            start = .now
        }
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
            look(after: wait)
        }
        return false
    }

    /// Waits as long as a burst asks for, or until there is nobody to heed.
    private func pause(after burst: Duration, _ isHurried: () -> Bool) {
        let end = ContinuousClock.now + min(pauseLength(after: burst), CopyPace.restMax)
        while !isHurried() {
            let now = ContinuousClock.now
            guard now < end, state.withLock({ clientsWork(&$0, now) }) else { return }
            look(after: end - now)
        }
    }

    private func pauseLength(after burst: Duration) -> Duration {
        min(burst * pauses, CopyPace.pauseMax)
    }

    /// A copying thread is its move's alone: nobody else waits for it meanwhile.
    private func look(after wait: Duration) {
        _ = bell.wait(timeout: .now() + min(wait, CopyPace.lookMax).interval)
    }

    private func end(after burst: Duration) {
        state.withLock { state in
            state.isTaken = false
            state.next = .now + pauseLength(after: burst)
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
