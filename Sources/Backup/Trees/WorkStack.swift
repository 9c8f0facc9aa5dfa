private import Synchronization

/// Work that makes more work: the last in is the first out, so that a walk stays deep and small.
///
/// It ends when nothing is left and no worker can add more.
final class WorkStack<Item: Sendable>: Sendable {
    private struct State {
        var items: [Item] = []
        var waiting: [CheckedContinuation<Item?, Never>] = []
        var working = 0
        var isStopped = false
    }

    private let state = Mutex(State())

    /// Adds items; the last is taken first.
    func push(_ items: [Item]) {
        let woken = state.withLock { state in
            var woken: [(CheckedContinuation<Item?, Never>, Item)] = []
            guard !state.isStopped else { return woken }
            state.items.append(contentsOf: items)
            while !state.waiting.isEmpty, let item = state.items.popLast() {
                state.working += 1
                woken.append((state.waiting.removeLast(), item))
            }
            return woken
        }
        for (worker, item) in woken { worker.resume(returning: item) }
    }

    /// The next item; `nil` when all is done or stopped.
    ///
    /// A worker that comes back for more has thereby finished what it had.
    ///
    /// - Parameter isBack: Whether this worker had an item before.
    /// - Returns: An item that this worker alone has.
    func next(isBack: Bool) async -> Item? {
        await withCheckedContinuation { worker in
            var ended: [CheckedContinuation<Item?, Never>] = []
            let item = state.withLock { state -> Item? in
                if isBack { state.working -= 1 }
                if !state.isStopped, let item = state.items.popLast() {
                    state.working += 1
                    return item
                }
                state.waiting.append(worker)
                if state.isStopped || state.working == 0 {
                    ended = state.waiting
                    state.waiting = []
                }
                return nil
            }
            if let item { worker.resume(returning: item) }
            for worker in ended { worker.resume(returning: nil) }
        }
    }

    /// Drops what is left and sends the workers home.
    func stop() {
        let ended = state.withLock { state in
            state.isStopped = true
            state.items = []
            defer { state.waiting = [] }
            return state.waiting
        }
        for worker in ended { worker.resume(returning: nil) }
    }
}
