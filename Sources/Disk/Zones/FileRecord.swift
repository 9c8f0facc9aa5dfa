private import Synchronization

/// What is known of one file while it is open or may differ between zones: shared by all that have it open.
final class FileRecord: Sendable {
    private struct State {
        var name: String?
        var isListed: Bool
        var size: UInt64
        var opens = 0
        var inFlight = 0
        /// Changed since the last sync that all zones did.
        var unsynced = ByteRanges()
        /// What syncs under way are to make durable.
        var syncing: [Int: ByteRanges] = [:]
        var syncs = 0
        /// A change failed, so that zones may hold different bytes that nobody was promised.
        var isUneven = false
        /// Changed since the list was last written.
        var isTouched = false
        /// A change that found no room is being taken back.
        var isUndoing = false
    }

    /// What a change must wait for, or do, before it begins.
    enum Begun {
        case begun
        /// The file's name must stand in the list first.
        case isUnlisted
        /// See ``awaitUndo()``.
        case isUndoing
    }

    private let state: Mutex<State>
    private let undoing = Mutex(())
    /// Held by a sync.
    private let syncingNow = Mutex(())

    init(name: String, size: UInt64, isListed: Bool) {
        state = Mutex(State(name: name, isListed: isListed, size: size))
    }

    /// Relative to the root; `nil` once no name leads to the file.
    var name: String? { state.withLock { $0.name } }

    func rename(to name: String?) { state.withLock { $0.name = name } }

    var size: UInt64 { state.withLock { $0.size } }

    // MARK: Changes

    /// Begins a change of `range`, if it may.
    func begin(_ range: Range<UInt64>) -> Begun {
        state.withLock { state in
            guard !state.isUndoing else { return .isUndoing }
            guard state.isListed || state.name == nil else { return .isUnlisted }
            state.inFlight += 1
            state.isTouched = true
            state.unsynced.insert(range)
            return .begun
        }
    }

    /// Ends it, done or not, with the size that the file has by it.
    func end(_ size: (UInt64) -> UInt64) {
        state.withLock { state in
            state.inFlight -= 1
            state.size = size(state.size)
        }
    }

    func becomeUneven() { state.withLock { $0.isUneven = true } }

    /// The zones were made equal.
    func becomeEven() {
        state.withLock { state in
            state.isUneven = false
            state.unsynced = ByteRanges()
        }
    }

    /// Takes back the caller's change, which is under way, while no other may begin.
    ///
    /// - Parameters:
    ///   - size: The file's size before it.
    ///   - body: Takes it back in every copy.
    /// - Returns: `false`, with nothing done, when another is under way or made the file longer.
    /// - Throws: What `body` throws.
    func undo(to size: UInt64, _ body: () throws(DiskError) -> Void) throws(DiskError) -> Bool {
        try undoing.withLock { _ throws(DiskError) in
            let isAlone = state.withLock { state in
                state.isUndoing = state.inFlight == 1 && state.size == size
                return state.isUndoing
            }
            guard isAlone else { return false }
            defer { state.withLock { $0.isUndoing = false } }
            try body()
            return true
        }
    }

    /// Waits for a change that is being taken back.
    func awaitUndo() { undoing.withLock { _ in } }

    // MARK: Syncs

    /// One sync at a time: the kernel tells a failure to one of several that overlap.
    func oneSync(_ body: () throws(DiskError) -> Void) throws(DiskError) {
        try syncingNow.withLock { _ throws(DiskError) in try body() }
    }

    func beginSync() -> Int {
        state.withLock { state in
            state.syncs += 1
            state.syncing[state.syncs] = state.unsynced
            // A change under way may come too late for this sync.
            if state.inFlight == 0 { state.unsynced = ByteRanges() }
            return state.syncs
        }
    }

    func endSync(_ number: Int, isDone: Bool) {
        state.withLock { state in
            let ranges = state.syncing.removeValue(forKey: number) ?? ByteRanges()
            if !isDone {
                state.unsynced.formUnion(ranges)
                state.isUneven = true
            }
        }
    }

    /// All that no sync has made durable everywhere.
    var pending: ByteRanges {
        state.withLock { state in
            state.syncing.values.reduce(into: state.unsynced) { $0.formUnion($1) }
        }
    }

    // MARK: The list

    func enlist() {
        state.withLock { state in
            state.isListed = true
            state.isTouched = true
        }
    }

    /// Leaves the list if every zone holds the same, durably, and nothing happened for a while.
    func settle() -> Bool {
        state.withLock { state in
            let isSettled =
                state.inFlight == 0 && state.unsynced.isEmpty && state.syncing.isEmpty
                && !state.isUneven && !state.isTouched
            state.isTouched = false
            if isSettled { state.isListed = false }
            return isSettled
        }
    }

    func opened() { state.withLock { $0.opens += 1 } }

    /// - Returns: Whether nobody needs the record any more.
    func closed() -> Bool {
        state.withLock { state in
            state.opens -= 1
            return state.opens == 0 && !state.isListed
        }
    }

    var isIdle: Bool { state.withLock { $0.opens == 0 && !$0.isListed } }

    /// Whether something of it may be lost with the power.
    var isUnsynced: Bool {
        state.withLock { $0.isUneven || !$0.unsynced.isEmpty || !$0.syncing.isEmpty }
    }

    var isUneven: Bool { state.withLock { $0.isUneven } }
}
