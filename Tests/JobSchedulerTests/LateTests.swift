import Policies
import Synchronization
import Testing
import VarveModel

@testable import JobScheduler

/// Somebody hears of a due instant that waits, though nothing is on record of it yet.
@Suite struct LateTests {
    /// What was told, and when.
    final class Told: Sendable {
        struct Line: Equatable, Sendable {
            let minute: Int64
            let text: String
        }

        private let state = Mutex<[Line]>([])

        /// In order of their minutes: several are told beside one another.
        var lines: [Line] { state.withLock { $0.sorted { $0.minute < $1.minute } } }

        func add(_ minute: Int64, _ text: String) {
            state.withLock { $0.append(Line(minute: minute, text: text)) }
        }
    }

    let clock: SimulatedClock
    let journal = MemoryJournal()
    let told = Told()
    let start: Timestamp

    init() throws {
        start = try instant("2026-11-23T12:00:00Z")
        clock = SimulatedClock(start)
    }

    /// Runs jobs for so many minutes of simulated time, each for as many minutes as `lasting` says.
    private func run(
        _ jobs: [Job],
        for minutes: Int64,
        limits: JobLimits = .standard,
        lasting: @escaping @Sendable (Job) -> Int64
    ) async throws {
        let work = SimulatedWork(clock) { job, _ in lasting(job) * 60 }
        let (clock, told, start) = (clock, told, start)
        // At the minute of which it speaks: who is told hears of it beside the clock, which goes on.
        @Sendable func tell(_ job: Job, _ due: Timestamp, _ what: String, at seconds: Int64) {
            let minute = (due.seconds - start.seconds) / 60
            told.add((seconds - start.seconds) / 60, "\(job.name) \(minute) \(what)")
        }
        let scheduler = Scheduler(
            clock: clock,
            journal: journal,
            logger: silent,
            limits: limits,
            surroundings: JobSurroundings(
                notify: { job, run in
                    guard run.started == nil else { return }
                    tell(job, run.due, run.state.rawValue, at: (run.ended ?? run.due).seconds)
                },
                late: { job, late in
                    let minutes = late.why.split(separator: " ").compactMap { Int64($0) }.first ?? 0
                    tell(job, late.due, late.why, at: late.due.seconds + minutes * 60)
                }
            )
        ) { await work.execute($0, $1) }
        try await scheduler.start(jobs)
        let end = clock.now().adding(seconds: minutes * 60)
        await scheduler.run { try await work.pass($0, of: scheduler, until: end) }
    }

    @Test func `a run-all job that hangs lets its instants expire while it runs`() async throws {
        let all = try job("all", "0 * * * *", missed: .runAll, window: 90)
        try await run([all], for: 400) { _ in 10_000 }
        // Begun at 60; the window of the next ones ends while it runs, and they are told of then.
        #expect(
            told.lines == [
                .init(minute: 210, text: "all 120 expired"),
                .init(minute: 270, text: "all 180 expired"),
                .init(minute: 330, text: "all 240 expired"),
                .init(minute: 390, text: "all 300 expired"),
            ]
        )
        let records = await journal.all
        #expect(records.map(\.state) == [.interrupted, .expired, .expired, .expired, .expired])
    }

    @Test func `without a window what waits behind a hung run is told of after an hour, once`()
        async throws
    {
        let all = try job("all", "0 * * * *", missed: .runAll)
        try await run([all], for: 400) { _ in 10_000 }
        #expect(
            told.lines == [
                .init(
                    minute: 180,
                    text: "all 120 has waited for 60 minutes: the run before it is still going"
                )
            ]
        )
        // Nothing has become of them yet: they are run after it.
        #expect(await journal.all.map(\.state) == [.interrupted])
    }

    @Test func `who waits for its turn is told of after an hour, and not a month later`()
        async throws
    {
        let jobs = [
            try job("long", "10 12 * * *", priority: 90), try job("monthly", "20 12 23 * *"),
            try job("short", "21 12 * * *", window: 300),
        ]
        try await run(jobs, for: 300, limits: JobLimits(total: 1)) { $0.name == "long" ? 200 : 5 }
        #expect(
            told.lines == [
                .init(
                    minute: 80,
                    text: "monthly 20 has waited for 60 minutes for its turn: long run"
                )
            ]
        )
        let done = await journal.all.filter { $0.state == .succeeded }.map(\.job)
        #expect(Set(done) == ["long", "monthly", "short"])
    }

    @Test func `who comes to its turn within the hour is not told of`() async throws {
        let jobs = [
            try job("long", "10 12 * * *", priority: 90), try job("next", "20 12 * * *"),
        ]
        try await run(jobs, for: 300, limits: JobLimits(total: 1)) { $0.name == "long" ? 60 : 5 }
        #expect(told.lines == [])
    }
}
