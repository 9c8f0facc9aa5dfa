import BackupVault
import Disk
import FileSystemEngine
import JobScheduler
import LocalAPI
import Logging
import MetadataStore
import Policies
import TestKit
import Testing
import VarveModel

@testable import ControlPlane

/// Days of backups, snapshots, expiry and restore tests by the daemon's own services, restarted and killed in between.
@Suite struct JobDaysTests {
    /// When a daemon was there.
    struct Life {
        let began: Timestamp
        let ended: Timestamp
    }

    /// Ages count in days of 24 hours.
    static let backupRule = RetentionRule(deleteAfterDays: 1, keep: [.last: 5, .first: 1])
    static let weeklyRule = RetentionRule(deleteAfterDays: nil, keep: [.last: 3])

    /// Goal: every due instant is run once or accounted for, and what is kept is what the policies' words say.
    ///
    /// Method: 64 hours (16 at CI's size) under the injected clock with daemons that end or are killed at seeded moments;
    /// a plain model, which knows schedules and the times at which a daemon was there, says what must be on record, in
    /// the vault and among the snapshots.
    @Test func `64 hours of jobs leave what their policies say, whatever restarts the daemon`()
        async throws
    {
        var random = SeededGenerator(seed: testSeed(default: 6_400))
        var disk = SimulatedDisk(capacity: 1 << 40, recording: false)
        try StateWorld.create(on: disk)
        let jobs = try Self.jobs()
        let end = StateWorld.start.adding(seconds: TestSizes.current.jobHours * 3_600)
        var lives: [Life] = []
        var now = StateWorld.start
        var isFirst = true
        while now < end {
            let world = try await StateWorld(opening: disk)
            // No time passes by itself: what passed while no daemon was there passes now.
            if !isFirst {
                let pause: Int64 = [0, 100, 2_000, 9_000].randomElement(using: &random) ?? 0
                now = now.adding(seconds: Int64.random(in: 0...pause, using: &random))
                try await world.clock.move(to: now)
            }
            if isFirst { try await Self.prepare(world) }
            isFirst = false
            let began = now
            let scheduler = Self.scheduler(world)
            try await scheduler.start(jobs)
            let life = Int64.random(in: 60...12_000, using: &random)
            now = min(end, now.adding(seconds: life))
            let clock = world.clock
            _ = try await scheduler.advance(to: now) { try await clock.move(to: $0) }
            try await Self.write(random.bytes(3_000), world)
            lives.append(Life(began: began, ended: now))
            if now >= end {
                try await Self.check(world, jobs, lives)
                await world.close()
            } else if Bool.random(using: &random) {
                // Killed: what stands on the disk at that moment goes on.
                let left = disk.restarted()
                await world.close()
                disk = left
            } else {
                await world.close()
            }
        }
        #expect(lives.count > 4, "too few restarts to mean anything")
    }

    private static func jobs() throws -> [Job] {
        func job(
            _ name: String,
            _ schedule: String,
            missed: Job.MissedRuns = .runOnce,
            window: Int? = nil,
            jitter: Int64 = 0,
            _ action: Job.Action
        ) throws -> Job {
            Job(
                name: name,
                why: "a test",
                file: name + ".yaml",
                schedule: try Schedule(parsing: schedule),
                missed: missed,
                startWindowMinutes: window,
                jitterSeconds: jitter,
                action: action
            )
        }
        func backup(_ name: String, _ rule: RetentionRule) -> Job.Action {
            let retention = RetentionPolicy(
                name: name,
                why: "a test",
                file: name + ".yaml",
                rule: rule,
                timeZone: .utc
            )
            return .backup(BackupAction(selection: .all, vault: "main", retention: retention))
        }
        return [
            try job("hourly", "0 * * * *", jitter: 900, backup("young", backupRule)),
            try job("each", "30 */2 * * *", missed: .runAll, backup("three", weeklyRule)),
            try job(
                "snaps",
                "*/40 * * * *",
                missed: .skip,
                .snapshot(
                    SnapshotAction(
                        selection: .all,
                        naming: SnapshotNaming(job: "snaps"),
                        keepLast: 4
                    )
                )
            ),
            try job(
                "check",
                "45 */3 * * *",
                window: 60,
                .restoreTest(RestoreTestAction(selection: .all, vault: "main", point: .random))
            ),
        ]
    }

