import JobScheduler
import VarveModel

/// A journal in memory that outlives schedulers, as the real one outlives daemons.
actor MemoryJournal: JobRunJournal {
    struct Full: Error {}

    private(set) var all: [JobRun] = []
    private var seen: [String: JobSighting] = [:]
    /// Every call throws while set.
    var isFull = false

    func setFull(_ full: Bool) { isFull = full }

    private func check() throws { if isFull { throw Full() } }

    private static func copy(
        _ run: JobRun,
        id: Int64,
        state: JobRun.State,
        ended: Timestamp?,
        message: String
    ) -> JobRun {
        JobRun(
            id: id,
            job: run.job,
            action: run.action,
            due: run.due,
            trigger: run.trigger,
            started: run.started,
            ended: ended,
            state: state,
            message: message,
            output: run.output
        )
    }

    func insert(_ run: JobRun) throws -> Int64 {
        try check()
        let id = Int64(all.count + 1)
        all.append(
            Self.copy(run, id: id, state: run.state, ended: run.ended, message: run.message)
        )
        return id
    }

    func finish(_ run: JobRun) throws {
        try check()
        all[Int(run.id) - 1] = run
    }

    func interruptRunning(ended: Timestamp, message: String) throws {
        try check()
        for run in all where run.state == .running {
            try finish(
                Self.copy(run, id: run.id, state: .interrupted, ended: ended, message: message)
            )
        }
    }

    func lastScheduledRun(of job: String) throws -> JobRun? {
        try check()
        return all.filter { $0.job == job && $0.trigger != .manual }
            .max { ($0.due, $0.id) < ($1.due, $1.id) }
    }

    func lastBegunRun(of job: String) throws -> JobRun? {
        try check()
        let begun = all.filter { $0.job == job && $0.trigger != .manual && $0.started != nil }
            .max { ($0.due, $0.id) < ($1.due, $1.id) }
        guard let begun else { return nil }
        return all.contains { $0.job == job && $0.due == begun.due && $0.id > begun.id }
            ? nil : begun
    }

    func interruptedRuns(of job: String, due: Timestamp) throws -> Int {
        try check()
        return all.count { $0.job == job && $0.due == due && $0.state == .interrupted }
    }

    func runs(of job: String?, limit: Int) throws -> [JobRun] {
        try check()
        return Array(all.reversed().filter { job == nil || $0.job == job }.prefix(limit))
    }

    func sightings() throws -> [JobSighting] {
        try check()
        return seen.values.sorted { $0.job < $1.job }
    }

    func save(_ sighting: JobSighting) throws {
        try check()
        seen[sighting.job] = sighting
    }

    func removeSighting(of job: String) throws {
        try check()
        seen[job] = nil
    }
}
