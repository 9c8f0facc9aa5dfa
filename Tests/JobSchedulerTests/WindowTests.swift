import Policies
import Testing
import VarveModel

@testable import JobScheduler

@Suite struct WindowTests {
    let clock: SimulatedClock
    let journal = MemoryJournal()
    let start: Timestamp

    init() throws {
        start = try instant("2026-11-23T12:00:00Z")
        clock = SimulatedClock(start)
    }

    func minutes(_ count: Int64) -> Timestamp { start.adding(seconds: count * 60) }

    /// Runs jobs for so many minutes of simulated time.
    func run(
        _ jobs: [Job],
        for minutes: Int64,
        limits: JobLimits = .standard,
        lasting seconds: @escaping @Sendable (Job, Timestamp) -> Int64
    ) async throws -> [SimulatedWork.Entry] {
        let work = SimulatedWork(clock, lasting: seconds)
        let scheduler = Scheduler(clock: clock, journal: journal, logger: silent, limits: limits) {
            await work.execute($0, $1)
        }
        try await scheduler.start(jobs)
        let end = clock.now().adding(seconds: minutes * 60)
        await scheduler.run { try await work.pass($0, of: scheduler, until: end) }
        return work.entries
    }

    func records(of job: String) async -> [JobRun] {
        await journal.all.filter { $0.job == job }
    }

