package import VarveModel

/// Since when a job's schedule is being watched; nothing before that is missed.
package struct JobSighting: Sendable, Hashable {
    package let job: String
    /// Expression and time zone, in words; another schedule is another sighting.
    package let schedule: String
    package let since: Timestamp

    package init(job: String, schedule: String, since: Timestamp) {
        self.job = job
        self.schedule = schedule
        self.since = since
    }
}

/// Where runs are recorded, so that a restarted daemon knows what was missed.
///
/// Each call is durable when it returns. Whatever it throws, the scheduler takes the call as not
/// done: a run that cannot be recorded does not begin.
package protocol JobRunJournal: Sendable {
    /// Records a run, or one that did not take place; its id is ignored.
    ///
    /// - Returns: The run's id.
    func insert(_ run: JobRun) async throws -> Int64

    /// Records how a run ended: its state, when, the message and what it printed.
    func finish(_ run: JobRun) async throws

    /// Turns every run that is still `running` into an interrupted one.
    func interruptRunning(ended: Timestamp, message: String) async throws

    /// The run of the job with the greatest due instant and then id; runs by hand do not count.
    func lastScheduledRun(of job: String) async throws -> JobRun?

    /// The run that has begun with the greatest due instant and then id, runs by hand left out.
    ///
    /// `nil` also when its due instant was dealt with since: a later record of it is there.
    func lastBegunRun(of job: String) async throws -> JobRun?

    /// How many runs of the job for this due instant were interrupted.
    func interruptedRuns(of job: String, due: Timestamp) async throws -> Int

    /// The newest runs first, of one job or of all.
    func runs(of job: String?, limit: Int) async throws -> [JobRun]

    func sightings() async throws -> [JobSighting]

    /// Replaces the sighting of the job.
    func save(_ sighting: JobSighting) async throws

    func removeSighting(of job: String) async throws
}
