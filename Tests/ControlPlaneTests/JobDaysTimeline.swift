import Foundation
import JobScheduler
import VarveModel

@testable import Policies

/// The plain model of due instants: which runs there must be, and what becomes of each.
///
/// It is written from the words of the documentation. Of the code it takes a job's fields, and how much jitter chance
/// gave an instant, which it holds against the bound.
struct JobDaysTimeline {
    /// A row of the journal as it must be.
    struct Record: Equatable {
        let job: String
        let due: Int64
        let trigger: JobRun.Trigger
        /// `nil`: it did not begin.
        let started: Int64?
        var state: JobRun.State
    }

    /// What is to become of a job at some moment.
    struct Decision: Equatable {
        let due: Int64
        /// `nil`: nothing is run.
        let trigger: JobRun.Trigger?
        let state: JobRun.State
        let fate: String
    }

    private let lines: [String: JobDaysPlan.Line]
    /// By job, ascending.
    private let dues: [String: [Int64]]
    /// Everything up to here is dealt with.
    private var cursors: [String: Int64] = [:]
    /// Instants whose run was interrupted and is begun again.
    private var retries: [String: Int64] = [:]
    private(set) var records: [Record] = []
    /// How often each thing happened.
    private(set) var fates: [String: Int] = [:]
    private(set) var complaints: [String] = []

    /// A run that begins so late is still in time.
    private static let grace: Int64 = 300
    /// A run that was interrupted is begun again once.
    private static let attempts = 2

    init(_ plan: JobDaysPlan) {
        lines = Dictionary(uniqueKeysWithValues: plan.lines.map { ($0.job.name, $0) })
        let start = JobDaysPlan.start.seconds
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = .gmt
        var dues: [String: [Int64]] = [:]
        for day in 0...(plan.seconds / 86_400 + 3) {
            let midnight = start - start % 86_400 + day * 86_400
            let date = calendar.dateComponents(
                [.day, .weekday],
                from: Date(timeIntervalSince1970: Double(midnight))
            )
            for minute in 0..<1_440 {
                let now = JobDaysPlan.Minute(
                    minute: minute % 60,
                    hour: minute / 60,
                    day: date.day ?? 0,
                    weekday: (date.weekday ?? 0) - 1
                )
                for line in plan.lines where line.isDue(now) {
                    dues[line.job.name, default: []].append(midnight + Int64(minute) * 60)
                }
            }
        }
        self.dues = dues
        for (name, line) in lines { check(line, dues[name] ?? []) }
    }

    /// Chance may put a start off, within its bound, and never beyond the next due instant.
    private mutating func check(_ line: JobDaysPlan.Line, _ dues: [Int64]) {
        for (due, next) in zip(dues, dues.dropFirst()) {
            let start = start(of: due, line.job)
            if start < due || start > due + line.job.jitterSeconds || start >= next {
                complaints.append("\(line.job.name): due at \(due), meant for \(start)")
            }
        }
        if line.job.jitterSeconds > 0, dues.allSatisfy({ start(of: $0, line.job) == $0 }) {
            complaints.append("\(line.job.name): no jitter at all")
        }
    }

    private func start(of due: Int64, _ job: Job) -> Int64 {
        job.plannedRun(at: Timestamp(seconds: due)).start.seconds
    }

    // MARK: Daemons

    /// A daemon begins to look after the jobs.
    mutating func begin(at now: Int64) {
        for index in records.indices where records[index].state == .running {
            records[index].state = .interrupted
            count("interrupted")
        }
        retries = [:]
        for (name, line) in lines {
            cursors[name] =
                records.filter { $0.job == name }.map(\.due).max() ?? cursors[name] ?? now
            guard line.job.missed != .skip, let due = lastInterrupted(name) else { continue }
            let attempts = records.count {
                $0.job == name && $0.due == due && $0.state == .interrupted
            }
            if attempts < Self.attempts { retries[name] = due } else { count("given up") }
        }
    }

    /// The due instant of the run that began last, if that was interrupted and nothing has become of it since.
    private func lastInterrupted(_ name: String) -> Int64? {
        let own = records.filter { $0.job == name }
        guard let due = own.filter({ $0.started != nil }).map(\.due).max(),
            let last = own.last(where: { $0.due == due }), last.state == .interrupted
        else { return nil }
        return due
    }

