import Testing
import TestKit
import VarveModel

@testable import Policies

@Suite struct PlannedRunTests {
    private func job(
        _ name: String,
        _ schedule: String,
        jitter: Int64,
        window: Int? = nil
    ) throws -> Job {
        Job(
            name: name,
            why: "a test",
            file: name + ".yaml",
            schedule: try Schedule(parsing: schedule),
            startWindowMinutes: window,
            jitterSeconds: jitter,
            action: .snapshot(
                SnapshotAction(
                    selection: .all,
                    naming: SnapshotNaming(job: name),
                    keepLast: nil
                )
            )
        )
    }

    @Test func `jitter is what the name and the instant say`() throws {
        let spread = try job("nightly", "0 2 * * *", jitter: 3_600, window: 120)
        let due = try instant("2026-11-24T02:00:00Z")
        // Agreed once: another value would move runs on an upgrade.
        let planned = spread.plannedRun(at: due)
        #expect(planned.start.seconds - due.seconds == 1_420)
        #expect(planned.latest == due.adding(seconds: 7_200))
        #expect(
            try job("nightly", "0 2 * * *", jitter: 3_600).plannedRun(at: due).start
                == planned.start
        )
        #expect(
            try job("other", "0 2 * * *", jitter: 3_600).plannedRun(at: due).start != planned.start
        )
        #expect(try job("nightly", "0 2 * * *", jitter: 0).plannedRun(at: due).start == due)
    }

    @Test func `jitter fills its span evenly and stays before the next due instant`() throws {
        var random = SeededGenerator(seed: testSeed(default: 12))
        for schedule in ["*/5 * * * *", "0 * * * *", "7,9 3 * * *", "rate(2 hours)"] {
            let span = Int64.random(in: 30...20_000, using: &random)
            let spread = try job("job-\(span)", schedule, jitter: span)
            var due = try instant("2026-11-24T00:00:00Z")
            var quarters = [0, 0, 0, 0]
            for _ in 0..<2_000 {
                let next = try #require(spread.plannedRun(after: due))
                let after = try #require(spread.schedule.next(after: next.due))
                #expect(next.start >= next.due && next.start < after)
                #expect(next.start.seconds - next.due.seconds <= span)
                let room = min(span + 1, after.seconds - next.due.seconds)
                quarters[Int((next.start.seconds - next.due.seconds) * 4 / room)] += 1
                due = next.due
            }
            // 500 each are expected; 400 is 5 standard deviations off.
            #expect(quarters.allSatisfy { $0 > 400 }, "\(schedule): \(quarters)")
        }
    }

    @Test func `planned runs begin after now, and end with the days asked for`() throws {
        let spread = try job("hourly", "0 * * * *", jitter: 3_000)
        let now = try instant("2026-11-24T00:30:00Z")
        let runs = spread.plannedRuns(after: now, through: now.adding(seconds: 86_400), count: 99)
        #expect(runs.allSatisfy { $0.start > now })
        #expect(runs.map(\.due) == runs.map(\.due).sorted() && (24...25).contains(runs.count))
        #expect(runs.last?.due == (try instant("2026-11-25T00:00:00Z")))
        #expect(spread.plannedRuns(after: now, count: 3) == Array(runs.prefix(3)))
    }

    @Test func `what is ready has come past its jitter`() throws {
        let spread = try job("hourly", "0 * * * *", jitter: 3_000)
        let start = try instant("2026-11-24T00:00:00Z")
        for minute in stride(from: Int64(1), to: 600, by: 7) {
            let now = start.adding(seconds: minute * 60)
            let expected = spread.plannedRuns(after: start, count: 20).filter {
                $0.due > start && $0.start <= now
            }
            let ready = spread.ready(after: start, now: now)
            #expect(ready?.count ?? 0 == expected.count)
            #expect(ready?.last == expected.last?.due && ready?.first == expected.first?.due)
        }
    }

    @Test func `the newest due instants are found however long the stretch is`() throws {
        let start = try instant("2020-01-01T00:00:00Z")
        let end = try instant("2026-11-24T00:00:30Z")
        let minutely = try Schedule(parsing: "* * * * *")
        let found = minutely.newestDues(1_001, after: start, through: end)
        #expect(found.count == 1_001)
        #expect(try found.last == instant("2026-11-24T00:00:00Z"))
        #expect(zip(found, found.dropFirst()).allSatisfy { $1.seconds - $0.seconds == 60 })
        let yearly = try Schedule(parsing: "@yearly")
        #expect(yearly.newestDues(1_001, after: start, through: end).count == 6)
        #expect(yearly.newestDues(2, after: start, through: end).count == 2)
        #expect(yearly.newestDues(2, after: end, through: end) == [])
    }
}
