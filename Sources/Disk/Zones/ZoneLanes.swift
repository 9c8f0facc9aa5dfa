private import Dispatch
private import Synchronization

/// Threads that wait for storage, so that a sync of three zones takes as long as the slowest one.
///
/// Made when first needed; they end with their owner.
final class ZoneLanes: Sendable {
    private let queue = LaneQueue()

    deinit {
        queue.end()
    }

    /// Does `body` for each of `zones` at once, one of them on the caller's thread.
    ///
    /// - Returns: What each threw, in the order of `zones`.
    func each(
        _ zones: [Int],
        _ body: @escaping @Sendable (Int) throws(DiskError) -> Void
    ) -> [DiskError?] {
        let jobs = zones.dropFirst().map { zone in LaneJob(zone, body) }
        for job in jobs { queue.add(job) }
        let own = zones.first.map { zone -> DiskError? in
            let job = LaneJob(zone, body)
            job.run()
            return job.result()
        }
        return (own.map { [$0] } ?? []) + jobs.map { $0.result() }
    }
}

/// One zone's part of a call.
private final class LaneJob: Sendable {
    private let zone: Int
    private let body: @Sendable (Int) throws(DiskError) -> Void
    private let failure = Mutex<DiskError?>(nil)
    private let ended = DispatchSemaphore(value: 0)

    init(_ zone: Int, _ body: @escaping @Sendable (Int) throws(DiskError) -> Void) {
        self.zone = zone
        self.body = body
    }

    func run() {
        do throws(DiskError) {
            try body(zone)
        } catch {
            failure.withLock { $0 = error }
        }
        ended.signal()
    }

    /// Waits for the end.
    func result() -> DiskError? {
        ended.wait()
        return failure.withLock { $0 }
    }
}

/// What the threads share with their owner; it outlives the owner until they have ended.
///
/// Its callers wait for their jobs, so that it never holds more than one for each zone of each caller.
private final class LaneQueue: Sendable {
    private struct State {
        var waiting: [LaneJob] = []
        var idle = 0
        var threads = 0
        var isEnding = false
    }

    /// Enough for four callers of three zones; more wait, since a disk takes few syncs at once.
    private static let threadsMax = 12

    private let state = Mutex(State())
    private let wake = DispatchSemaphore(value: 0)

    func add(_ job: LaneJob) {
        let wantsThread = state.withLock { state in
            state.waiting.append(job)
            guard state.waiting.count > state.idle, state.threads < LaneQueue.threadsMax else {
                return false
            }
            state.threads += 1
            return true
        }
        if wantsThread { HostThread.start { [self] in work() } }
        wake.signal()
    }

    func end() {
        let threads = state.withLock { state in
            state.isEnding = true
            return state.threads
        }
        for _ in 0..<threads { wake.signal() }
    }

    private func work() {
        while true {
            state.withLock { $0.idle += 1 }
            wake.wait()
            let job = state.withLock { state -> LaneJob? in
                state.idle -= 1
                return state.waiting.isEmpty ? nil : state.waiting.removeFirst()
            }
            guard let job else {
                if state.withLock({ $0.isEnding }) { return }
                continue
            }
            job.run()
        }
    }
}