    /// What is due of a job, if anything is.
    func decision(about name: String, at now: Int64) -> Decision? {
        guard let line = lines[name], let cursor = cursors[name] else { return nil }
        let job = line.job
        let window = job.startWindowMinutes.map { Int64($0) * 60 }
        let open = (dues[name] ?? []).filter { $0 > cursor && start(of: $0, job) <= now }
        func isOver(_ due: Int64) -> Bool { window.map { due + $0 < now } ?? false }
        func again(_ due: Int64) -> Decision {
            isOver(due)
                ? Decision(due: due, trigger: nil, state: .expired, fate: "again too late")
                : Decision(due: due, trigger: .catchUp, state: .running, fate: "again")
        }
        if job.missed == .runAll {
            if let due = retries[name] { return again(due) }
            if let last = open.last(where: isOver) {
                return Decision(due: last, trigger: nil, state: .expired, fate: "expired")
            }
            return open.first.map { run($0, job, now) }
        }
        guard let due = open.last else { return retries[name].map(again) }
        let isInTime = now - start(of: due, job) <= Self.grace
        if !isInTime, job.missed == .skip {
            return Decision(due: due, trigger: nil, state: .skipped, fate: "skipped")
        }
        if isOver(due) {
            return Decision(due: due, trigger: nil, state: .expired, fate: "expired")
        }
        return run(due, job, now)
    }

    private func run(_ due: Int64, _ job: Job, _ now: Int64) -> Decision {
        let isInTime = now - start(of: due, job) <= Self.grace
        return Decision(
            due: due,
            trigger: isInTime ? .schedule : .catchUp,
            state: .running,
            fate: isInTime ? "in time" : "caught up"
        )
    }

    /// Something became of a job: it must be what was to become of it.
    ///
    /// - Returns: Where its record is.
    mutating func take(
        _ name: String,
        due: Int64,
        isRun: Bool,
        at now: Int64
    ) -> Int {
        let wanted = decision(about: name, at: now)
        if wanted?.due != due || (wanted?.state == .running) != isRun {
            let what = isRun ? "ran" : "did not run"
            complaints.append("\(name) at \(now): \(what) for \(due), wanted \(wanted as Any)")
        }
        count(wanted?.fate ?? "unwanted")
        let covered = (dues[name] ?? []).count { $0 > cursors[name] ?? .max && $0 < due }
        if covered > 0 { fates["covered", default: 0] += covered }
        cursors[name] = max(due, cursors[name] ?? due)
        retries[name] = nil
        records.append(
            Record(
                job: name,
                due: due,
                trigger: wanted?.trigger ?? .schedule,
                started: isRun ? now : nil,
                state: isRun ? .running : wanted?.state ?? .skipped
            )
        )
        return records.count - 1
    }

    /// Records what is passed by of a job before it runs, and answers where.
    mutating func takePassedBy(_ name: String, at now: Int64) -> [Int] {
        var taken: [Int] = []
        while let next = decision(about: name, at: now), next.state != .running {
            taken.append(take(name, due: next.due, isRun: false, at: now))
        }
        return taken
    }

    mutating func end(_ index: Int, as state: JobRun.State) {
        records[index].state = state
    }

    /// Jobs of which something is still to become.
    func left(at now: Int64) -> [String] {
        lines.keys.filter { decision(about: $0, at: now) != nil }.sorted()
    }

    /// Jobs of greater priority that should have had their turn.
    ///
    /// One that makes up for all it missed gets one turn after the other, between which others have theirs.
    func overtaken(by name: String, at now: Int64) -> [String] {
        let priority = lines[name]?.job.priority ?? 0
        return lines.values.filter {
            $0.job.priority > priority && $0.job.missed != .runAll
                && decision(about: $0.job.name, at: now) != nil
        }.map(\.job.name)
    }

    private mutating func count(_ fate: String) { fates[fate, default: 0] += 1 }

    // MARK: The whole

    /// Every due instant came to an end once at most, and none was forgotten.
    func violations(until now: Int64) -> [String] {
        var wrong: [String] = []
        for (name, line) in lines {
            let own = Dictionary(grouping: records.filter { $0.job == name }, by: \.due)
            for (due, records) in own {
                let ends = records.filter { $0.state != .interrupted }
                if ends.count > 1
                    || records.dropLast().contains(where: { $0.state != .interrupted })
                    || records.count > Self.attempts
                {
                    wrong.append("\(name), due \(due): \(records.map(\.state))")
                }
                if !(dues[name] ?? []).contains(due) {
                    wrong.append("\(name): \(due) is none of its due instants")
                }
            }
            // One that makes up for all leaves out only what was too late, which is covered by a record of that.
            guard line.job.missed == .runAll, let first = own.keys.min() else { continue }
            let expired = own.filter { $0.value.contains { $0.state == .expired } }.keys
            for due in dues[name] ?? []
            where due > first && start(of: due, line.job) <= now && own[due] == nil {
                if !expired.contains(where: { $0 > due }) {
                    wrong.append("\(name): \(due) is forgotten")
                }
            }
        }
        return wrong
    }
}
