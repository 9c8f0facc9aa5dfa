import Disk
import Foundation
import JobScheduler
import LocalAPI
import Logging
import MetadataStore
import Policies
import TestKit
import Testing
import VarveModel

@testable import ControlPlane

/// What `varve job next` answers, and what `varve job lint` says of vaults in buckets.
@Suite struct NextJobsTests {
    private struct World {
        let directory: TemporaryDirectory
        let state: StateWorld
        let scheduler: Scheduler
        let jobs: Jobs

        init(_ files: [String: String]) async throws {
            directory = try TemporaryDirectory()
            for (name, text) in files {
                let common = "# A test.\nformat: 1\nname: \(name)\n"
                try Data((common + text).utf8).write(
                    to: URL(fileURLWithPath: directory.path + "/\(name).yaml")
                )
            }
            let disk = SimulatedDisk(capacity: 1 << 40, recording: false)
            try StateWorld.create(on: disk)
            state = try await StateWorld(opening: disk)
            let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            scheduler = Scheduler(clock: state.clock, journal: state.runs, logger: logger) { _, _ in
                JobOutcome(.succeeded)
            }
            jobs = Jobs(
                directories: [directory.path],
                scheduler: scheduler,
                journal: state.runs,
                clock: state.clock,
                logger: logger
            )
            try await jobs.start()
        }

        /// Hours and minutes since the start, as `job HH:MM`.
        func next(_ name: String? = nil, count: Int = 1_001, days: Int? = 7) async throws
            -> [String]
        {
            try await jobs.next(name, count: count, days: days).map { due in
                let seconds = due.due.time.seconds - StateWorld.start.seconds
                let text = "\(due.job) \(seconds / 3_600):\(seconds / 60 % 60)"
                return due.waits == true ? text + " waits" : text
            }
        }
    }

    private static func snapshot(_ schedule: String, _ more: String = "") -> String {
        """
        kind: job
        action: snapshot
        Resources: ["*"]
        ScheduleExpression: "\(schedule)"
        \(more)
        """
    }

    @Test func `the next instants are those that then come, in order, with what waits before them`()
        async throws
    {
        // It is 08:00 on a Friday.
        let world = try await World([
            "daily": Self.snapshot("30 9 * * *", "jitter: 20m\nStartWindowMinutes: 90"),
            "often": Self.snapshot("0 */6 * * *", "missed: run-all"),
            "weekly": Self.snapshot("0 8 * * MON", "missed: skip"),
        ])
        #expect(
            try await world.next(days: 1) == [
                "daily 1:30", "often 4:0", "often 10:0", "often 16:0", "often 22:0",
            ]
        )
        #expect(try await world.next("weekly", days: 2) == [])
        #expect(try await world.next("weekly") == ["weekly 72:0"])
        // The end counts for what is due, and not for when its jitter lets it begin.
        #expect(try await world.next("often", count: 2, days: nil) == ["often 4:0", "often 10:0"])
        let planned = try #require(try await world.jobs.next("daily", count: 1, days: nil).first)
        let jitter = planned.starts.time.seconds - planned.due.time.seconds
        #expect((0...1_200).contains(jitter))
        #expect(planned.latest?.time.seconds == planned.due.time.seconds + 5_400)
        await #expect(throws: APIError.self) { _ = try await world.next("nobody") }
        // A day passes in which nothing was run: what is made up for comes first, the rest after it.
        try await world.state.clock.move(to: StateWorld.start.adding(seconds: 23 * 3_600))
        let late = try await world.next(days: 1)
        #expect(
            late.prefix(4) == [
                "often 4:0 waits", "often 10:0 waits", "often 16:0 waits", "often 22:0 waits",
            ]
        )
        #expect(!late.contains("daily 1:30 waits"), "its start window is over")
        #expect(late.dropFirst(4).first == "daily 25:30")
        #expect(try await world.next("often", count: 3) == Array(late.prefix(3)))
        // And those are the runs that come.
        let runs = try await world.scheduler.runDue().filter { $0.started != nil }.map(
            \.due.seconds
        )
        #expect(runs == [4, 10, 16, 22].map { StateWorld.start.seconds + $0 * 3_600 })
        #expect(try await world.next(days: 1).allSatisfy { !$0.hasSuffix("waits") })
        await world.state.close()
    }

    @Test func `one more than the most tells that there are more`() async throws {
        let world = try await World(["minutely": Self.snapshot("* * * * *")])
        #expect(try await world.next().count == NextJobs.countMax + 1)
        #expect(try await world.next(count: 10).count == 10)
        await world.state.close()
    }

    @Test func `days for cold storage in a bucket are a mistake, with the job's file`() async throws
    {
        func job(_ vault: String, _ days: String) -> String {
            """
            kind: job
            action: backup
            Resources: ["*"]
            TargetBackupVaultName: \(vault)
            ScheduleExpression: "0 2 * * *"
            Lifecycle: {\(days)}
            """
        }
        let world = try await World([
            "cold-bucket": job("far", "MoveToColdStorageAfterDays: 30"),
            "cold-directory": job("main", "MoveToColdStorageAfterDays: 30"),
            "warm-bucket": job("far", "DeleteAfterDays: 30"),
        ])
        let report = await world.jobs.lint(vaultsInBuckets: ["far"])
        #expect(report.files == 3 && report.mistakes.count == 1)
        let mistake = try #require(report.mistakes.first)
        #expect(mistake.file.hasSuffix("/cold-bucket.yaml"))
        #expect(
            mistake.message.contains(
                "nothing moves to cold storage in the bucket of the vault 'far'"
            )
        )
        #expect(await world.jobs.lint(vaultsInBuckets: []).mistakes.isEmpty)
        await world.state.close()
    }
}
