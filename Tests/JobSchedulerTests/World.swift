import Foundation
import JobScheduler
import Logging
import Policies
import Synchronization
import VarveModel

/// Instants as people write them.
func instant(_ text: String) throws -> Timestamp {
    let date = try Date(text, strategy: .iso8601)
    return Timestamp(seconds: Int64(date.timeIntervalSince1970))
}

/// A job that makes backups unless it is told otherwise, with the schedule that a test needs.
func job(
    _ name: String,
    _ schedule: String,
    missed: Job.MissedRuns = .runOnce,
    window: Int? = nil,
    completion: Int? = nil,
    jitter: Int64 = 0,
    priority: Int = Job.priorityStandard,
    zone: TimeZoneRules = .utc,
    action: Job.Action? = nil
) throws -> Job {
    Job(
        name: name,
        why: "a test",
        file: name + ".yaml",
        schedule: try Schedule(parsing: schedule, timeZone: zone),
        missed: missed,
        startWindowMinutes: window,
        completionWindowMinutes: completion,
        jitterSeconds: jitter,
        priority: priority,
        action: action
            ?? .backup(BackupAction(selection: .all, vault: "main", retention: nil))
    )
}

/// A gate that tasks wait at until it opens.
actor Gate {
    private var isOpen = false
    private var waiting: [CheckedContinuation<Void, Never>] = []
    private var arrivals: [CheckedContinuation<Void, Never>] = []
    private var arrived = 0

    func pass() async {
        arrived += 1
        for arrival in arrivals { arrival.resume() }
        arrivals = []
        guard !isOpen else { return }
        await withCheckedContinuation { waiting.append($0) }
    }

    func open() {
        isOpen = true
        for one in waiting { one.resume() }
        waiting = []
    }

    /// Waits until `count` tasks have come to the gate.
    func awaitArrivals(_ count: Int) async {
        while arrived < count { await withCheckedContinuation { arrivals.append($0) } }
    }
}

/// What the executor was asked to do.
final class Ledger: Sendable {
    struct Entry: Equatable, Sendable {
        let job: String
        let due: Timestamp
    }

    private let state = Mutex<(entries: [Entry], running: Set<String>, overlaps: Int)>(([], [], 0))

    var entries: [Entry] { state.withLock { $0.entries } }
    /// How often a job was begun that was running.
    var overlaps: Int { state.withLock { $0.overlaps } }

    func begin(_ job: String, _ due: Timestamp) {
        state.withLock {
            $0.entries.append(Entry(job: job, due: due))
            if !$0.running.insert(job).inserted { $0.overlaps += 1 }
        }
    }

    func end(_ job: String) {
        state.withLock { _ = $0.running.remove(job) }
    }
}

let silent: Logger = {
    var logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    logger.logLevel = .critical
    return logger
}()

/// A scheduler whose jobs succeed and are written down.
func scheduler(
    _ clock: SimulatedClock,
    _ journal: any JobRunJournal,
    _ ledger: Ledger,
    outcome: JobOutcome = JobOutcome(.succeeded)
) -> Scheduler {
    Scheduler(clock: clock, journal: journal, logger: silent) { job, due in
        ledger.begin(job.name, due)
        ledger.end(job.name)
        return outcome
    }
}
