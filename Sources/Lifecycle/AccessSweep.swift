private import Synchronization
import VarveModel

/// How far a file system's access days were walked for files that are gone, and how much of that is owed.
///
/// Each use that is written down owes a look at two rows, so that there are never many more rows than files.
package final class AccessSweep: Sendable {
    private struct State {
        var position: InodeNumber?
        var owed = 0
    }

    private let state = Mutex(State())

    /// Rows that are owed at the most: the days of a file system are walked once, and no more, after however many uses.
    private static let owedMax = 4_000_000

    package init() {}

    /// Notes uses that were written down.
    package func owe(forUses count: Int) {
        state.withLock { $0.owed = min($0.owed + 2 * count, AccessSweep.owedMax) }
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

    /// Says where the next part begins; `nil` at the first row.
    func move(to position: InodeNumber?) {
        state.withLock { $0.position = position }
    }
}
