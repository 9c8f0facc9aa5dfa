private import Synchronization
package import VarveModel

/// Keeps what a file system tells its observer of uses.
package final class UseLog: Sendable {
    private let uses = Mutex<[InodeNumber]>([])

    package init() {}

    package func accessed(_ inode: InodeNumber, day: Int64) {
        uses.withLock { $0.append(inode) }
    }

    /// What was told since the last call, in order.
    package func take() -> [InodeNumber] {
        uses.withLock { uses in
            defer { uses = [] }
            return uses
        }
    }
}
