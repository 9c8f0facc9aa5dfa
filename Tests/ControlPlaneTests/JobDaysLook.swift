import Backup
import BackupVault
import Disk
import FileSystemEngine
import Foundation
import JobScheduler
import MetadataStore
import Policies
import TestKit
import VarveModel

@testable import ControlPlane

/// What a run of each kind must, or when it was cut short may, have done.
extension JobDays {
    private func fileSystems(of job: Job) -> [String] {
        plan.lines.first { $0.job.name == job.name }?.fileSystems ?? []
    }

    private func sources() async -> [String: String] {
        var sources: [String: String] = [:]
        for entry in await world.fileSystems.all() {
            sources[entry.record.name] = entry.record.id.text
        }
        return sources
    }

    private func warm(of name: String, _ sources: [String: String]) -> Bool {
        guard let source = sources[name] else { return false }
        return vaults["main"]?.warm(of: source).isEmpty == false
    }

    /// How a run of a job must end that nobody cuts short.
    func outcome(of job: Job) async -> JobRun.State {
        let sources = await sources()
        let tested = JobDaysPlan.both.count { warm(of: $0, sources) }
        switch job.action {
        case .backup, .snapshot, .lifecycle, .expire, .scrub: return .succeeded
        // Before the first backup there is nothing to copy or test.
        case .copy: return tested > 0 ? .succeeded : .failed
        case .restoreTest:
            return tested == JobDaysPlan.both.count ? .succeeded : tested > 0 ? .partial : .failed
        }
    }

    /// Holds what is there now against what a run must have done, or may have when it was cut short.
    func did(_ job: Job, due: Int64, isWhole: Bool) async throws {
        var acts: [String: JobDaysVault.Act] = [:]
        switch job.action {
        case .backup(let action):
            acts[action.vault] = await act(of: action, job, due)
        case .copy(let action):
            acts[action.target] = try await act(of: action, job)
        case .expire(let action): acts[action.vault] = act(of: action.retention.rule) { _ in true }
        case .snapshot(let action):
            let name = "\(job.name)-" + Self.text(due)
            for system in fileSystems(of: job) {
                let after = models[system]?.snapshots(
                    after: job.name,
                    name,
                    keep: action.keepLast ?? 0
                )
                try await lookAtSnapshots(of: system, after: after, isWhole: isWhole)
            }
        case .lifecycle:
            for name in fileSystems(of: job) { try await lookAtTiers(of: name, isWhole: isWhole) }
        case .restoreTest, .scrub: break
        }
        try await lookAtVaults(acts, isWhole: isWhole)
    }

    /// A time as labels and names of snapshots have it.
    static func text(_ second: Int64) -> String {
        Date(timeIntervalSince1970: Double(second)).formatted(.iso8601)
    }

    // MARK: Acts

    private func act(
        of rule: RetentionRule,
        isMeant: @escaping (JobDaysVault.Point) -> Bool
    ) -> JobDaysVault.Act {
        let now = now.seconds
        var act = JobDaysVault.Act()
        act.isMeant = isMeant
        act.fate = { JobDaysVault.fate(of: $0, among: $1, rule, at: now) }
        act.isDueForCold = { point in
            rule.moveToColdAfterDays.map { point.created + Int64($0) * 86_400 <= now } ?? false
        }
        return act
    }

    /// A point of each file system, unless a run that was interrupted has made it; then the job's own retention.
    private func act(
        of action: BackupAction,
        _ job: Job,
        _ due: Int64
    ) async -> JobDaysVault.Act {
        let sources = await sources()
        guard let rule = action.retention?.rule else { return JobDaysVault.Act() }
        let own = job.name
        var act = self.act(of: rule) { $0.job == own }
        let there = vaults[action.vault]?.points ?? []
        for name in fileSystems(of: job) {
            guard let source = sources[name], let model = models[name] else { continue }
            let isThere = there.contains {
                $0.job == job.name && $0.source == source && $0.due == Self.text(due)
            }
            if isThere { continue }
            act.makes.append(
                JobDaysVault.Point(
                    id: nil,
                    origin: nil,
                    source: source,
                    job: job.name,
                    due: Self.text(due),
                    created: now.seconds,
                    expires: rule.keep.isEmpty
                        ? rule.deleteAfterDays.map { now.seconds + Int64($0) * 86_400 } : nil,
                    movesAt: rule.moveToColdAfterDays.map { now.seconds + Int64($0) * 86_400 },
                    files: model.files
                )
            )
        }
        return act
    }

