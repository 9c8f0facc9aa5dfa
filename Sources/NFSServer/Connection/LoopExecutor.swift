import NIOCore

/// Runs tasks on an event loop.
///
/// A request is answered where its bytes arrived: it goes from the socket to its task, and from the task to the socket, without
/// a change of threads. What blocks is the engine's, which has threads of its own; a task awaits it.
final class LoopExecutor: TaskExecutor {
    let loop: any EventLoop

    init(_ loop: any EventLoop) {
        self.loop = loop
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        loop.execute { [self] in
            job.runSynchronously(on: asUnownedTaskExecutor())
        }
    }
}
