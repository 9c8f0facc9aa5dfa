private import Disk
private import Dispatch
private import Synchronization

/// Runs an actor's jobs on one OS thread of its own, in the order in which they came.
///
/// For stores whose calls block: they stay off the cooperative pool. The thread ends with its owner.
package final class BlockingThread: SerialExecutor {
    private let queue: JobQueue

    /// Starts the thread.
    package init() {
        queue = JobQueue()
        queue.start()
    }

    deinit {
        queue.stop()
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        queue.add(UnownedJob(job), for: asUnownedSerialExecutor())
    }

    package func asUnownedSerialExecutor() -> UnownedSerialExecutor {
        UnownedSerialExecutor(ordinary: self)
    }
}

/// What the thread shares with its owner; it outlives the owner until the thread has ended.
///
/// The queue has no bound of its own: an actor's callers wait for their calls, so it holds one job a
/// waiting caller.
private final class JobQueue: Sendable {
    private struct State {
        var jobs: [(job: UnownedJob, executor: UnownedSerialExecutor)] = []
        var isStopped = false
    }

    private let state = Mutex(State())
    private let wake = DispatchSemaphore(value: 0)

    func start() {
        HostThread.start { [self] in run() }
    }

    func add(_ job: UnownedJob, for executor: UnownedSerialExecutor) {
        state.withLock { $0.jobs.append((job, executor)) }
        wake.signal()
    }

    func stop() {
        state.withLock { $0.isStopped = true }
        wake.signal()
    }

    private func run() {
        while true {
            wake.wait()
            let (jobs, isStopped) = state.withLock { state in
                defer { state.jobs.removeAll(keepingCapacity: true) }
                return (state.jobs, state.isStopped)
            }
            // An executor outlives its jobs: the actor that owns it is retained by each of them.
            for (job, executor) in jobs { job.runSynchronously(on: executor) }
            if isStopped { return }
        }
    }
}