    /// Copies of the warm points that are not there and that the retention of copies would let stay; then that
    /// retention.
    private func act(of action: CopyAction, _ job: Job) async throws -> JobDaysVault.Act {
        let (source, own) = (try await world.vaults.find(action.source).id, job.name)
        let rule = action.retention?.rule
        var act = JobDaysVault.Act()
        if let rule { act = self.act(of: rule) { $0.job == own } }
        let there = vaults[action.target]?.points ?? []
        let asked = (vaults[action.source]?.points ?? []).filter { !$0.isCold }
        for (name, points) in Dictionary(grouping: asked, by: \.source) {
            // They stand in the order in which they were made.
            let newest = points.enumerated().max { ($0.1.created, $0.0) < ($1.1.created, $1.0) }
            let copies = points.map { copy(of: $0, in: source, by: own, rule) }
            let new = copies.filter { copy in !there.contains { $0.origin == copy.origin } }
            let known = new + there.filter { $0.source == name && $0.job == own }
            for copy in new {
                let isNewest = copy.origin?.point == newest?.element.id
                let isWorth = rule.map {
                    JobDaysVault.fate(of: copy, among: known, $0, at: now.seconds) != .goes
                }
                if isNewest || (action.points == .all && isWorth ?? true) { act.makes.append(copy) }
            }
        }
        return act
    }

    private func copy(
        of point: JobDaysVault.Point,
        in vault: UniqueID,
        by job: String,
        _ rule: RetentionRule?
    ) -> JobDaysVault.Point {
        JobDaysVault.Point(
            id: nil,
            origin: point.id.map { PointOrigin(vault: vault, point: $0) },
            source: point.source,
            job: job,
            due: nil,
            created: point.created,
            expires: nil,
            movesAt: rule?.moveToColdAfterDays.map { point.created + Int64($0) * 86_400 },
            files: point.files
        )
    }

    /// What the daemon itself does as the clock moves: points go, and move, whose own time has come.
    func housekept(isWhole: Bool) async throws {
        let now = now.seconds
        var act = JobDaysVault.Act()
        act.isMeant = { _ in true }
        act.fate = { point, _ in point.expires.map { $0 <= now } ?? false ? .goes : .stays }
        act.isDueForCold = { $0.movesAt.map { $0 <= now } ?? false }
        let acts = Dictionary(uniqueKeysWithValues: Self.vaultNames.map { ($0, act) })
        try await lookAtVaults(acts, isWhole: isWhole)
    }

    // MARK: Looks

    /// Looks at all vaults: those that nothing was done to are as they were.
    func lookAtVaults(_ acts: [String: JobDaysVault.Act], isWhole: Bool) async throws {
        for name in Self.vaultNames {
            let vault = try await world.vaults.find(name)
            let listing = try vault.listing()
            complain(listing.damaged.map { "\(name): \($0.error)" })
            let act = acts[name] ?? JobDaysVault.Act()
            let wrong = vaults[name]?.happen(act, listing.points, isWhole: isWhole, in: vault.id)
            complain(wrong ?? [])
            complain(twice(listing.points).map { "\(name): two points of \($0)" })
        }
    }

    /// Due instants of which there are two points.
    private func twice(_ points: [RecoveryPoint]) -> [[String]] {
        let marks = points.compactMap { point in
            point.labels["due"].map { [point.source, point.labels["job"] ?? "", $0] }
        }
        return Dictionary(grouping: marks) { $0 }.filter { $0.value.count > 1 }.keys.sorted {
            $0.joined() < $1.joined()
        }
    }

    /// Looks at the snapshots of a file system; `after` are those that the run under way leaves, if one is.
    func lookAtSnapshots(
        of name: String,
        after: [JobDaysFiles.Snapshot]?,
        isWhole: Bool
    ) async throws {
        guard let before = models[name]?.snapshots else { return }
        let engine = try await world.fileSystems.find(name).engine
        let found = try await engine.snapshots().map(\.name)
        let after = after ?? before
        let new = after.filter { snapshot in !before.contains { $0.name == snapshot.name } }
        let known = before + new
        let isBegun = new.allSatisfy { found.contains($0.name) }
        for snapshot in known {
            let isThere = found.contains(snapshot.name)
            let stays = after.contains { $0.name == snapshot.name }
            let mustStay =
                stays && (isWhole || !new.contains(snapshot))
                || (!isWhole && !isBegun && !new.contains(snapshot))
            if mustStay, !isThere { complain("\(name): snapshot \(snapshot.name) is gone") }
            if isWhole, !stays, isThere { complain("\(name): snapshot \(snapshot.name) is there") }
        }
        complain(
            found.filter { name in !known.contains { $0.name == name } }.map {
                "\(name): snapshot \($0): why?"
            }
        )
        models[name]?.snapshots = known.filter { found.contains($0.name) }
    }