    private static func scheduler(_ world: StateWorld) -> Scheduler {
        let actions = JobActions(
            fileSystems: world.fileSystems,
            vaults: world.vaults,
            lifecycle: world.lifecycle,
            journal: world.runs,
            clock: world.clock
        )
        return Scheduler(
            clock: world.clock,
            journal: world.runs,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        ) {
            await actions.execute($0, due: $1)
        }
    }

    private static func prepare(_ world: StateWorld) async throws {
        _ = try await world.vaults.create("main")
        let engine = try await world.fileSystems.create(name: "home", tags: [:], owner: .root)
            .engine
        for number in 0..<20 {
            let new = NewInode(.regular, permissions: 0o600)
            let file = try await engine.create(
                try #require(FileName("file-\(number)")),
                in: .root,
                new,
                as: .root
            )
            let bytes = [UInt8](repeating: UInt8(number), count: number * 500)
            _ = try await engine.write(file.inode, bytes, at: 0, stability: .stable, as: .root)
        }
    }

    private static func write(_ bytes: [UInt8], _ world: StateWorld) async throws {
        let engine = try await world.fileSystems.find("home").engine
        let name = try #require(FileName("file-\(Int(bytes[0]) % 20)"))
        let file = try await engine.lookup(name, in: .root, as: .root)
        _ = try await engine.write(file.inode, bytes, at: 0, stability: .stable, as: .root)
    }

    // MARK: The model

    private static func check(_ world: StateWorld, _ jobs: [Job], _ lives: [Life]) async throws {
        let records = try await world.runs.runs(of: nil, limit: 100_000).reversed()
        var fates: [String: Int] = [:]
        for job in jobs {
            let own = records.filter { $0.job == job.name }
            check(job, own, lives, &fates)
            for run in own where run.started != nil {
                let isTest = job.name == "check"
                // A test before the first backup has nothing to test.
                let isEarly = isTest && run.message.contains("no recovery point of it to test")
                #expect(isEarly ? run.state == .failed : run.state == .succeeded, "\(run)")
                if isTest, !isEarly {
                    #expect(run.message.contains("no difference"), "\(run.message)")
                }
            }
        }
        let points = try await world.vaults.find("main").recoveryPoints()
        for (name, rule) in [("hourly", backupRule), ("each", weeklyRule)] {
            let kept = points.filter { $0.labels["job"] == name }.map(\.created)
            let runs = records.filter { $0.state == .succeeded }
            #expect(kept == left(by: rule, of: name, runs), "\(name)")
            // At CI's size no point comes to be a day old.
            guard name == "each" || TestSizes.current.jobHours > 30 else { continue }
            #expect(runs.count { $0.job == name } > kept.count, "nothing of \(name) expired")
        }
        let snapshots = try await world.fileSystems.find("home").engine.snapshots().map(\.name)
        let taken = records.filter { $0.job == "snaps" && $0.state == .succeeded }.map(\.due)
        let naming = SnapshotNaming(job: "snaps")
        #expect(Set(snapshots) == Set(taken.suffix(4).map { naming.name(at: $0) }))
        // Nothing is left of the restore tests.
        #expect(try await world.control.fileSystems().count == 1)
        let folders = try world.disk.list(StateWorld.root + "/filesystems")
        #expect(folders.count == 1, "\(folders)")
        #expect(fates["in time", default: 0] > 0 && fates["caught up", default: 0] > 0, "\(fates)")
        print("job days: \(lives.count) daemons, \(records.count) records, \(fates)")
    }

