import JobScheduler
import Policies
import Synchronization
import Testing
import TestKit
import VarveModel

/// Days of jobs that take time, wait for each other and are too slow, with daemons that end and are killed in between.
@Suite struct BusyDaysSimulation {
    /// A life of a daemon.
    struct Life {
        let began: Timestamp
        let ended: Timestamp
    }

    static let limits = JobLimits(total: 3, byAction: [.backup: 2])

    /// Goal: windows, jitter, limits, priorities and catch-up hold at once, whatever ends the daemon.
    ///
    /// Method: the records of 64 hours (16 at CI's size) are held against each due instant, by rules that are written down below
    /// without the scheduler's own decisions. Half the daemons are killed: nothing that they write after that is kept.
    @Test func `in busy days each due instant is run once or accounted for`() async throws {
        var random = SeededGenerator(seed: testSeed(default: 64))
        let jobs = try Self.jobs()
        let start = try instant("2026-11-23T12:00:00Z")
        let hours = TestSizes.current.jobHours
        let end = start.adding(seconds: hours * 3_600)
        let clock = SimulatedClock(start)
        let kept = MemoryJournal()
        let seed = UInt64.random(in: 0 ... .max, using: &random)
        let work = SimulatedWork(clock) { job, due in
            var random = SeededGenerator(seed: seed ^ UInt64(due.seconds) ^ UInt64(job.name.count))
            // One in eight takes far longer than usual.
            let usual = Int64.random(in: 60...2_400, using: &random)
            return Int.random(in: 0..<8, using: &random) == 0 ? usual * 6 : usual
        }
        var lives: [Life] = []
        while clock.now() < end {
            let began = clock.now()
            let stop = min(
                end,
                began.adding(seconds: Int64.random(in: 600...28_800, using: &random))
            )
            let journal = MortalJournal(kept)
            let scheduler = Scheduler(
                clock: clock,
                journal: journal,
                logger: silent,
                limits: Self.limits
            ) { await work.execute($0, $1) }
            try await scheduler.start(jobs)
            let isKilled = Bool.random(using: &random)
            await scheduler.run { seconds in
                do {
                    try await work.pass(seconds, of: scheduler, until: stop)
                } catch {
                    if isKilled { journal.die() }
                    throw error
                }
            }
            lives.append(Life(began: began, ended: clock.now()))
            let pause: Int64 = [0, 30, 200, 4_000, 20_000].randomElement(using: &random) ?? 0
            clock.advance(seconds: Int64.random(in: 0...pause, using: &random))
        }
        #expect(lives.count > 2, "too few restarts to mean anything")
        let records = await kept.all
        let check = BusyDaysCheck(
            jobs: jobs,
            limits: Self.limits,
            lives: lives,
            records: records,
            work: work.entries
        )
        check.checkSideBySide()
        var fates: [String: Int] = [:]
        for job in jobs { try check.check(job, &fates) }
        // At CI's size not everything comes to pass.
        let wanted =
            hours < 64
            ? ["in time", "waited", "skipped"]
            : [
                "in time", "waited", "caught up", "expired", "cancelled", "skipped", "covered",
                "interrupted", "again",
            ]
        for fate in wanted { #expect(fates[fate, default: 0] > 0, "'\(fate)' never occurred") }
        print("\(hours) hours: \(lives.count) daemons, \(records.count) records, \(fates)")
    }

    private static func jobs() throws -> [Job] {
        let expire = Job.Action.expire(
            ExpireAction(
                vault: "main",
                retention: RetentionPolicy(
                    name: "r",
                    why: "a test",
                    file: "r.yaml",
                    rule: RetentionRule(deleteAfterDays: 1),
                    timeZone: .utc
                )
            )
        )
        return [
            try job("hourly", "0 * * * *", completion: 90, jitter: 900),
            try job("narrow", "20 */3 * * *", window: 60, priority: 20),
            try job("each", "15 */2 * * *", missed: .runAll, window: 600, completion: 120),
            try job("skips", "*/40 * * * *", missed: .skip, jitter: 600, priority: 70),
            try job("slow", "5 */4 * * *", completion: 60, priority: 90, action: expire),
            try job("meek", "0 */3 * * *", priority: 5, action: expire),
            try job("every", "rate(3 hours)", missed: .runAll, jitter: 3_000, action: expire),
        ]
    }
}

/// A journal that keeps nothing more once its daemon is killed.
final class MortalJournal: JobRunJournal {
    struct Killed: Error {}

