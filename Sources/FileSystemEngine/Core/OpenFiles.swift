import Synchronization
import VarveModel

/// Which inodes are open, so that losing the last name does not end them.
final class OpenFiles: Sendable {
    private struct State {
        var counts: [InodeNumber: Int] = [:]
        /// By handle.
        var handles: [UInt64: InodeNumber] = [:]
        var next: UInt64 = 1
        /// Lost their last name while open, or were about to: their last close ends them.
        var nameless: Set<InodeNumber> = []
        /// Losing their last name in the open transaction, unopened: they cannot be opened any more.
        var dying: Set<InodeNumber> = []
        /// The same, in the order in which they were claimed.
        var claims: [InodeNumber] = []
    }

    private let state = Mutex(State())

    /// Opens; `nil` when the inode is on its way out.
    func open(_ inode: InodeNumber) -> OpenFile? {
        state.withLock { state in
            guard !state.dying.contains(inode) else { return nil }
            state.counts[inode, default: 0] += 1
            defer { state.next += 1 }
            state.handles[state.next] = inode
            return OpenFile(id: state.next, inode: inode)
        }
    }

    /// Closes; answers whether it was the last handle of an inode that may have no name.
    func close(_ file: OpenFile) -> Bool {
        state.withLock { state in
            guard let inode = state.handles.removeValue(forKey: file.id),
                let count = state.counts[inode]
            else { return false }
            state.counts[inode] = count > 1 ? count - 1 : nil
            return count == 1 && state.nameless.remove(inode) != nil
        }
    }

    func isOpen(_ inode: InodeNumber) -> Bool {
        state.withLock { $0.counts[inode] != nil }
    }

    /// Claims the end of an inode that nobody has open; `false` when somebody has.
    func beginDying(_ inode: InodeNumber) -> Bool {
        state.withLock { state in
            guard state.counts[inode] == nil else {
                state.nameless.insert(inode)
                return false
            }
            if state.dying.insert(inode).inserted { state.claims.append(inode) }
            return true
        }
    }

    /// How many inodes the open transaction has claimed.
    var dyingCount: Int { state.withLock { $0.claims.count } }

    /// Ends the claims of one operation that was undone.
    func endDying(after count: Int) {
        state.withLock { state in
            state.dying.subtract(state.claims[count...])
            state.claims.removeSubrange(count...)
        }
    }

    /// Ends the claims of a transaction, kept or undone.
    func endDying() {
        state.withLock { state in
            state.dying.removeAll()
            state.claims.removeAll()
        }
    }
}
