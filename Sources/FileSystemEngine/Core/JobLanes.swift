/// Jobs in order of arrival, of which only so many long ones run at one time; short ones pass them by.
struct JobLanes {
    struct Entry {
        let body: WorkerPool.Job
        let isLong: Bool
        fileprivate let number: UInt64
    }

    private var short = JobQueue()
    private var long = JobQueue()
    private var longRunning = 0
    private let longMax: Int
    private var appended: UInt64 = 0

    init(longMax: Int) {
        precondition(longMax > 0, "a long job could never run")
        self.longMax = longMax
    }

    mutating func append(_ job: @escaping WorkerPool.Job, isLong: Bool) {
        appended += 1
        let entry = Entry(body: job, isLong: isLong, number: appended)
        if isLong { long.append(entry) } else { short.append(entry) }
    }

    /// Whether a job waits that may run now.
    var canStart: Bool { !short.isEmpty || (!long.isEmpty && longRunning < longMax) }

    /// Takes out the job that has waited longest of those that may run; ``endLong()`` follows a long one.
    mutating func start() -> Entry? {
        let longFirst = longRunning < longMax ? long.first : nil
        guard let longFirst else { return short.popFirst() }
        if let shortFirst = short.first, shortFirst.number < longFirst.number {
            return short.popFirst()
        }
        longRunning += 1
        return long.popFirst()
    }

    mutating func endLong() {
        longRunning -= 1
    }
}

/// Jobs in order of arrival; what is taken is let go of at once, with the bytes that it holds.
private struct JobQueue {
    private var jobs: [JobLanes.Entry?] = []
    private var next = 0

    var isEmpty: Bool { next == jobs.count }
    var first: JobLanes.Entry? { isEmpty ? nil : jobs[next] }

    mutating func append(_ job: JobLanes.Entry) {
        jobs.append(job)
    }

    mutating func popFirst() -> JobLanes.Entry? {
        guard !isEmpty else { return nil }
        let job = jobs[next].take()
        next += 1
        if isEmpty {
            jobs.removeAll(keepingCapacity: true)
            next = 0
        } else if next >= 1_024 {
            jobs.removeFirst(next)
            next = 0
        }
        return job
    }
}
