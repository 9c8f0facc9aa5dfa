import Disk
import Keyring
import TestKit
import Testing
import VarveModel

@testable import MetadataStore

@Suite struct JournalStoreTests {
    private static func open(_ disk: any Disk, create: Bool = true) throws -> JournalStore {
        try JournalStore(
            disk: disk,
            path: "/state/journal.sqlite",
            key: SQLiteWorld.key,
            id: SQLiteWorld.id,
            create: create
        )
    }

    private static func run(_ job: String, due: Int64, _ state: JobRunRow.State) -> JobRunRow {
        JobRunRow(
            job: job,
            action: "backup",
            due: Timestamp(seconds: due),
            trigger: .schedule,
            started: Timestamp(seconds: due + 1),
            ended: nil,
            state: state,
            message: ""
        )
    }

    @Test func `runs are recorded, ended, counted and listed newest first`() async throws {
        let (world, disk) = try SQLiteWorld.simulated()
        let store = try JournalStoreTests.open(world.disk)
        let first = try await store.insert(JournalStoreTests.run("nightly", due: 100, .running))
        let second = try await store.insert(JournalStoreTests.run("nightly", due: 200, .running))
        let other = try await store.insert(JournalStoreTests.run("hourly", due: 150, .skipped))
        try await store.finish(
            first,
            state: .partial,
            ended: Timestamp(seconds: 130),
            message: "2 files were open"
        )
        let again = try JournalStoreTests.open(disk.restarted(), create: false)
        let end = Timestamp(seconds: 300)
        #expect(try await again.interruptRunning(ended: end, message: "the daemon ended") == 1)
        #expect(try await again.interruptRunning(ended: end, message: "") == 0)
        let runs = try await again.runs(of: "nightly", limit: 10)
        #expect(runs.map(\.id) == [second, first])
        #expect(runs.map(\.state) == [.interrupted, .partial])
        #expect(runs.map(\.ended) == [end, Timestamp(seconds: 130)])
        #expect(runs.last?.message == "2 files were open")
        #expect(try await again.runs(of: nil, limit: 1).map(\.id) == [other])
        #expect(try await again.lastScheduledRun(of: "nightly")?.id == second)
        #expect(try await again.lastScheduledRun(of: "weekly") == nil)
        let due = Timestamp(seconds: 200)
        #expect(try await again.countRuns(of: "nightly", due: due, state: .interrupted) == 1)
        let missing = await #expect(throws: MetadataError.self) {
            try await again.finish(99, state: .failed, ended: end, message: "")
        }
        #expect(missing?.code == .notFound)
    }

    /// Goal: the newest runs of a job, and moves of a file system, are an index's last ones.
    @Test func `the newest cost the same however many there are`() async throws {
        var costs: [UInt64] = []
        for count in [20, 2_000] {
            let (world, _) = try SQLiteWorld.simulated()
            let store = try JournalStoreTests.open(world.disk)
            for number in 0..<count {
                let job = number.isMultiple(of: 2) ? "nightly" : "hourly"
                let due = Int64(number)
                _ = try await store.insert(JournalStoreTests.run(job, due: due, .succeeded))
            }
            let moves = (0..<count).map { number in
                PlannedTransition(
                    inode: InodeNumber(rawValue: UInt64(number % 50)),
                    from: .standard,
                    to: .infrequentAccess,
                    bytes: 1,
                    policy: "demote",
                    reason: ""
                )
            }
            for fileSystem in ["fs-a", "fs-b"] {
                _ = try await store.planTransitions(fileSystem, moves, at: Timestamp(seconds: 9))
            }
            _ = try await store.newest()
            let before = await store.rowsStepped
            #expect(try await store.newest() == [5, 5])
            costs.append(await store.rowsStepped - before)
        }
        #expect(costs[0] == costs[1])
        #expect(costs[0] > 0)
    }

    @Test func `sightings are replaced by job`() async throws {
        let (world, _) = try SQLiteWorld.simulated()
        let store = try JournalStoreTests.open(world.disk)
        let old = JobSightingRow(job: "a", schedule: "0 2 * * *", since: Timestamp(seconds: 5))
        let new = JobSightingRow(job: "a", schedule: "0 3 * * *", since: Timestamp(seconds: 9))
        try await store.save(old)
        try await store.save(new)
        #expect(try await store.sightings() == [new])
        try await store.removeSighting(of: "a")
        #expect(try await store.sightings() == [])
    }

    @Test func `a transition goes from planned to its end, once`() async throws {
        let (world, disk) = try SQLiteWorld.simulated()
        let store = try JournalStoreTests.open(world.disk)
        let inode = InodeNumber(rawValue: 7)
        func plan(_ inode: InodeNumber) async throws -> Int64 {
            try await store.planTransition(
                "fs-a",
                inode,
                from: .standard,
                to: .infrequentAccess,
                at: Timestamp(seconds: 1000),
                bytes: 1 << 20,
                policy: "demote",
                reason: "31 days without access"
            )
        }
        let first = try await plan(inode)
        let second = try await plan(InodeNumber(rawValue: 8))
        try await store.advanceTransition(
            first,
            .copied,
            at: Timestamp(seconds: 1001),
            storedAfter: 5
        )
        let again = try JournalStoreTests.open(disk.restarted(), create: false)
        let open = try await again.unfinishedTransitions("fs-a")
        #expect(open.map(\.id) == [first, second] && open.map(\.state) == [.copied, .planned])
        let end = Timestamp(seconds: 1002)
        try await again.advanceTransition(
            first,
            .committed,
            at: end,
            storedBefore: 900,
            storedAfter: 300
        )
        let last = try #require(try await again.lastTransition("fs-a", inode))
        #expect(last.state == .committed && last.ended == end && last.bytes == 1 << 20)
        #expect(last.storedBefore == 900 && last.storedAfter == 300)
        #expect(last.reason == "31 days without access")
        let ended = await #expect(throws: MetadataError.self) {
            try await again.advanceTransition(first, .abandoned, at: end)
        }
        #expect(ended?.code == .constraint)
        #expect(try await again.transitions("fs-a", limit: 1).map(\.id) == [second])
        #expect(try await again.unfinishedTransitions("fs-b") == [])
    }

    @Test func `calls from many tasks run one after the other on one thread`() async throws {
        let (world, _) = try SQLiteWorld.simulated()
        let store = try JournalStoreTests.open(world.disk)
        try await withThrowingTaskGroup(of: Int64.self) { group in
            for number in 0..<40 {
                group.addTask {
                    try await store.insert(
                        JournalStoreTests.run("job\(number % 4)", due: Int64(number), .succeeded)
                    )
                }
            }
            var ids: Set<Int64> = []
            for try await id in group { ids.insert(id) }
            #expect(ids.count == 40)
        }
        #expect(try await store.runs(of: nil, limit: 100).count == 40)
        #expect(try await store.findings() == [])
    }
}

extension JournalStore {
    fileprivate var rowsStepped: UInt64 { connection.totalRowsStepped }

    /// How many there are of the newest five of a job's runs, and of a file system's moves.
    fileprivate func newest() throws(MetadataError) -> [Int] {
        [try runs(of: "nightly", limit: 5).count, try transitions("fs-a", limit: 5).count]
    }
}
