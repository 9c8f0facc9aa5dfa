import Policies
import Synchronization
import Testing
import VarveModel

@testable import JobScheduler

@Suite struct SchedulerTests {
    let clock: SimulatedClock
    let journal = MemoryJournal()
    let ledger = Ledger()
    let start: Timestamp

    init() throws {
        start = try instant("2026-11-23T12:00:00Z")
        clock = SimulatedClock(start)
    }

    func hours(_ count: Int64) -> Timestamp { start.adding(seconds: count * 3_600) }

    @Test func `a job first seen has missed nothing`() async throws {
        let scheduler = scheduler(clock, journal, ledger)
        try await scheduler.start([try job("hourly", "0 * * * *")])
        #expect(try await scheduler.runDue() == [])
        #expect(await scheduler.nextDue() == hours(1))
        clock.advance(to: hours(1))
        let runs = try await scheduler.runDue()
        #expect(runs.map(\.state) == [.succeeded])
        #expect(runs.first?.trigger == .schedule)
        #expect(runs.first?.started == hours(1))
        #expect(ledger.entries == [.init(job: "hourly", due: hours(1))])
        #expect(try await scheduler.runDue() == [])
    }

    @Test func `missed runs are caught up once after a restart`() async throws {
        let daily = try job("daily", "0 2 * * *")
        try await scheduler(clock, journal, ledger).start([daily])
        clock.advance(to: try instant("2026-11-27T09:00:00Z"))
        let next = scheduler(clock, journal, ledger)
        try await next.start([daily])
        let runs = try await next.runDue()
        #expect(runs.map(\.trigger) == [.catchUp])
        #expect(runs.first?.due == (try instant("2026-11-27T02:00:00Z")))
        #expect(runs.first?.message == "for 4 due instants missed")
        #expect(try await next.runDue() == [])
        #expect(await next.nextDue() == (try instant("2026-11-28T02:00:00Z")))
    }

    @Test func `a job that skips records what it missed, once`() async throws {
        let daily = try job("daily", "0 2 * * *", missed: .skip)
        try await scheduler(clock, journal, ledger).start([daily])
        clock.advance(to: try instant("2026-11-24T09:00:00Z"))
        for _ in 0..<2 {
            let next = scheduler(clock, journal, ledger)
            try await next.start([daily])
            _ = try await next.runDue()
        }
        let runs = await journal.all
        #expect(runs.map(\.state) == [.skipped])
        #expect(runs.first?.message == "1 due instant missed")
        #expect(runs.first?.started == nil && runs.first?.ended != nil)
        #expect(ledger.entries == [])
    }