    @Test func `a run that does not come to its turn within the start window has expired`()
        async throws
    {
        let jobs = [
            try job("long", "10 12 * * *"), try job("patient", "15 12 * * *", window: 300),
            try job("hasty", "20 12 * * *", window: 60), try job("meek", "25 12 * * *"),
        ]
        let limits = JobLimits(total: 1)
        let entries = try await run(jobs, for: 400, limits: limits) { job, _ in
            job.name == "long" ? 7_200 : 60
        }
        #expect(entries.map(\.job) == ["long", "patient", "meek"])
        let hasty = try #require(await records(of: "hasty").first)
        #expect(hasty.state == .expired && hasty.started == nil)
        #expect(hasty.ended == minutes(80).adding(seconds: 1))
        #expect(
            hasty.message == "it did not come to its turn within the start window of 60 minutes"
        )
        // Who waited is in time: 'skip' and 'missed' are about daemons that were not there.
        let patient = try #require(await records(of: "patient").first)
        #expect(patient.trigger == .schedule && patient.state == .succeeded)
        #expect(patient.due == minutes(15) && patient.started == minutes(130))
        #expect(patient.message.isEmpty)
    }

    @Test func `a run that is not done within the completion window is cancelled`() async throws {
        let jobs = [
            try job("slow", "0 13 * * *", completion: 60),
            try job("quick", "0 13 * * *", completion: 60),
            try job("free", "0 13 * * *"),
        ]
        let entries = try await run(jobs, for: 300) { job, _ in
            job.name == "quick" ? 3_599 : 7_200
        }
        let slow = try #require(await records(of: "slow").first)
        #expect(slow.state == .cancelled && slow.ended == minutes(120))
        #expect(
            slow.message
                == "not done within the completion window of 60 minutes; stopped half-way"
        )
        #expect(entries.first { $0.job == "slow" }?.isDone == false)
        #expect(await records(of: "quick").map(\.state) == [.succeeded])
        #expect(await records(of: "free").map(\.state) == [.succeeded])
        // It is not begun again, neither now nor at the next start.
        _ = try await run(jobs, for: 60) { _, _ in 60 }
        #expect(await records(of: "slow").count == 1)
    }

    @Test func `the end of the daemon interrupts, and is no completion window's`() async throws {
        let jobs = [try job("slow", "0 13 * * *", completion: 120)]
        _ = try await run(jobs, for: 100) { _, _ in 86_400 }
        #expect(await records(of: "slow").map(\.state) == [.interrupted])
    }

    @Test func `of those that wait the greatest priority goes first`() async throws {
        let jobs = [
            try job("first", "0 13 * * *"), try job("low", "1 13 * * *", priority: 10),
            try job("a-middle", "2 13 * * *"), try job("high", "3 13 * * *", priority: 90),
            try job("z-middle", "1 13 * * *"),
        ]
        let entries = try await run(jobs, for: 300, limits: JobLimits(total: 1)) { _, _ in 600 }
        #expect(entries.map(\.job) == ["first", "high", "z-middle", "a-middle", "low"])
        #expect(
            entries.map(\.began) == [60, 70, 80, 90, 100].map { minutes($0) }
        )
    }

    @Test func `an action's own limit holds back that action alone`() async throws {
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
        let jobs = [
            try job("a", "0 13 * * *", priority: 90), try job("b", "0 13 * * *", priority: 80),
            try job("c", "0 13 * * *", action: expire), try job("d", "0 13 * * *", action: expire),
            try job("e", "0 13 * * *", priority: 1, action: expire),
        ]
        let limits = JobLimits(total: 3, byAction: [.backup: 1])
        let entries = try await run(jobs, for: 300, limits: limits) { _, _ in 600 }
        let begun = Dictionary(uniqueKeysWithValues: entries.map { ($0.job, $0.began) })
        #expect(begun["a"] == minutes(60) && begun["c"] == minutes(60))
        #expect(begun["d"] == minutes(60))
        #expect(begun["b"] == minutes(70) && begun["e"] == minutes(70))
    }

    @Test
    func `an instant that waits until the next one comes is told, and the later one waits on`()
        async throws
    {
        let jobs = [
            try job("long", "10 12 * * *", priority: 90), try job("half-hourly", "*/30 * * * *"),
        ]
        _ = try await run(jobs, for: 100, limits: JobLimits(total: 1)) { job, _ in
            // Until 13:31: at 13:30 there is no room yet.
            job.name == "long" ? 4_860 : 60
        }
        let records = await records(of: "half-hourly")
        #expect(records.map(\.due) == [30, 60, 90].map { minutes($0) })
        #expect(records.map(\.state) == [.skipped, .skipped, .succeeded])
        #expect(records.dropLast().allSatisfy { $0.started == nil })
        let started = try #require(records.last?.started)
        #expect((minutes(91)...minutes(91).adding(seconds: 5)).contains(started))
        #expect(
            records.first?.message == "it did not come to its turn before the next was due"
        )
    }

    @Test func `snapshots wait for nobody and hold up nobody`() async throws {
        func snapshot(_ name: String) throws -> Job {
            try job(
                name,
                "0 13 * * *",
                action: .snapshot(
                    SnapshotAction(
                        selection: .all,
                        naming: SnapshotNaming(job: name),
                        keepLast: nil
                    )
                )
            )
        }
        let jobs = [
            try snapshot("a"), try snapshot("b"), try job("c", "0 13 * * *"),
            try job("d", "0 13 * * *"),
        ]
        let entries = try await run(jobs, for: 100, limits: JobLimits(total: 1)) { _, _ in 600 }
        let begun = Dictionary(uniqueKeysWithValues: entries.map { ($0.job, $0.began) })
        #expect(begun == ["a": minutes(60), "b": minutes(60), "c": minutes(60), "d": minutes(70)])
    }

    @Test func `jitter moves the start, the same way every time`() async throws {
        let jittered = try job("spread", "0 * * * *", jitter: 1_800)
        let entries = try await run([jittered], for: 600) { _, _ in 60 }
        #expect(entries.map(\.due) == (1...9).map { minutes($0 * 60) })
        for entry in entries {
            #expect(entry.began == jittered.plannedRun(at: entry.due).start)
        }
        #expect(Set(entries.map { $0.began.seconds - $0.due.seconds }).count > 5)
        #expect(await records(of: "spread").allSatisfy { $0.trigger == .schedule })
    }

    @Test func `run-all makes up for each missed instant, one after the other`() async throws {
        let all = try job("all", "0 * * * *", missed: .runAll)
        _ = try await run([all], for: 30) { _, _ in 60 }
        clock.advance(to: minutes(250))
        let entries = try await run([all], for: 120) { _, _ in 1_500 }
        let runs = await records(of: "all")
        #expect(runs.map(\.due) == [60, 120, 180, 240, 300].map { minutes($0) })
        #expect(runs.map(\.trigger) == [.catchUp, .catchUp, .catchUp, .catchUp, .catchUp])
        #expect(Set(entries.map(\.due)).count == entries.count)
        #expect(runs.first?.message == "made up for")
        // Four of 25 minutes, and the fifth was cut short by the end.
        #expect(
            runs.map(\.state) == [.succeeded, .succeeded, .succeeded, .succeeded, .interrupted]
        )
    }

    @Test func `run-all leaves what is too late or too much, and says so`() async throws {
        let windowed = try job("windowed", "0 * * * *", missed: .runAll, window: 90)
        let minutely = try job("minutely", "* * * * *", missed: .runAll)
        let jobs = [windowed, minutely]
        let first = Scheduler(clock: clock, journal: journal, logger: silent) { _, _ in
            JobOutcome(.succeeded)
        }
        try await first.start(jobs)
        clock.advance(to: minutes(2_950))
        let second = Scheduler(clock: clock, journal: journal, logger: silent) { _, _ in
            JobOutcome(.succeeded)
        }
        try await second.start(jobs)
        _ = try await second.runDue()
        let hourly = await records(of: "windowed")
        #expect(hourly.map(\.due) == [2_820, 2_880, 2_940].map { minutes($0) })
        #expect(hourly.map(\.state) == [.expired, .succeeded, .succeeded])
        #expect(
            hourly.first?.message
                == "47 due instants missed; the start window of 90 minutes is over"
        )
        let each = await records(of: "minutely")
        #expect(each.count == 1_001 && each.first?.state == .skipped)
        #expect(each.first?.due == minutes(1_950))
        #expect(each.dropFirst().map(\.due) == (1_951...2_950).map { minutes($0) })
        #expect(each.dropFirst().allSatisfy { $0.state == .succeeded })
    }
}
