import Backup
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

/// What single runs of jobs do and tell, by the daemon's own services on a simulated disk.
@Suite struct JobActionTests {
    fileprivate static let day: Int64 = 86_400

    private struct World {
        let disk = SimulatedDisk(capacity: 1 << 40, recording: false)
        var state: StateWorld

        init(_ vaults: String...) async throws {
            try StateWorld.create(on: disk)
            state = try await StateWorld(opening: disk)
            for vault in vaults { _ = try await state.vaults.create(vault) }
            try await write("file", "one")
        }

        /// Writes a file of the file system, which is made when it is not there.
        func write(_ name: String, _ text: String, to fileSystem: String = "home") async throws {
            let known = await state.fileSystems.all().contains { $0.record.name == fileSystem }
            let engine =
                known
                ? try await state.fileSystems.find(fileSystem).engine
                : try await state.fileSystems.create(name: fileSystem, tags: [:], owner: .root)
                    .engine
            let new = NewInode(.regular, permissions: 0o600)
            let file = try await engine.create(
                try #require(FileName(name)),
                in: .root,
                new,
                as: .root
            )
            _ = try await engine.write(
                file.inode,
                Array(text.utf8),
                at: 0,
                stability: .stable,
                as: .root
            )
        }

        func pass(days: Int64) async throws {
            try await state.clock.move(
                to: state.clock.now().adding(seconds: days * JobActionTests.day)
            )
        }

        var actions: JobActions {
            JobActions(
                fileSystems: state.fileSystems,
                vaults: state.vaults,
                lifecycle: state.lifecycle,
                journal: state.runs,
                clock: state.clock
            )
        }

        func run(_ job: Job) async -> JobOutcome {
            await actions.execute(job, due: state.clock.now())
        }

        func points(_ vault: String) async throws -> [RecoveryPoint] {
            try await state.vaults.find(vault).listing().points
        }