    @Test func `the start window bounds how late a run is caught up`() async throws {
        let jobs = [
            try job("narrow", "0 2 * * *", window: 60), try job("wide", "0 2 * * *", window: 600),
        ]
        try await scheduler(clock, journal, ledger).start(jobs)
        clock.advance(to: try instant("2026-11-24T09:00:00Z"))
        let next = scheduler(clock, journal, ledger)
        try await next.start(jobs)
        let runs = try await next.runDue()
        #expect(runs.map(\.job) == ["narrow", "wide"])
        #expect(runs.map(\.state) == [.expired, .succeeded])
        #expect(
            runs.first?.message == "1 due instant missed; the start window of 60 minutes is over"
        )
    }

    @Test func `a run in time stands for those missed before it`() async throws {
        let hourly = try job("hourly", "0 * * * *", missed: .skip)
        try await scheduler(clock, journal, ledger).start([hourly])
        clock.advance(to: hours(5).adding(seconds: 120))
        let next = scheduler(clock, journal, ledger)
        try await next.start([hourly])
        let runs = try await next.runDue()
        #expect(runs.map(\.trigger) == [.schedule])
        #expect(runs.first?.message == "also for 4 due instants missed before")
    }

    @Test func `a changed schedule has missed nothing before the change`() async throws {
        let before = scheduler(clock, journal, ledger)
        try await before.start([try job("job", "@yearly")])
        clock.advance(to: hours(50))
        try await before.replace([try job("job", "0 * * * *")])
        #expect(try await before.runDue() == [])
        #expect(await before.nextDue() == hours(51))
        // The change is remembered over a restart, and so is one made while no daemon ran.
        let after = scheduler(clock, journal, ledger)
        clock.advance(to: hours(50).adding(seconds: 60))
        try await after.start([try job("job", "0 * * * *")])
        #expect(try await after.runDue() == [])
        clock.advance(to: hours(90).adding(seconds: 600))
        let third = scheduler(clock, journal, ledger)
        try await third.start([try job("job", "*/30 * * * *")])
        #expect(try await third.runDue() == [])
    }

    @Test func `a job that comes back after it was gone has missed nothing`() async throws {
        let hourly = try job("hourly", "0 * * * *")
        let first = scheduler(clock, journal, ledger)
        try await first.start([hourly])
        clock.advance(to: hours(1))
        _ = try await first.runDue()
        try await first.replace([])
        #expect(await first.nextDue() == nil)
        clock.advance(to: hours(20).adding(seconds: 1_000))
        let second = scheduler(clock, journal, ledger)
        try await second.start([hourly])
        #expect(try await second.runDue() == [])
        // Also when it went and came while no daemon ran.
        let third = scheduler(clock, journal, ledger)
        try await third.start([])
        clock.advance(to: hours(40).adding(seconds: 1_000))
        let fourth = scheduler(clock, journal, ledger)
        try await fourth.start([hourly])
        #expect(try await fourth.runDue() == [])
    }

    @Test func `an edit that leaves the schedule alone misses nothing and repeats nothing`()
        async throws
    {
        let one = scheduler(clock, journal, ledger)
        try await one.start([try job("hourly", "0 * * * *")])
        clock.advance(to: hours(2))
        try await one.replace([try job("hourly", "0 * * * *", missed: .skip)])
        #expect(try await one.runDue().map(\.due) == [hours(2)])
    }

    @Test func `a run that the daemon's end cut short is named and run again once`() async throws {
        let daily = try job("daily", "0 2 * * *")
        let due = try instant("2026-11-24T02:00:00Z")
        func crash() async throws {
            _ = try await journal.insert(
                JobRun(
                    id: 0,
                    job: "daily",
                    action: "snapshot",
                    due: due,
                    trigger: .schedule,
                    started: due,
                    ended: nil,
                    state: .running,
                    message: ""
                )
            )
        }
        try await scheduler(clock, journal, ledger).start([daily])
        clock.advance(to: due)
        try await crash()
        clock.advance(to: due.adding(seconds: 900))
        let second = scheduler(clock, journal, ledger)
        try await second.start([daily])
        #expect(await journal.all.map(\.state) == [.interrupted])
        #expect(await second.nextDue() == due)
        let runs = try await second.runDue()
        #expect(runs.map(\.trigger) == [.catchUp] && runs.map(\.due) == [due])
        #expect(runs.first?.message == "again: the run before was interrupted")
        #expect(await second.nextDue() == due.adding(seconds: 86_400))
    }

    @Test func `a job that brings the daemon down does so twice for one due instant`() async throws
    {
        let daily = try job("daily", "0 2 * * *")
        let due = try instant("2026-11-24T02:00:00Z")
        try await scheduler(clock, journal, ledger).start([daily])
        clock.advance(to: due)
        for _ in 0..<2 {
            _ = try await journal.insert(
                JobRun(
                    id: 0,
                    job: "daily",
                    action: "snapshot",
                    due: due,
                    trigger: .schedule,
                    started: due,
                    ended: nil,
                    state: .running,
                    message: ""
                )
            )
            try await scheduler(clock, journal, ledger).start([daily])
        }
        let third = scheduler(clock, journal, ledger)
        try await third.start([daily])
        #expect(try await third.runDue() == [])
        #expect(await journal.all.map(\.state) == [.interrupted, .interrupted])
    }

    @Test func `a job is never begun while it runs`() async throws {
        let gate = Gate()
        let busy = Scheduler(clock: clock, journal: journal, logger: silent) { job, due in
            ledger.begin(job.name, due)
            await gate.pass()
            ledger.end(job.name)
            return JobOutcome(.succeeded)
        }
        try await busy.start([try job("hourly", "0 * * * *"), try job("other", "0 14 * * *")])
        clock.advance(to: hours(1))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { _ = try await busy.runDue() }
            await gate.awaitArrivals(1)
            #expect(await busy.runningJobs() == ["hourly"])
            let error = await #expect(throws: SchedulerError.self) {
                try await busy.runNow("hourly")
            }
            #expect(error?.code == .busy)
            clock.advance(to: hours(2))
            // The due instant of 'hourly' is recorded as skipped; that of 'other' is still there.
            let claim = try #require(try await busy.claim("hourly"))
            #expect(claim.run.state == .skipped)
            #expect(claim.run.message == "the run before it was still going")
            #expect(await busy.dueNames() == ["other"])
            await gate.open()
            try await group.waitForAll()
        }
        #expect(ledger.overlaps == 0)
        #expect(await busy.runningJobs() == [])
    }

    @Test func `a run by hand leaves the schedule alone`() async throws {
        let scheduler = scheduler(clock, journal, ledger, outcome: JobOutcome(.partial, "2 of 3"))
        try await scheduler.start([try job("hourly", "0 * * * *")])
        let run = try await scheduler.runNow("hourly")
        #expect(run.trigger == .manual && run.state == .partial && run.message == "2 of 3")
        #expect(await scheduler.nextDue() == hours(1))
        let error = await #expect(throws: SchedulerError.self) {
            try await scheduler.runNow("nightly")
        }
        #expect(error?.code == .unknownJob)
        #expect(try await scheduler.history(of: nil, limit: 9).map(\.id) == [run.id])
    }

    @Test func `what cannot be recorded is not run and stays due`() async throws {
        let scheduler = scheduler(clock, journal, ledger)
        try await scheduler.start([try job("hourly", "0 * * * *")])
        clock.advance(to: hours(1))
        await journal.setFull(true)
        let error = await #expect(throws: SchedulerError.self) { try await scheduler.runDue() }
        #expect(error?.code == .journal)
        #expect(ledger.entries == [])
        await #expect(throws: SchedulerError.self) { try await scheduler.runNow("hourly") }
        await #expect(throws: SchedulerError.self) { try await scheduler.replace([]) }
        await journal.setFull(false)
        #expect(try await scheduler.runDue().map(\.due) == [hours(1)])
    }

    @Test func `what waits is told, with what is made up for and what is run again`() async throws {
        let jobs = [
            try job("each", "0 * * * *", missed: .runAll, window: 300),
            try job("once", "0 */2 * * *"), try job("skips", "30 * * * *", missed: .skip),
            try job("narrow", "0 13 * * *", window: 60), try job("late", "0 23 * * *"),
        ]
        try await scheduler(clock, journal, ledger).start(jobs)
        // 'once' was cut short at its first instant, and 'each' at its second.
        for (name, hour) in [("once", 2), ("each", 2)] as [(String, Int64)] {
            _ = try await journal.insert(
                JobRun(
                    id: 0,
                    job: name,
                    action: "backup",
                    due: hours(hour),
                    trigger: .schedule,
                    started: hours(hour),
                    ended: nil,
                    state: .running,
                    message: ""
                )
            )
        }
        clock.advance(to: hours(3).adding(seconds: 3_000))
        let next = scheduler(clock, journal, ledger)
        try await next.start(jobs)
        func waiting(_ count: Int = 99, of name: String? = nil) async -> [String] {
            await next.waiting(of: name, count: count).map {
                "\($0.job) \(($0.run.due.seconds - start.seconds) / 3_600)"
            }
        }
        #expect(await waiting() == ["each 2", "each 3", "once 2"])
        #expect(await waiting(1) == ["each 2", "once 2"])
        #expect(await waiting(of: "once") == ["once 2"])
        // What was told is what then runs, and nothing waits after it.
        let told = await waiting()
        let runs = try await next.runDue().filter { $0.started != nil }
        #expect(
            Set(runs.map { "\($0.job) \(($0.due.seconds - start.seconds) / 3_600)" }) == Set(told)
        )
        #expect(await waiting() == [])
    }

    @Test func `the service runs jobs as they come due and stops when told`() async throws {
        let service = scheduler(clock, journal, ledger)
        try await service.start([try job("hourly", "0 * * * *")])
        let end = hours(3).adding(seconds: 30)
        await service.run { seconds in
            // The sleeper is the clock's hand: no real time passes.
            while await service.runningJobs() != [] { await Task.yield() }
            clock.advance(seconds: seconds)
            if clock.now() > end { throw CancellationError() }
        }
        #expect(ledger.entries.map(\.due) == [hours(1), hours(2), hours(3)])
        #expect(await journal.all.map(\.state) == [.succeeded, .succeeded, .succeeded])
    }

    @Test func `the service tells its runs to stop, and they count as interrupted`() async throws {
        let gate = Gate()
        let service = Scheduler(clock: clock, journal: journal, logger: silent) { job, due in
            await gate.pass()
            return JobOutcome(Task.isCancelled ? .stopped : .succeeded, "stopped half-way")
        }
        try await service.start([try job("hourly", "0 * * * *")])
        clock.advance(to: hours(1))
        await service.run { _ in
            await gate.awaitArrivals(1)
            // The run is cancelled when the service ends; it comes through the gate after that.
            await gate.open()
            throw CancellationError()
        }
        let state = await journal.all.first?.state
        #expect(state == .interrupted || state == .succeeded)
        #expect(await service.runningJobs() == [])
    }

    @Test func `advancing stops at each due instant in order`() async throws {
        let scheduler = scheduler(clock, journal, ledger)
        try await scheduler.start([try job("six", "0 */6 * * *"), try job("daily", "0 18 * * *")])
        let stops = Stops()
        let runs = try await scheduler.advance(to: hours(24)) { time in
            stops.add(time)
            clock.advance(to: time)
        }
        #expect(runs.map(\.job) == ["daily", "six", "six", "six", "six"])
        #expect(runs.allSatisfy { $0.started == $0.due && $0.state == .succeeded })
        #expect(stops.all == [hours(6), hours(12), hours(18), hours(24)])
        #expect(clock.now() == hours(24))
        let still = await #expect(throws: SchedulerError.self) {
            try await scheduler.advance(to: hours(48)) { _ in }
        }
        #expect(still?.code == .clock)
    }
}

/// Where an advance stopped.
final class Stops: Sendable {
    private let times = Mutex<[Timestamp]>([])

    var all: [Timestamp] { times.withLock { $0 } }

    func add(_ time: Timestamp) { times.withLock { $0.append(time) } }
}
