private import Synchronization

/// One power supply of several simulated disks: it numbers what they do in one order, and goes for all of them at once.
package final class PowerLine: Sendable {
    private struct State {
        var moment = 0
        var cut: Int?
    }

    private let state = Mutex(State())

    package init() {}

    /// Mutating calls of all disks so far.
    package var moment: Int { state.withLock { $0.moment } }

    /// Lets `n` more mutating calls succeed; then everything throws `.powerCut`.
    package func cut(after n: Int) { state.withLock { $0.cut = $0.moment + n } }

    var isOff: Bool { state.withLock { $0.moment >= $0.cut ?? .max } }

    func step() -> Int {
        state.withLock { state in
            state.moment += 1
            return state.moment
        }
    }
}