    private let kept: MemoryJournal
    private let isDead = Mutex(false)

    init(_ kept: MemoryJournal) { self.kept = kept }

    func die() { isDead.withLock { $0 = true } }

    private func check() throws { if isDead.withLock({ $0 }) { throw Killed() } }

    func insert(_ run: JobRun) async throws -> Int64 {
        try check()
        return try await kept.insert(run)
    }

    func finish(_ run: JobRun) async throws {
        try check()
        try await kept.finish(run)
    }

    func interruptRunning(ended: Timestamp, message: String) async throws {
        try check()
        try await kept.interruptRunning(ended: ended, message: message)
    }

    func lastScheduledRun(of job: String) async throws -> JobRun? {
        try await kept.lastScheduledRun(of: job)
    }

    func lastBegunRun(of job: String) async throws -> JobRun? {
        try await kept.lastBegunRun(of: job)
    }

    func interruptedRuns(of job: String, due: Timestamp) async throws -> Int {
        try await kept.interruptedRuns(of: job, due: due)
    }

    func runs(of job: String?, limit: Int) async throws -> [JobRun] {
        try await kept.runs(of: job, limit: limit)
    }

    func sightings() async throws -> [JobSighting] { try await kept.sightings() }

    func save(_ sighting: JobSighting) async throws {
        try check()
        try await kept.save(sighting)
    }

    func removeSighting(of job: String) async throws {
        try check()
        try await kept.removeSighting(of: job)
    }
}

/// The rules that records of busy days keep to.
struct BusyDaysCheck {
    let jobs: [Job]
    let limits: JobLimits
    let lives: [BusyDaysSimulation.Life]
    let records: [JobRun]
    let work: [SimulatedWork.Entry]

    /// Never more at once than the limits allow, never one job twice, and the greatest priority first.
    func checkSideBySide() {
        for entry in work {
            let beside = running(at: entry.began)
            #expect(beside.count <= limits.total)
            for (action, most) in limits.byAction {
                #expect(beside.count { $0.action == action } <= most)
            }
            #expect(beside.count { $0.job == entry.job } == 1, "\(entry.job) twice at a time")
            let own = priority(of: entry.job)
            for other in work
            where other.action == entry.action && other.began > entry.began
                && priority(of: other.job) > own
            {
                // The other one began later: it must not have waited already while this one began.
                guard let job = jobs.first(where: { $0.name == other.job }),
                    let life = life(at: entry.began), other.began <= life.ended,
                    job.plannedRun(at: other.due).start < entry.began,
                    !beside.contains(where: { $0.job == other.job })
                else { continue }
                // One that ran at that instant, or was due again only after it, did not wait.
                let isTold = records.contains {
                    $0.job == other.job && $0.due == other.due && $0.started == other.began
                }
                let isBusy = work.contains {
                    $0.job == other.job && $0.began <= entry.began
                        && ($0.ended ?? .distant) > entry.began
                }
                #expect(isBusy || !isTold, "\(entry.job) went before \(other.job)")
            }
        }
    }

    /// Holds one job's records against every due instant.
    func check(_ job: Job, _ fates: inout [String: Int]) throws {
        let first = try #require(lives.first).began
        let last = try #require(lives.last).ended
        let own = records.filter { $0.job == job.name }
        let byDue = Dictionary(grouping: own, by: \.due)
        for (due, runs) in byDue { checkOne(job, due, runs, &fates) }
        var due = first
        while let planned = job.plannedRun(after: due), planned.start < last {
            due = planned.due
            guard byDue[due] == nil else { continue }
            // No record of its own: a later one stands for it, or the last daemon was gone.
            let later = own.filter { $0.due > due }.min { $0.id < $1.id }
            guard let later else {
                let isLate = lives.contains { $0.began > planned.start }
                #expect(
                    isBlocked(job, planned.start) || !isLate,
                    "\(job.name) at \(due.seconds) is unaccounted for"
                )
                continue
            }
            fates["covered", default: 0] += 1
            if job.missed == .runAll {
                #expect(later.state == .expired || later.state == .skipped)
            } else {
                #expect(isBlocked(job, planned.start), "\(job.name) at \(due.seconds) had its turn")
            }
        }
    }

