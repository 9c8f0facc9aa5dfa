private import Synchronization
import VarveModel

/// How far a file system's access days were walked for files that are gone, and how much of that is owed.
///
/// Each use that is written down owes a look at two rows, and a walk that comes to the last row owes no more: there are never
/// many more rows than files, and what is looked at is at most twice what was used.
package final class AccessSweep: Sendable {
    private struct State {
        var position: InodeNumber?
        var owed = 0
    }

    private let state = Mutex(State())

    package init() {}

    /// Notes uses that were written down.
    package func owe(forUses count: Int) {
        state.withLock { $0.owed += 2 * count }
    }

    /// Takes a part of what is owed.
    ///
    /// - Parameter limit: Rows at most.
    /// - Returns: Behind which inode it begins, and how many rows it has; none where nothing is owed.
    func take(_ limit: Int) -> (after: InodeNumber?, rows: Int) {
        state.withLock { state in
            let rows = min(limit, state.owed)
            state.owed -= rows
            return (state.position, rows)
        }
    }

    /// Says behind which inode the next part begins.
    func move(to position: InodeNumber?) {
        state.withLock { $0.position = position }
    }

    /// The last row was looked at: the next part is the first one, once there are more uses.
    func end() {
        state.withLock { $0 = State() }
    }
}