        /// Spoils the manifest of a point.
        func spoil(_ point: RecoveryPointID, of vault: String) throws {
            let folder = StateWorld.root + "/vaults/\(vault)/manifests/"
            let name = try disk.list(folder).first { $0.contains(point.description) }
            try disk.corrupt(folder + (try #require(name)), at: 100, mask: 1)
        }
    }

    private static func job(_ name: String, _ action: Job.Action) throws -> Job {
        Job(
            name: name,
            why: "a test",
            file: name + ".yaml",
            schedule: try Schedule(parsing: "0 2 * * *"),
            action: action
        )
    }

    private static func policy(_ rule: RetentionRule) -> RetentionPolicy {
        RetentionPolicy(name: "rule", why: "a test", file: "r.yaml", rule: rule, timeZone: .utc)
    }

    private static func backup(_ rule: RetentionRule? = nil) throws -> Job {
        let retention = rule.map(policy)
        return try job(
            "nightly",
            .backup(BackupAction(selection: .all, vault: "main", retention: retention))
        )
    }

    private static func copy(_ rule: RetentionRule) throws -> Job {
        try job(
            "copies",
            .copy(
                CopyAction(
                    selection: .all,
                    source: "main",
                    target: "second",
                    points: .all,
                    retention: policy(rule)
                )
            )
        )
    }

    // MARK: Damage beside what is done

    @Test func `a manifest that does not read is told beside the point that was made`() async throws
    {
        let world = try await World("main")
        let nightly = try Self.backup(RetentionRule(deleteAfterDays: nil, keep: [.last: 2]))
        for _ in 0..<3 {
            #expect(await world.run(nightly).state == .succeeded)
            try await world.pass(days: 1)
        }
        let old = try await world.points("main")
        #expect(old.count == 2)
        try world.spoil(old[0].id, of: "main")
        for _ in 0..<2 {
            let outcome = await world.run(nightly)
            let newest = try #require(try await world.points("main").last)
            #expect(newest.created == world.state.clock.now())
            // Somebody hears of the damage, and that the backup has succeeded.
            #expect(outcome.state == .damaged)
            #expect(outcome.message.contains("home: \(newest.id) incremental"), "\(outcome)")
            #expect(outcome.message.contains("home: \(old[0].id): "), "\(outcome)")
            try await world.pass(days: 1)
        }
        // Its retention goes on.
        #expect(try await world.points("main").count == 2)
        let expire = try Self.job(
            "expire",
            .expire(
                ExpireAction(
                    vault: "main",
                    retention: Self.policy(RetentionRule(deleteAfterDays: nil, keep: [.last: 1]))
                )
            )
        )
        let expired = await world.run(expire)
        #expect(expired.state == .damaged && expired.message.contains("1 expired, 1 kept"))
        let test = try Self.job(
            "check",
            .restoreTest(RestoreTestAction(selection: .all, vault: "main"))
        )
        let tested = await world.run(test)
        #expect(tested.state == .damaged)
        #expect(tested.message.contains("no difference"), "\(tested)")
        #expect(tested.message.contains("\(old[0].id)"), "\(tested)")
        await world.state.close()
    }

    // MARK: What is due once

    @Test func `a backup whose end is not on record is in the vault once`() async throws {
        var world = try await World("main")
        let rule = RetentionRule(deleteAfterDays: nil, keep: [.last: 2])
        let nightly = try Self.backup(rule)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        func scheduler(_ world: World) async throws -> Scheduler {
            let actions = world.actions
            let scheduler = Scheduler(
                clock: world.state.clock,
                journal: world.state.runs,
                logger: logger
            ) { await actions.execute($0, due: $1) }
            try await scheduler.start([nightly])
            return scheduler
        }
        let first = try await scheduler(world)
        for _ in 0..<2 {
            try await world.pass(days: 1)
            #expect(try await first.runDue().map(\.state) == [.succeeded])
        }
        try await world.pass(days: 1)
        let due = try #require(
            nightly.plannedRun(after: world.state.clock.now().adding(seconds: -Self.day))
        )
        // The run begins, makes its point, and power goes before its end is written.
        _ = try await world.state.runs.insert(
            JobRun(
                id: 0,
                job: nightly.name,
                action: "backup",
                due: due.due,
                trigger: .schedule,
                started: world.state.clock.now(),
                ended: nil,
                state: .running,
                message: ""
            )
        )
        #expect(await world.actions.execute(nightly, due: due.due).state == .succeeded)
        let made = try await world.points("main")
        let left = world.disk.restarted()
        await world.state.close()
        world.state = try await StateWorld(opening: left)
        let second = try await scheduler(world)
        let runs = try await second.runDue()
        #expect(runs.map(\.due) == [due.due] && runs.map(\.state) == [.succeeded])
        let newest = try #require(made.last)
        #expect(runs.first?.message.contains("\(newest.id) is there") == true, "\(runs)")
        // Nothing was made twice, and nothing real was pushed out for it.
        #expect(try await world.points("main").map(\.id) == made.map(\.id))
        // By hand there may be as many at one instant as one likes.
        try await world.pass(days: 1)
        for _ in 0..<2 { #expect(await world.run(nightly).state == .succeeded) }
        let last = try await world.points("main").suffix(2)
        #expect(last.first?.created == last.last?.created && last.count == 2)
        await world.state.close()
    }

    @Test func `a snapshot that an interrupted run took lets the old ones go all the same`()
        async throws
    {
        let world = try await World()
        let naming = SnapshotNaming(job: "snaps")
        let snaps = try Self.job(
            "snaps",
            .snapshot(SnapshotAction(selection: .all, naming: naming, keepLast: 2))
        )
        let engine = try await world.state.fileSystems.find("home").engine
        for _ in 0..<2 {
            #expect(await world.run(snaps).state == .succeeded)
            try await world.pass(days: 1)
        }
        // The run takes it, and the power goes before the old ones do.
        let name = naming.name(at: world.state.clock.now())
        _ = try await engine.createSnapshot(name)
        let outcome = await world.run(snaps)
        #expect(outcome.state == .succeeded)
        #expect(outcome.message.contains("\(name) is there, 1 old deleted"), "\(outcome)")
        let left = try await engine.snapshots().map(\.name)
        #expect(left.count == 2 && left.last == name)
        await world.state.close()
    }

    // MARK: Cold days of copies

    @Test func `a copy job's own days move its copies, and its originals' do not`() async throws {
        let world = try await World("main", "second")
        let nightly = try Self.backup(RetentionRule(deleteAfterDays: nil, moveToColdAfterDays: 30))
        let warm = try Self.copy(RetentionRule(deleteAfterDays: 50))
        for _ in 0..<2 {
            #expect(await world.run(nightly).state == .succeeded)
            #expect(await world.run(warm).state == .succeeded)
            try await world.pass(days: 1)
        }
        try await world.pass(days: 35)
        let now = world.state.clock.now()
        let vaults = world.state.vaults
        #expect(try await vaults.find("main").pointsDueForCold(now: now).count == 1)
        #expect(try await vaults.find("second").pointsDueForCold(now: now).isEmpty)
        #expect(try await world.points("second").allSatisfy { $0.movesToCold == nil })
        // The other way round: the job says so, and it is done.
        let cold = try Self.copy(RetentionRule(deleteAfterDays: 500, moveToColdAfterDays: 20))
        try await world.write("other", "two")
        #expect(await world.run(nightly).state == .succeeded)
        let outcome = await world.run(cold)
        #expect(outcome.state == .succeeded, "\(outcome)")
        // The newest stays warm; the two before it have been there for longer than 20 days.
        #expect(outcome.message.contains("2 moved to cold storage"), "\(outcome)")
        let copies = try await world.points("second")
        #expect(copies.map(\.isCold) == [true, true, false])
        #expect(copies.last?.movesToCold != nil)
        await world.state.close()
    }
}
