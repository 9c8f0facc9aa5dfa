import Disk
import FileSystemEngine
import JobScheduler
import Logging
import MetadataStore
import Policies
import TestKit
import Testing
import VarveModel

@testable import ControlPlane

/// Days of jobs by the daemon's own services, which end, are killed and lose their power, within runs and between
/// them; and the plain models beside them, which know after each run and each move of the clock what must be there.
///
/// Daemons take turns, so that at each moment one thing is under way: a run, the housekeeping as the clock moves, or
/// an edit of a file. Of that a power cut leaves all, nothing or a part, which the models bound; everything else must
/// be as it was.
actor JobDays {
    /// What is under way.
    enum Activity {
        case nothing
        case run(Job, record: Int)
        case housekeeping
    }

    static let vaultNames = ["main", "second", "third"]

    let plan: JobDaysPlan
    let seed: UInt64
    var timeline: JobDaysTimeline
    var models: [String: JobDaysFiles] = [:]
    var vaults: [String: JobDaysVault] = [:]
    var world: StateWorld
    var now = JobDaysPlan.start
    var activity = Activity.nothing
    /// How runs ended that were seen to their end, by their records.
    var outcomes: [Int: JobRun.State] = [:]
    /// Records of what was not run, of which nobody was told yet.
    var awaited: [Int] = []
    /// How often each thing happened.
    var mix: [String: Int] = [:]
    private var disk: SimulatedDisk
    private var random: SeededGenerator
    private var edits = 0
    /// Where the clock is being moved to.
    private var target: Timestamp?
    private var complaints = 0
    private var maintenance: Maintenance?
    /// The power is to go in a run of this life: after so many others, or in the first of an action.
    private var cutAfterRuns: Int?
    private var cutAction: Job.ActionName?
    /// What a run of each action last wrote, in calls.
    private var writes: [Job.ActionName: Int] = [:]
    /// Runs of each action in which the power went.
    private(set) var cuts: [Job.ActionName: Int] = [:]

    private init(_ plan: JobDaysPlan, _ seed: UInt64, _ disk: SimulatedDisk) async throws {
        self.plan = plan
        self.seed = seed
        self.disk = disk
        timeline = JobDaysTimeline(plan)
        random = SeededGenerator(seed: seed)
        world = try await StateWorld(opening: disk)
        for name in Self.vaultNames { vaults[name] = JobDaysVault(name: name) }
    }

    /// Lives the days to their end, and looks at all that is left.
    static func live(_ plan: JobDaysPlan, seed: UInt64) async throws -> JobDays {
        let disk = SimulatedDisk()
        try StateWorld.create(on: disk)
        let days = try await JobDays(plan, seed, disk)
        try await days.prepare()
        while try await !days.live() {}
        try await days.finish()
        return days
    }

    func complain(_ words: String) {
        complaints += 1
        if complaints <= 20 { Issue.record("seed \(seed), second \(now.seconds): \(words)") }
    }

    func complain(_ words: [String]) {
        for word in words { complain(word) }
    }

    private func prepare() async throws {
        try await world.clock.move(to: now)
        for name in Self.vaultNames { _ = try await world.vaults.create(name) }
        for name in JobDaysPlan.both {
            let engine = try await world.fileSystems.create(name: name, tags: [:], owner: .root)
                .engine
            models[name] = JobDaysFiles()
            for number in 0..<16 {
                let edit = JobDaysEdit(
                    what: .make,
                    name: "file-\(number)",
                    newName: "",
                    bytes: random.bytes(number * 500),
                    offset: 0
                )
                try await perform(edit, engine, name)
            }
        }
    }

    // MARK: Lives

    /// One daemon's life; answers whether the last of all has come to its end.
    private func live() async throws -> Bool {
        let end = JobDaysPlan.start.adding(seconds: plan.seconds)
        mix["daemons", default: 0] += 1
        timeline.begin(at: now.seconds)
        wishForCut(isLast: now >= end)
        let scheduler = begin()
        try await scheduler.start(plan.lines.map(\.job))
        let until = min(end, now.adding(seconds: Int64.random(in: plan.life, using: &random)))
        do {
            _ = try await scheduler.advance(
                to: until,
                move: { try await self.move(to: $0) },
                report: { await self.ended($0) }
            )
        } catch {
            guard isDark else { throw error }
        }
        if !isDark {
            // A cut that has not come by now does not come in what follows.
            disk.cutPower(after: .max)
            complain(timeline.left(at: now.seconds).map { "\($0) is still due" })
            if now >= end { return true }
        }
        try await restart()
        let pause = plan.pauses.randomElement(using: &random) ?? 0
        now = min(max(end, now), now.adding(seconds: Int64.random(in: 0...pause, using: &random)))
        try await world.clock.move(to: now)
        return false
    }

    private func begin() -> Scheduler {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let actions = JobActions(
            fileSystems: world.fileSystems,
            vaults: world.vaults,
            lifecycle: world.lifecycle,
            journal: world.runs,
            clock: world.clock
        )
        let scheduler = Scheduler(clock: world.clock, journal: world.runs, logger: logger) {
            await self.execute($0, due: $1, by: actions)
        }
        maintenance = Maintenance(
            fileSystems: world.fileSystems,
            mountTargets: world.mountTargets,
            vaults: world.vaults,
            lifecycle: world.lifecycle,
            jobs: Jobs(
                directories: [],
                scheduler: scheduler,
                journal: world.runs,
                clock: world.clock,
                logger: logger
            ),
            coldTrees: ColdTrees(),
            clock: world.clock,
            logger: logger
        )
        return scheduler
    }

    private var isDark: Bool {
        do throws(DiskError) {
            _ = try disk.status(of: "/")
            return false
        } catch {
            return true
        }
    }

    /// The daemon ends in order, is killed where it stands, or has lost its power; the next one finds what that leaves.
    private func restart() async throws {
        let left: SimulatedDisk
        let isCut = isDark
        if isCut {
            let fates: [CutFate] = [.dropUnsynced, .tear(seed: random.next()), .keepUnsynced]
            let fate = fates.randomElement(using: &random) ?? .dropUnsynced
            left = disk.image(cuttingAfter: disk.operations, fate: fate)
            if case .run(let job, _) = activity { cuts[job.action.name, default: 0] += 1 }
            mix["power cuts", default: 0] += 1
            await world.close()
        } else if Bool.random(using: &random) {
            mix["kills between runs", default: 0] += 1
            left = disk.restarted()
            await world.close()
        } else {
            mix["ends in order", default: 0] += 1
            try await world.lifecycle.flush()
            settleUses(areKept: true)
            await world.close()
            left = disk.restarted()
        }
        disk = left
        world = try await StateWorld(opening: disk)
        try await recognise(isCut: isCut)
        settleUses(areKept: false)
        let stands = world.clock.now()
        if stands != now, !isCut || stands != target { complain("the clock shows \(stands)") }
        now = stands
        target = nil
    }

    // MARK: What happens in a life

    /// What the daemon does as its clock moves; and somebody writes.
    private func move(to instant: Timestamp) async throws {
        if !isDark { settleRun() }
        target = instant
        try await world.clock.move(to: instant)
        now = instant
        if let maintenance {
            // Ten seconds and a day are the same to it; it is here for what it writes.
            if Int.random(in: 0..<6, using: &random) == 0 {
                await maintenance.round()
                if !isDark { settleUses(areKept: true) }
            }
            activity = .housekeeping
            await maintenance.expireRecoveryPoints()
            await maintenance.moveToColdStorage()
            if !isDark {
                try await housekept(isWhole: true)
                activity = .nothing
            }
        }
        guard Int.random(in: 0..<3, using: &random) > 0 else { return }
        let name = JobDaysPlan.both.randomElement(using: &random) ?? JobDaysPlan.home
        guard let model = models[name] else { return }
        edits += 1
        let edit = JobDaysEdit.random(of: model, edits, using: &random)
        try await perform(edit, try await world.fileSystems.find(name).engine, name)
    }

    private func perform(
        _ edit: JobDaysEdit,
        _ engine: FileSystem,
        _ name: String
    ) async throws {
        for (step, files) in edit.steps(from: models[name]?.files ?? [:]).enumerated() {
            models[name]?.next = files
            models[name]?.edit = edit
            try await edit.perform(step: step, in: engine)
            settleEdit(of: name, isDone: true)
        }
    }

    /// The edit that was under way in a file system has been done, or has not.
    func settleEdit(of name: String, isDone: Bool) {
        guard var model = models[name] else { return }
        if isDone, let edit = model.edit, let next = model.next {
            model.files = next
            edit.note(in: &model, at: now.seconds)
        }
        (model.next, model.edit) = (nil, nil)
        models[name] = model
    }

    private func settleUses(areKept: Bool) {
        for name in JobDaysPlan.both { models[name]?.settleUses(areKept: areKept) }
    }

    /// Chooses whether the power goes in this life: mostly, and then often where it has gone least.
    private func wishForCut(isLast: Bool) {
        (cutAfterRuns, cutAction) = (nil, nil)
        guard !isLast, Int.random(in: 0..<4, using: &random) > 0 else { return }
        if Bool.random(using: &random) {
            cutAfterRuns = Int.random(in: 0..<4, using: &random)
        } else {
            cutAction = Job.ActionName.allCases.min { cuts[$0, default: 0] < cuts[$1, default: 0] }
        }
    }

    private func isToBeCut(_ action: Job.ActionName) -> Bool {
        if let left = cutAfterRuns {
            cutAfterRuns = left - 1
            return left == 0
        }
        guard cutAction == action else { return false }
        cutAction = nil
        return true
    }

    private func execute(_ job: Job, due: Timestamp, by actions: JobActions) async -> JobOutcome {
        for other in timeline.overtaken(by: job.name, at: now.seconds) {
            complain("\(job.name) goes before \(other)")
        }
        settleRun()
        for record in timeline.takePassedBy(job.name, at: now.seconds) { awaited.append(record) }
        let record = timeline.take(job.name, due: due.seconds, isRun: true, at: now.seconds)
        activity = .run(job, record: record)
        let (disk, action) = (disk, job.action.name)
        let before = disk.operations
        if isToBeCut(action) {
            // A few more are those of its end in the journal.
            let most = (writes[action] ?? 60) + 8
            disk.cutPower(after: Int.random(in: 0...most, using: &random))
        }
        let outcome = await actions.execute(job, due: due)
        guard !isDark else { return outcome }
        writes[action] = disk.operations - before
        do {
            try await hasRun(job, record, outcome)
        } catch {
            if !isDark { complain("after a run of \(job.name): \(error)") }
        }
        return outcome
    }

    /// The run before is on record: what came after it was.
    private func settleRun() {
        guard case .run(_, let record) = activity, let wanted = outcomes[record] else { return }
        timeline.end(record, as: wanted)
        activity = .nothing
    }

    /// Told of all that became of jobs at one moment, in order.
    private func ended(_ run: JobRun) {
        if !isDark { settleRun() }
        guard run.started == nil else { return }
        let known = awaited.firstIndex {
            timeline.records[$0].job == run.job && timeline.records[$0].due == run.due.seconds
        }
        let record =
            known.map { awaited.remove(at: $0) }
            ?? timeline.take(run.job, due: run.due.seconds, isRun: false, at: now.seconds)
        if timeline.records[record].state != run.state { complain("\(run)") }
    }

    /// A run came to its end: it told what it should, and did what it should.
    func hasRun(_ job: Job, _ record: Int, _ told: JobOutcome) async throws {
        let wanted = await outcome(of: job)
        let state: JobRun.State? =
            switch told.state {
            case .succeeded: .succeeded
            case .partial: .partial
            case .failed: .failed
            case .damaged, .stopped: nil
            }
        if state != wanted { complain("\(job.name) should have \(wanted): \(told)") }
        if job.action.name == .restoreTest, wanted != .failed,
            !told.message.contains("no difference")
        {
            complain(told.message)
        }
        try await did(job, due: timeline.records[record].due, isWhole: true)
        outcomes[record] = wanted
        mix[job.action.name.rawValue, default: 0] += 1
    }
}
