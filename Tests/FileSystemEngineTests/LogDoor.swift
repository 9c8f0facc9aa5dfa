import Disk
import Foundation
import TestKit

/// Stands before the syncs of a log: each waits until it is let through, once the door is shut.
final class LogDoor: Sendable {
    private let condition = NSCondition()
    // SAFETY: under `condition`'s lock alone.
    private nonisolated(unsafe) var isShut = false
    private nonisolated(unsafe) var passes = 0
    private nonisolated(unsafe) var waiting = 0
    private nonisolated(unsafe) var fails = false

    /// The disk whose log has this door.
    func watch(_ disk: SimulatedDisk) -> WatchedDisk {
        WatchedDisk(disk) { [self] (path, moment) throws(DiskError) in
            guard path.hasSuffix("-wal"), moment == .sync, !enter() else { return }
            throw DiskError(.failed, "fdatasync of \(path) fails")
        }
    }

    func shut() {
        condition.withLock { isShut = true }
    }

    func letOne() {
        condition.withLock {
            passes += 1
            condition.broadcast()
        }
    }

    /// Lets all through from now on.
    ///
    /// - Parameter failing: Whether those that come through fail.
    func open(failing: Bool = false) {
        condition.withLock {
            fails = failing
            isShut = false
            condition.broadcast()
        }
    }

    /// Returns once a sync waits.
    func arrival() async {
        while condition.withLock({ waiting == 0 || passes > 0 }) { await Task.yield() }
    }

    /// Waits to be let through; whether the sync may be done.
    private func enter() -> Bool {
        condition.withLock {
            waiting += 1
            defer { waiting -= 1 }
            while isShut, passes == 0 { condition.wait() }
            if isShut { passes -= 1 }
            return !fails
        }
    }
}
