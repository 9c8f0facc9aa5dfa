import NIOPosix
import Synchronization

/// Runs calls that block (vaults, key files) off the threads that everything else shares.
enum BlockingCalls {
    /// 16: NIO's own has one thread a core, and a store that does not answer may keep its callers for two minutes;
    /// others, and vaults in directories, must not wait for them.
    private static let pool: NIOThreadPool = {
        let pool = NIOThreadPool(numberOfThreads: 16)
        pool.start()
        return pool
    }()

    static func run<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws
        -> Result
    {
        try await pool.runIfActive(body)
    }

    /// The same, also in a task that was cancelled: what such a task must do before it ends.
    static func runToEnd<Value: Sendable>(
        _ body: @escaping @Sendable () throws -> Value
    ) async throws -> Value {
        try await withCheckedThrowingContinuation { done in
            pool.submit { _ in done.resume(with: Result(catching: body)) }
        }
    }

    /// The same, of what asks now and then whether its task was cancelled: a pool's thread is of no task.
    static func runCancellable<Result: Sendable>(
        _ body: @escaping @Sendable (_ isCancelled: @escaping @Sendable () -> Bool) throws -> Result
    ) async throws -> Result {
        let flag = CancellationFlag()
        return try await withTaskCancellationHandler {
            try await run { try body { flag.isSet } }
        } onCancel: {
            flag.set()
        }
    }

    /// Begins what may outlive who began it: `body` tells those who wait.
    static func begin(_ body: @escaping @Sendable () -> Void) {
        pool.submit { _ in body() }
    }
}

/// Whether a task was cancelled, for threads that are of no task.
final class CancellationFlag: Sendable {
    private let value = Atomic(false)

    var isSet: Bool { value.load(ordering: .relaxed) }

    func set() { value.store(true, ordering: .relaxed) }
}