    /// Looks at which files have moved to a colder tier.
    func lookAtTiers(of name: String, isWhole: Bool) async throws {
        guard let model = models[name] else { return }
        let found = try await world.fileSystems.find(name).engine.coldFiles()
        let due = model.dueForCold(at: now.seconds)
        let least = model.cold.union(isWhole ? due.must : [])
        if !found.isSuperset(of: least) || !found.isSubset(of: model.cold.union(due.may)) {
            complain("\(name): in colder tiers \(found.sorted()), \(least.sorted()) at least")
        }
        if isWhole { models[name]?.settleUses(areKept: true) }
        mix["files moved", default: 0] += found.subtracting(model.cold).count
        models[name]?.cold = found
    }

    // MARK: After a restart

    /// Finds what the daemon before has left: all that was acknowledged, and of what was under way what may be.
    func recognise(isCut: Bool) async throws {
        let under = activity
        activity = .nothing
        let isWhole = try await recogniseJournal(under, isCut: isCut)
        try await recogniseFiles()
        var job: Job?
        switch under {
        case .run(let running, let record):
            job = running
            try await did(running, due: timeline.records[record].due, isWhole: isWhole)
        case .housekeeping: try await housekept(isWhole: false)
        case .nothing: try await lookAtVaults([:], isWhole: true)
        }
        for name in JobDaysPlan.both {
            if job?.action.name != .snapshot {
                try await lookAtSnapshots(of: name, after: nil, isWhole: true)
            }
            if job?.action.name != .lifecycle {
                let found = try await world.fileSystems.find(name).engine.coldFiles()
                let cold = models[name]?.cold ?? []
                if found != cold { complain("\(name): in colder tiers \(found), not \(cold)") }
            }
        }
        complain(try await world.strays().map { "nobody lists \($0)" })
        if try await world.control.fileSystems().count != 2 { complain("a file system too many") }
        guard isCut else { return }
        for name in Self.vaultNames {
            let found = try await world.vaults.find(name).verify(readData: false).findings
            complain(found.filter { !$0.isSpare }.map { "\(name): \($0.message)" })
        }
    }

    /// Every record is there as it was written; one more may have been on its way, and the end of the run under way.
    ///
    /// - Returns: Whether that run came to its end.
    private func recogniseJournal(_ under: Activity, isCut: Bool) async throws -> Bool {
        let rows = Array(try await world.runs.runs(of: nil, limit: 1_000_000).reversed())
        var running: (job: Job, record: Int)?
        if case .run(let job, let record) = under { running = (job, record) }
        awaited = []
        var isWhole = false
        var left = Set(timeline.records.indices)
        for row in rows {
            let known = left.filter {
                let record = timeline.records[$0]
                return record.job == row.job && record.due == row.due.seconds
                    && record.started == row.started?.seconds
            }.min()
            if known == nil, !isCut { complain("\(row): why?") }
            // Nobody was told of it before the power went, so nothing was done for it.
            let index =
                known
                ?? timeline.take(
                    row.job,
                    due: row.due.seconds,
                    isRun: row.started != nil,
                    at: now.seconds
                )
            left.remove(index)
            if let running, running.record == index, row.state != .running {
                let wanted = await outcome(of: running.job)
                timeline.end(index, as: wanted)
                isWhole = true
            }
            let record = timeline.records[index]
            let isSame =
                row.job == record.job && row.due.seconds == record.due && row.state == record.state
                && row.trigger == record.trigger && row.started?.seconds == record.started
            if !isSame { complain("\(row), wanted \(record)") }
        }
        complain(left.sorted().map { "not on record: \(timeline.records[$0])" })
        return isWhole
    }

    /// Files hold all that was acknowledged, and the edit under way whole or not at all.
    private func recogniseFiles() async throws {
        for name in JobDaysPlan.both {
            guard let model = models[name] else { continue }
            let found = try await world.fileSystems.find(name).engine.allFiles()
            if found != model.files, found != model.next {
                let other = Set(found.keys).union(model.files.keys)
                    .filter { found[$0] != model.files[$0] }
                complain("\(name): files are otherwise: \(other.sorted())")
            }
            settleEdit(of: name, isDone: found != model.files)
        }
    }
}
