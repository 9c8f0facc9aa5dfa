import Synchronization
import VarveModel

/// The directories that an unpacking has made, of which few are open at a time.
///
/// A directory of the host costs a descriptor from its first use until it rests. Those in use stay open, and of the others
/// the few that were used last: an archive mostly has what stands in one directory together.
final class MadeDirectories<Sink: TreeSink>: Sendable {
    private struct State {
        var made: [[FileName]: Sink.Directory] = [:]
        /// How many use a directory at the moment.
        var users: [[FileName]: Int] = [:]
        /// Those used before and by nobody now, the one used last at the end.
        var idle: [[FileName]] = []
    }

    private let sink: Sink
    private let state = Mutex(State())

    /// Sixteen: with as many in use and a file open in each, some 60 descriptors at the most.
    private let idleMax = 16

    init(_ sink: Sink) {
        self.sink = sink
    }

    func add(_ path: [FileName], _ directory: Sink.Directory) {
        state.withLock { $0.made[path] = directory }
    }

    func has(_ path: [FileName]) -> Bool { state.withLock { $0.made[path] != nil } }

    /// Lends a directory until ``leave(_:)``; `nil` when it was not made.
    func enter(_ path: [FileName]) -> Sink.Directory? {
        state.withLock { state in
            guard let directory = state.made[path] else { return nil }
            state.users[path, default: 0] += 1
            state.idle.removeAll { $0 == path }
            return directory
        }
    }

    /// Gives back what ``enter(_:)`` lent.
    func leave(_ path: [FileName]) {
        let tired = state.withLock { state -> Sink.Directory? in
            let users = (state.users[path] ?? 1) - 1
            guard users == 0 else {
                state.users[path] = users
                return nil
            }
            state.users[path] = nil
            state.idle.append(path)
            guard state.idle.count > idleMax else { return nil }
            return state.made[state.idle.removeFirst()]
        }
        // Whoever enters it meanwhile opens it again, or holds what was open.
        if let tired { sink.rest(tired) }
    }
}
