import Synchronization

/// How many files that could be closed the parts of one process may keep open together.
///
/// Whoever finds none left lets go of its own longest unused ones, and gives back what it has not used for a while: so
/// whoever is used has them.
package final class OpenFileBudget: Sendable {
    private let left: Atomic<Int>

    package init(_ count: Int = 256) {
        left = Atomic(count)
    }

    /// Takes one, if there is one.
    package func take() -> Bool {
        guard left.subtract(1, ordering: .relaxed).newValue >= 0 else {
            left.add(1, ordering: .relaxed)
            return false
        }
        return true
    }

    /// Gives back as many as were taken.
    package func giveBack(_ count: Int) { left.add(count, ordering: .relaxed) }
}
