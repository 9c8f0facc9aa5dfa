private import Disk
private import Glibc

/// A few threads of our own, for tasks that block in system calls.
///
/// The cooperative pool has one thread a core and must not wait for a disk; a task that prefers
/// this executor waits here instead.
final class HostThreads: TaskExecutor, @unchecked Sendable {
    // SAFETY: `jobs` is touched under `mutex` alone; the two pointers are set once in init and live as
    // long as the process, as do the threads (`shared` is the only instance).
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private var jobs: [UnownedJob] = []
    private var first = 0

    /// Eight: two cores, and as many waits for the disk as it takes to keep its queue filled.
    static let shared = HostThreads(count: 8)

    private init(count: Int) {
        mutex = .allocate(capacity: 1)
        condition = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
        for _ in 0..<count { HostThread.start { [self] in work() } }
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        pthread_mutex_lock(mutex)
        jobs.append(job)
        pthread_mutex_unlock(mutex)
        pthread_cond_signal(condition)
    }

    private func work() {
        while true {
            pthread_mutex_lock(mutex)
            while first == jobs.count { pthread_cond_wait(condition, mutex) }
            let job = jobs[first]
            first += 1
            if first == jobs.count {
                jobs.removeAll(keepingCapacity: true)
                first = 0
            } else if first > 4_096 {
                jobs.removeFirst(first)
                first = 0
            }
            pthread_mutex_unlock(mutex)
            job.runSynchronously(on: asUnownedTaskExecutor())
        }
    }
}