    /// The records of one due instant: one run, and before it at most one that was interrupted.
    private func checkOne(
        _ job: Job,
        _ due: Timestamp,
        _ runs: [JobRun],
        _ fates: inout [String: Int]
    ) {
        let planned = job.plannedRun(at: due)
        #expect(runs.count <= 2)
        #expect(runs.count { $0.state != .interrupted && $0.state != .running } <= 1)
        if runs.count == 2 {
            #expect(runs[0].state == .interrupted && job.missed != .skip)
            fates["again", default: 0] += 1
        }
        for run in runs {
            guard let started = run.started else {
                checkNotRun(job, planned, run, &fates)
                continue
            }
            #expect(started >= planned.start)
            if let latest = planned.latest { #expect(started <= latest) }
            let entry = work.first {
                $0.job == job.name && $0.due == due && $0.began == started
            }
            #expect(entry != nil, "\(job.name) at \(due.seconds) was recorded and not begun")
            checkEnd(job, run, started, entry, &fates)
            if run.trigger == .catchUp {
                fates["caught up", default: 0] += 1
            } else if started > planned.start {
                fates["waited", default: 0] += 1
                #expect(
                    isBlocked(job, planned.start),
                    "\(job.name) at \(due.seconds) waited for nothing"
                )
            } else {
                fates["in time", default: 0] += 1
            }
        }
    }

    private func checkNotRun(
        _ job: Job,
        _ planned: PlannedRun,
        _ run: JobRun,
        _ fates: inout [String: Int]
    ) {
        fates[run.state.rawValue, default: 0] += 1
        let now = run.ended ?? .distant
        switch run.state {
        case .expired: #expect(planned.latest.map { now > $0 } ?? false)
        case .skipped:
            let wasRunning = work.contains {
                $0.job == job.name && $0.began <= now && ($0.ended ?? .distant) >= now
            }
            // Or it waited until its next instant came.
            let waited = isBlocked(job, planned.start) && run.message.contains("its turn")
            #expect(wasRunning || job.missed == .skip || waited)
        default: Issue.record("\(job.name): \(run.state) without a start")
        }
    }

    private func checkEnd(
        _ job: Job,
        _ run: JobRun,
        _ started: Timestamp,
        _ entry: SimulatedWork.Entry?,
        _ fates: inout [String: Int]
    ) {
        let window = job.completionWindowMinutes.map { started.adding(seconds: Int64($0) * 60) }
        switch run.state {
        case .succeeded:
            #expect(entry?.isDone == true && entry?.ended == run.ended)
            if let window { #expect((run.ended ?? .distant) <= window) }
        case .cancelled:
            #expect(entry?.isDone == false && run.ended == window)
            fates["cancelled", default: 0] += 1
        case .interrupted, .running:
            // Only where a daemon ended.
            #expect(lives.contains { $0.ended == entry?.ended })
            fates["interrupted", default: 0] += 1
        default: Issue.record("\(job.name): \(run.state)")
        }
    }

    /// Whether no run could begin at that instant: no daemon was there, or no room, or the job ran.
    private func isBlocked(_ job: Job, _ time: Timestamp) -> Bool {
        guard let life = life(at: time), life.began < time, life.ended > time else { return true }
        // One that was told to stop at that instant makes room at the next look.
        let stopped = work.filter { $0.ended == time && !$0.isDone }
        let beside = running(at: time) + stopped
        let alike = beside.count { $0.action == job.action.name }
        return beside.contains { $0.job == job.name } || beside.count >= limits.total
            || alike >= limits.byAction[job.action.name] ?? .max
    }

    /// What ran just after that instant.
    private func running(at time: Timestamp) -> [SimulatedWork.Entry] {
        work.filter { $0.began <= time && ($0.ended ?? .distant) > time }
    }

    private func life(at time: Timestamp) -> BusyDaysSimulation.Life? {
        lives.first { $0.began <= time && time <= $0.ended }
    }

    private func priority(of name: String) -> Int {
        jobs.first { $0.name == name }?.priority ?? 0
    }
}

extension Timestamp {
    static let distant = Timestamp(seconds: .max)
}
