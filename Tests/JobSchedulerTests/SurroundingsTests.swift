import Policies
import Synchronization
import Testing
import VarveModel

@testable import JobScheduler

@Suite struct SurroundingsTests {
    /// What was called, in order.
    final class Calls: Sendable {
        private let lines = Mutex<[String]>([])

        var all: [String] { lines.withLock { $0 } }

        func add(_ line: String) { lines.withLock { $0.append(line) } }
    }

    let clock: SimulatedClock
    let journal = MemoryJournal()
    let calls = Calls()
    let start: Timestamp

    init() throws {
        start = try instant("2026-11-23T12:00:00Z")
        clock = SimulatedClock(start)
    }

    func scheduler(
        before: JobOutcome? = nil,
        complaint: String? = nil,
        outcome: JobOutcome = JobOutcome(.succeeded, "done", output: "job\n")
    ) -> Scheduler {
        let calls = calls
        let journal = journal
        return Scheduler(
            clock: clock,
            journal: journal,
            logger: silent,
            surroundings: JobSurroundings(
                before: { job, run in
                    calls.add("before \(run.id) \(run.state)")
                    return before
                },
                after: { job, run in
                    let known = try? await journal.runs(of: nil, limit: 1).first?.state
                    calls.add("after \(run.state), recorded \(known.map { "\($0)" } ?? "-")")
                    return JobSurroundings.FollowUp(output: "after\n", complaint: complaint)
                },
                notify: { job, run in
                    let known = try? await journal.runs(of: nil, limit: 1).first?.state
                    calls.add("notify \(run.state), recorded \(known.map { "\($0)" } ?? "-")")
                }
            )
        ) { job, due in
            calls.add("job")
            return outcome
        }
    }

    @Test func `hooks stand around the run, and what they print is kept`() async throws {
        let scheduler = scheduler(before: JobOutcome(.succeeded, output: "before\n"))
        try await scheduler.start([try job("hourly", "0 * * * *")])
        let run = try await scheduler.runNow("hourly")
        #expect(run.state == .succeeded && run.output == "before\njob\nafter\n")
        #expect(
            calls.all == [
                "before 1 running", "job", "after succeeded, recorded running",
                "notify succeeded, recorded succeeded",
            ]
        )
        #expect(await journal.all.map(\.output) == [run.output])
    }

    @Test func `a hook before that fails stops the run, and the one after sees it`() async throws {
        let scheduler = scheduler(before: JobOutcome(.failed, "not begun", output: "no\n"))
        try await scheduler.start([try job("hourly", "0 * * * *")])
        let run = try await scheduler.runNow("hourly")
        #expect(run.state == .failed && run.message == "not begun" && run.output == "no\nafter\n")
        #expect(!calls.all.contains("job"))
        #expect(calls.all.contains("after failed, recorded running"))
    }

    @Test func `a hook after that fails spoils a success and nothing else`() async throws {
        let good = scheduler(complaint: "no thaw")
        try await good.start([try job("hourly", "0 * * * *")])
        let run = try await good.runNow("hourly")
        #expect(run.state == .partial && run.message == "done; no thaw")
        let bad = scheduler(complaint: "no thaw", outcome: JobOutcome(.damaged, "chunk"))
        try await bad.start([try job("hourly", "0 * * * *")])
        let damaged = try await bad.runNow("hourly")
        #expect(damaged.state == .damaged && damaged.message == "chunk; no thaw")
    }

    @Test func `a run that did not take place is told of, and nothing is run for it`() async throws
    {
        let daily = try job("daily", "0 2 * * *", missed: .skip)
        try await scheduler().start([daily])
        clock.advance(to: try instant("2026-11-24T09:00:00Z"))
        let next = scheduler()
        try await next.start([daily])
        _ = try await next.runDue()
        #expect(calls.all == ["notify skipped, recorded skipped"])
    }

    @Test func `a run that a crash cut short for good is told of at the next start`() async throws {
        let daily = try job("daily", "0 2 * * *", missed: .skip)
        let due = try instant("2026-11-24T02:00:00Z")
        try await scheduler().start([daily])
        clock.advance(to: due)
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
        clock.advance(seconds: 60)
        for _ in 0..<2 {
            let next = scheduler()
            try await next.start([daily])
            _ = try await next.runDue()
            clock.advance(seconds: 60)
        }
        #expect(
            calls.all == [
                "after interrupted, recorded interrupted",
                "notify interrupted, recorded interrupted",
            ]
        )
        #expect(await journal.all.map(\.output) == ["after\n"])
    }

    @Test func `a crash behind which an instant was skipped is thawed, and run again`() async throws
    {
        let hourly = try job("hourly", "0 * * * *")
        try await scheduler().start([hourly])
        func record(_ due: Timestamp, _ state: JobRun.State) async throws {
            _ = try await journal.insert(
                JobRun(
                    id: 0,
                    job: "hourly",
                    action: "backup",
                    due: due,
                    trigger: .schedule,
                    started: state == .running ? due : nil,
                    ended: state == .running ? nil : due,
                    state: state,
                    message: ""
                )
            )
        }
        let due = start.adding(seconds: 3_600)
        try await record(due, .running)
        try await record(due.adding(seconds: 3_600), .skipped)
        clock.advance(to: due.adding(seconds: 4_000))
        let next = scheduler()
        try await next.start([hourly])
        let runs = try await next.runDue()
        #expect(runs.map(\.due) == [due] && runs.map(\.trigger) == [.catchUp])
        #expect(
            calls.all == [
                "after interrupted, recorded skipped", "before 3 running", "job",
                "after succeeded, recorded running", "notify succeeded, recorded succeeded",
            ]
        )
        // Dealt with: not a third time.
        let third = scheduler()
        try await third.start([hourly])
        #expect(try await third.runDue() == [])
    }
}
