import Disk
import Foundation
import VarveModel

/// Threads of moves: they copy, sync and give back, so that readers' threads and the committer's need not.
///
/// One a call, made for it: copying takes milliseconds at least. They are threads as any other, for clients may wait
/// for what they hold (docs/decisions/0050).
final class CopyThreads: Sendable {
    private let condition = NSCondition()
    // SAFETY: the three are touched under `condition`'s lock alone.
    private nonisolated(unsafe) var running = 0
    private nonisolated(unsafe) var moves = 0
    private nonisolated(unsafe) var stopping = false

    /// Runs `body` on a thread of its own.
    ///
    /// - Throws: What it throws, and ``FileSystemError/closed`` once the file system is being closed.
    func run<Value: Sendable>(
        _ body: @escaping @Sendable () throws -> Value
    ) async throws(FileSystemError) -> Value {
        guard begin() else { throw .closed }
        return try await Blocking.run(named: "varve-copy") { [self] in
            defer { end() }
            HostThread.takeLongSlices()
            return try body()
        }
    }

    /// Whether the file system is being closed: what runs ends soon.
    var isStopping: Bool {
        condition.lock()
        defer { condition.unlock() }
        return stopping
    }

    /// Begins a move, which ``stop()`` waits for; `false` once the file system is being closed.
    func beginMove() -> Bool {
        condition.lock()
        defer { condition.unlock() }
        guard !stopping else { return false }
        moves += 1
        return true
    }

    func endMove() {
        condition.lock()
        moves -= 1
        if moves == 0 { condition.broadcast() }
        condition.unlock()
    }

    /// Refuses what comes from here on, and returns when the last move has ended.
    func stop() {
        condition.lock()
        stopping = true
        while running > 0 || moves > 0 { condition.wait() }
        condition.unlock()
    }

    private func begin() -> Bool {
        condition.lock()
        defer { condition.unlock() }
        guard !stopping else { return false }
        running += 1
        return true
    }

    private func end() {
        condition.lock()
        running -= 1
        if running == 0 { condition.broadcast() }
        condition.unlock()
    }
}
