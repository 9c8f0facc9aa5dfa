import Synchronization

/// Lets a bounded number of operations in; the rest wait their turn without a thread.
final class AdmissionGate: Sendable {
    private struct State {
        var free: Int
        var waiting: [UnsafeContinuation<Void, Never>] = []
        var first = 0
    }

    private let state: Mutex<State>
    /// Places of those served that are kept before the rest moves up: O(1) for each on the whole.
    private static let servedMax = 1_024

    init(limit: Int) {
        state = Mutex(State(free: limit))
    }

    /// Returns at once while there is room, otherwise when an earlier one leaves.
    func enter() async {
        let isIn = state.withLock { state in
            guard state.free > 0 else { return false }
            state.free -= 1
            return true
        }
        if isIn { return }
        await withUnsafeContinuation { continuation in
            let isIn = state.withLock { state in
                if state.free > 0 {
                    state.free -= 1
                    return true
                }
                state.waiting.append(continuation)
                return false
            }
            if isIn { continuation.resume() }
        }
    }

    /// Hands the place to who waits longest.
    func leave() {
        let next: UnsafeContinuation<Void, Never>? = state.withLock { state in
            guard state.first < state.waiting.count else {
                state.free += 1
                return nil
            }
            let next = state.waiting[state.first]
            state.first += 1
            if state.first == state.waiting.count || state.first >= AdmissionGate.servedMax {
                state.waiting.removeFirst(state.first)
                state.first = 0
            }
            return next
        }
        next?.resume()
    }
}
