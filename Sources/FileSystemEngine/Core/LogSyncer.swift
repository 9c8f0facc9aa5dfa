import Disk
import Dispatch
import Foundation
import Synchronization

/// The thread that syncs the log of one batch while the committer runs the next; one batch at a time.
final class LogSyncer: Sendable {
    private let core: Core
    private let called = DispatchSemaphore(value: 0)
    private let ended = DispatchSemaphore(value: 0)
    /// Told after each sync, on the syncer's thread.
    private let onIdle: @Sendable () -> Void
    private let state = Mutex(State())

    private struct State {
        var batch: VisibleBatch?
        var isBusy = false
        var isStopping = false
    }

    init(core: Core, onIdle: @escaping @Sendable () -> Void) {
        self.core = core
        self.onIdle = onIdle
        let thread = Thread { [self] in work() }
        thread.name = "varve-sync"
        thread.start()
    }

    /// Whether a batch is being synced.
    var isBusy: Bool { state.withLock { $0.isBusy } }

    /// Takes a batch over; none may be under way.
    func sync(_ batch: VisibleBatch) {
        state.withLock { state in
            precondition(!state.isBusy, "one batch at a time")
            state.isBusy = true
            state.batch = batch
        }
        called.signal()
    }

    /// Ends the thread, after the batch under way.
    func stop() {
        state.withLock { $0.isStopping = true }
        called.signal()
        ended.wait()
    }

    private func work() {
        HostThread.takeShortSlices()
        while true {
            called.wait()
            guard let batch = take() else { break }
            batch.makeDurable(core)
            state.withLock { $0.isBusy = false }
            onIdle()
        }
        ended.signal()
    }

    private func take() -> VisibleBatch? {
        state.withLock { state in
            defer { state.batch = nil }
            return state.batch
        }
    }
}
