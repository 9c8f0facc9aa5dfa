import JobScheduler
import Policies
import Testing
import TestKit
import VarveModel

/// Three years of jobs, with daemons that end at any moment and come back later.
@Suite struct SchedulerSimulation {
    /// What a due instant came to.
    enum Fate: Hashable, CaseIterable {
        case inTime, caughtUp, skipped, expired
    }

    @Test func `over three years of restarts each due instant is run once or accounted for`()
        async throws
    {
        var random = SeededGenerator(seed: testSeed(default: 51))
        let berlin = try TimeZoneDatabase.system.rules(named: "Europe/Berlin")
        let jobs = [
            try job("nightly", "30 2 * * *", zone: berlin),
            try job("six-hourly", "rate(6 hours)", missed: .skip),
            try job("monthly", "cron(0 3 L * ? *)", window: 1_440, zone: berlin),
            try job("weekdays", "*/30 8-9 * * MON-FRI", missed: .skip, zone: berlin),
        ]
        let start = try instant("2026-11-23T12:00:00Z")
        let end = try instant("2029-11-23T12:00:00Z")
        let clock = SimulatedClock(start)
        let journal = MemoryJournal()
        let ledger = Ledger()
        var up: [ClosedRange<Timestamp>] = []
        while clock.now() < end {
            // A daemon lives for a minute to 40 days, then none runs for up to 10 days.
            let daemon = scheduler(clock, journal, ledger)
            let began = clock.now()
            try await daemon.start(jobs)
            let life = Int64.random(in: 1...57_600, using: &random) * 60
            _ = try await daemon.advance(to: min(end, began.adding(seconds: life))) {
                clock.advance(to: $0)
            }
            up.append(began...clock.now())
            let pause: Int64 =
                [0, 60, 3_600, 40_000, 864_000].randomElement(using: &random) ?? 0
            clock.advance(seconds: Int64.random(in: 0...pause, using: &random))
        }
        #expect(up.count > 20, "too few restarts to mean anything")
        #expect(ledger.overlaps == 0)
        let runs = await journal.all
        var fates: [Fate: Int] = [:]
        for job in jobs {
            let own = runs.filter { $0.job == job.name }
            try check(job, own, up, fates: &fates)
            #expect(
                ledger.entries.filter { $0.job == job.name }.map(\.due)
                    == own.filter { $0.state == .succeeded }.map(\.due)
            )
        }
        for fate in Fate.allCases { #expect(fates[fate, default: 0] > 0, "\(fate) never occurred") }
        print("three years: \(up.count) daemons, \(runs.count) records, \(fates)")
    }

    /// Holds a job's records against every due instant since the first daemon's start.
    private func check(
        _ job: Job,
        _ runs: [JobRun],
        _ up: [ClosedRange<Timestamp>],
        fates: inout [Fate: Int]
    ) throws {
        let first = try #require(up.first).lowerBound
        let last = try #require(up.last).upperBound
        #expect(Set(runs.map(\.due)).count == runs.count, "\(job.name): one due instant twice")
        #expect(runs.map(\.due) == runs.map(\.due).sorted())
        let byDue = Dictionary(uniqueKeysWithValues: runs.map { ($0.due, $0) })
        var due = job.schedule.next(after: first)
        while let instant = due, instant <= last {
            let following = job.schedule.next(after: instant)
            defer { due = following }
            if let life = up.first(where: { $0.contains(instant) && $0.lowerBound < instant }) {
                // A daemon was there: run at that very second.
                let run = byDue[instant]
                #expect(run?.state == .succeeded && run?.started == instant, "\(job.name) \(life)")
                fates[.inTime, default: 0] += 1
                continue
            }
            // No daemon was there: the next one deals with the last instant before its start.
            guard let next = up.first(where: { $0.lowerBound >= instant }) else { continue }
            let late = next.lowerBound.seconds - instant.seconds
            if let following, following <= next.lowerBound {
                #expect(byDue[instant] == nil, "\(job.name): covered by a later one")
                continue
            }
            let run = try #require(byDue[instant], "\(job.name) at \(instant) is unaccounted for")
            let isInTime = late <= 300
            let isWindowOver = job.startWindowMinutes.map { late > Int64($0) * 60 } ?? false
            let isRun = isInTime || (job.missed == .runOnce && !isWindowOver)
            let other: JobRun.State = job.missed == .skip ? .skipped : .expired
            #expect(run.state == (isRun ? .succeeded : other))
            #expect(run.started == (isRun ? next.lowerBound : nil))
            let fate: Fate =
                isRun
                ? (isInTime ? .inTime : .caughtUp) : other == .skipped ? .skipped : .expired
            fates[fate, default: 0] += 1
        }
    }
}
