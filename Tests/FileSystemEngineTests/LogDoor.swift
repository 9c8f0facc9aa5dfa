import Disk
import Foundation
import TestKit

/// Stands before the syncs of a log: each waits until it is let through, once the door is shut.
final class LogDoor: Sendable {
    private struct State {
        var isShut = false
        /// Syncs that may come through the shut door.
        var passes = 0
        var waiting = 0
        /// Whether those that come through fail.
        var fails = false
        /// What they throw; `nil`: EIO.
        var refusal: DiskError?
    }

    private let condition = NSCondition()
    // SAFETY: touched under `condition`'s lock alone.
    private nonisolated(unsafe) var state = State()

    /// The disk whose log has this door.
    func watch(_ disk: SimulatedDisk) -> WatchedDisk {
        WatchedDisk(disk) { [self] (path, moment) throws(DiskError) in
            guard path.hasSuffix("-wal"), moment == .sync, !enter() else { return }
            throw refusal ?? DiskError(.failed, "fdatasync of \(path) fails")
        }
    }

    func shut() {
        condition.withLock { state.isShut = true }
    }

    func letOne() {
        condition.withLock {
            state.passes += 1
            condition.broadcast()
        }
    }

    /// Lets all through from now on.
    func open(failing: Bool = false, with refusal: DiskError? = nil) {
        condition.withLock {
            state.fails = failing
            state.refusal = refusal
            state.isShut = false
            condition.broadcast()
        }
    }

    /// Returns once a sync waits.
    func arrival() async {
        while condition.withLock({ state.waiting == 0 || state.passes > 0 }) { await Task.yield() }
    }

    private var refusal: DiskError? { condition.withLock { state.refusal } }

    /// Waits to be let through; whether the sync may be done.
    private func enter() -> Bool {
        condition.withLock {
            state.waiting += 1
            defer { state.waiting -= 1 }
            while state.isShut, state.passes == 0 { condition.wait() }
            if state.isShut { state.passes -= 1 }
            return !state.fails
        }
    }
}
