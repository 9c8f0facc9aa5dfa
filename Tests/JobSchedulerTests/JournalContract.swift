import Disk
import JobScheduler
import Keyring
import MetadataStore
import Policies
import Synchronization
import Testing
import VarveModel

/// What every journal of job runs keeps to: the one in memory and the one in `journal.sqlite`.
@Suite struct JournalContract {
    enum Kind: CaseIterable {
        case memory, durable
    }

    static let key = DataKey(bytes: Array(0..<32))
    static let id = UniqueID(bytes: Array(repeating: 7, count: 16))

    static func durable(_ disk: SimulatedDisk, create: Bool) throws -> DurableJobRunJournal {
        if create { try disk.makeDirectories("/state") }
        let store = try JournalStore(
            disk: disk,
            path: "/state/journal.sqlite",
            key: try #require(key),
            id: try #require(id),
            create: create
        )
        return DurableJobRunJournal(store)
    }

    func journal(_ kind: Kind) throws -> any JobRunJournal {
        switch kind {
        case .memory: MemoryJournal()
        case .durable: try Self.durable(SimulatedDisk(), create: true)
        }
    }

    func run(
        _ job: String,
        due: Int64,
        _ state: JobRun.State,
        trigger: JobRun.Trigger = .schedule
    ) -> JobRun {
        JobRun(
            id: 0,
            job: job,
            action: "backup",
            due: Timestamp(seconds: due),
            trigger: trigger,
            started: state == .skipped ? nil : Timestamp(seconds: due + 1),
            ended: state == .running ? nil : Timestamp(seconds: due + 2),
            state: state,
            message: "é of \(job)",
            output: state == .running ? "" : "printed by \(job)\n"
        )
    }

    @Test(arguments: Kind.allCases)
    func `what is recorded is read back`(kind: Kind) async throws {
        let journal = try journal(kind)
        var expected: [JobRun] = []
        for (index, state) in JobRun.State.allCases.enumerated() {
            let trigger = JobRun.Trigger.allCases[index % 3]
            let record = run("a", due: Int64(index) * 10, state, trigger: trigger)
            let id = try await journal.insert(record)
            expected.insert(
                JobRun(
                    id: id,
                    job: "a",
                    action: record.action,
                    due: record.due,
                    trigger: trigger,
                    started: record.started,
                    ended: record.ended,
                    state: state,
                    message: record.message,
                    output: record.output
                ),
                at: 0
            )
        }
        _ = try await journal.insert(run("b", due: 5, .succeeded))
        #expect(try await journal.runs(of: "a", limit: 99) == expected)
        #expect(try await journal.runs(of: "a", limit: 2) == Array(expected.prefix(2)))
        #expect(try await journal.runs(of: nil, limit: 99).count == expected.count + 1)
        #expect(try await journal.runs(of: "c", limit: 99) == [])
    }

    @Test(arguments: Kind.allCases)
    func `the last scheduled run is that of the greatest due instant`(kind: Kind) async throws {
        let journal = try journal(kind)
        #expect(try await journal.lastScheduledRun(of: "a") == nil)
        _ = try await journal.insert(run("a", due: 30, .interrupted))
        let again = try await journal.insert(run("a", due: 30, .succeeded, trigger: .catchUp))
        _ = try await journal.insert(run("a", due: 20, .succeeded))
        _ = try await journal.insert(run("a", due: 40, .succeeded, trigger: .manual))
        #expect(try await journal.lastScheduledRun(of: "a")?.id == again)
        #expect(
            try await journal.interruptedRuns(of: "a", due: Timestamp(seconds: 30)) == 1
        )
        #expect(
            try await journal.interruptedRuns(of: "a", due: Timestamp(seconds: 20)) == 0
        )
    }

    @Test(arguments: Kind.allCases)
    func `runs end, or are interrupted`(kind: Kind) async throws {
        let journal = try journal(kind)
        let first = try await journal.insert(run("a", due: 10, .running))
        _ = try await journal.insert(run("b", due: 10, .running))
        let end = Timestamp(seconds: 99)
        try await journal.finish(
            JobRun(
                id: first,
                job: "a",
                action: "backup",
                due: Timestamp(seconds: 10),
                trigger: .schedule,
                started: Timestamp(seconds: 11),
                ended: end,
                state: .partial,
                message: "2 of 3",
                output: "third:\nbroken\n"
            )
        )
        try await journal.interruptRunning(ended: end, message: "cut short")
        let runs = try await journal.runs(of: nil, limit: 9)
        #expect(runs.map(\.state) == [.interrupted, .partial])
        #expect(runs.map(\.message) == ["cut short", "2 of 3"])
        #expect(runs.map(\.output) == ["", "third:\nbroken\n"])
        #expect(runs.allSatisfy { $0.ended == end })
    }

    @Test(arguments: Kind.allCases)
    func `a sighting is replaced and removed`(kind: Kind) async throws {
        let journal = try journal(kind)
        let first = JobSighting(job: "a", schedule: "@daily", since: Timestamp(seconds: 1))
        let second = JobSighting(job: "a", schedule: "@weekly", since: Timestamp(seconds: 2))
        try await journal.save(first)
        try await journal.save(JobSighting(job: "b", schedule: "@daily", since: .epoch))
        try await journal.save(second)
        #expect(try await journal.sightings().filter { $0.job == "a" } == [second])
        try await journal.removeSighting(of: "b")
        try await journal.removeSighting(of: "never seen")
        #expect(try await journal.sightings() == [second])
    }

    @Test func `the kill of a daemon in the middle of a run is known to the next`() async throws {
        let disk = SimulatedDisk()
        let start = try instant("2026-11-23T12:00:00Z")
        let clock = SimulatedClock(start)
        let ledger = Ledger()
        let hourly = try job("hourly", "0 * * * *")
        let killed = Mutex<SimulatedDisk?>(nil)
        let first = Scheduler(
            clock: clock,
            journal: try Self.durable(disk, create: true),
            logger: silent
        ) { job, due in
            // The disk as a kill would leave it now, while the run is recorded as running.
            killed.withLock { $0 = disk.restarted() }
            return JobOutcome(.succeeded)
        }
        try await first.start([hourly])
        clock.advance(seconds: 3_600)
        _ = try await first.runDue()
        let left = try #require(killed.withLock { $0 })
        clock.advance(seconds: 600)
        let second = scheduler(clock, try Self.durable(left, create: false), ledger)
        try await second.start([hourly])
        let runs = try await second.runDue()
        #expect(runs.map(\.trigger) == [.catchUp] && runs.map(\.state) == [.succeeded])
        let history = try await second.history(of: "hourly", limit: 9)
        #expect(history.map(\.state) == [.succeeded, .interrupted])
        #expect(Set(history.map(\.due)) == [start.adding(seconds: 3_600)])
    }
}