    /// Whether each due instant was run once, or is accounted for as the job wants it.
    private static func check(
        _ job: Job,
        _ records: [JobRun],
        _ lives: [Life],
        _ fates: inout [String: Int]
    ) {
        let byDue = Dictionary(grouping: records, by: \.due)
        #expect(byDue.values.allSatisfy { $0.count == 1 }, "\(job.name): one due instant twice")
        guard let first = lives.first, let last = lives.last else { return }
        var due = first.began
        while let planned = job.plannedRun(after: due), planned.start <= last.ended {
            due = planned.due
            let run = byDue[due]?.first
            if lives.contains(where: { $0.began < planned.start && planned.start <= $0.ended }) {
                #expect(run?.started == planned.start, "\(job.name) at \(due.seconds)")
                fates["in time", default: 0] += 1
                continue
            }
            guard let next = lives.first(where: { $0.began >= planned.start })?.began else {
                continue
            }
            let following = job.plannedRun(after: due)?.start
            if job.missed != .runAll, let following, following <= next {
                #expect(run == nil, "\(job.name): covered by a later one")
                fates["covered", default: 0] += 1
                continue
            }
            let isSoon = next.seconds - planned.start.seconds <= 300
            let isOver = planned.latest.map { next > $0 } ?? false
            if isSoon || (job.missed != .skip && !isOver) {
                #expect(run?.started == next && run?.state != .skipped, "\(job.name)")
                fates["caught up", default: 0] += 1
            } else {
                #expect(run?.state == (job.missed == .skip ? .skipped : .expired), "\(job.name)")
                fates["not run", default: 0] += 1
            }
        }
    }

    /// What the documentation's words leave of a job's points: after each of its runs the young, the newest and the oldest
    /// stay, and the newest of the file system whichever job made it.
    private static func left(
        by rule: RetentionRule,
        of job: String,
        _ runs: [JobRun]
    ) -> [Timestamp] {
        var left: [Timestamp] = []
        for run in runs where run.job == job {
            guard let now = run.started else { continue }
            left.append(now)
            left = left.enumerated().filter { index, created in
                let isYoung = rule.deleteAfterDays.map {
                    now.seconds - created.seconds < Int64($0) * 86_400
                }
                return isYoung ?? false || index >= left.count - (rule.keep[.last] ?? 0)
                    || index < rule.keep[.first] ?? 0
            }.map(\.element)
        }
        return left
    }
}

@Suite struct ScratchFileSystemTests {
    @Test func `nobody sees a scratch file system, and a crash leaves nothing of it`() async throws
    {
        let disk = SimulatedDisk(capacity: 1 << 40, recording: false)
        try StateWorld.create(on: disk)
        let world = try await StateWorld(opening: disk)
        let scratch = try await world.fileSystems.makeScratch("restore test of home", for: 100_000)
        let new = NewInode(.regular, permissions: 0o600)
        let file = try await scratch.engine.create(
            try #require(FileName("secret")),
            in: .root,
            new,
            as: .root
        )
        let bytes = [UInt8](repeating: 7, count: 100_000)
        _ = try await scratch.engine.write(
            file.inode,
            bytes,
            at: 0,
            stability: .stable,
            as: .root
        )
        #expect(await world.fileSystems.all().isEmpty)
        let id = scratch.record.id.text
        let zone = try #require(scratch.record.availabilityZone)
        let places = [world.state.paths.fileSystem(id), world.state.paths.zone(zone, id)]
        for place in places { #expect(try disk.status(of: place) != nil) }
        // Killed in the middle: the next start removes it.
        let left = disk.restarted()
        await world.fileSystems.discard(scratch)
        await world.close()
        for place in places { #expect(try disk.status(of: place) == nil) }
        let next = try await StateWorld(opening: left)
        #expect(try await next.control.fileSystems().isEmpty)
        for place in places { #expect(try left.status(of: place) == nil) }
        await next.close()
    }

    @Test func `a task that was cancelled still removes its scratch file system`() async throws {
        let disk = SimulatedDisk(capacity: 1 << 40, recording: false)
        try StateWorld.create(on: disk)
        let world = try await StateWorld(opening: disk)
        let fileSystems = world.fileSystems
        let scratch = try await fileSystems.makeScratch("restore test of home", for: 100_000)
        await withTaskGroup(of: Void.self) { group in
            group.cancelAll()
            group.addTask { await fileSystems.discard(scratch) }
        }
        #expect(try await world.control.fileSystems().isEmpty)
        #expect(try disk.status(of: world.state.paths.fileSystem(scratch.record.id.text)) == nil)
        await world.close()
    }

    @Test func `a test that would fill the disk is not begun`() async throws {
        let disk = SimulatedDisk(capacity: 1 << 30, recording: false)
        try StateWorld.create(on: disk)
        let world = try await StateWorld(opening: disk)
        let refused = await #expect(throws: APIError.self) {
            _ = try await world.fileSystems.makeScratch("restore test of home", for: 600 << 20)
        }
        #expect(refused?.code == .noSpace)
        #expect(try await world.control.fileSystems().isEmpty)
        await world.close()
    }
}
