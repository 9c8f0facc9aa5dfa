package import VarveModel

/// Job runs, and since when each schedule is watched.
extension JournalStore {
    /// Records a run; its id is ignored.
    ///
    /// - Returns: The run's id.
    package func insert(_ run: JobRunRow) throws(MetadataError) -> Int64 {
        try change { () throws(MetadataError) in
            try connection.run(
                """
                INSERT INTO
                    job_run(job, action, due, started, ended, state, "trigger", message, output)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                """,
                .text(run.job),
                .text(run.action),
                .int(run.due.seconds),
                .seconds(run.started),
                .seconds(run.ended),
                .text(run.state.rawValue),
                .text(run.trigger.rawValue),
                .text(run.message),
                .text(run.output)
            )
            return connection.lastInsertedRow
        }
    }

    /// Records how a run ended; `.notFound` when there is none.
    package func finish(
        _ id: Int64,
        state: JobRunRow.State,
        ended: Timestamp,
        message: String,
        output: String = ""
    ) throws(MetadataError) {
        try change { () throws(MetadataError) in
            try connection.run(
                """
                UPDATE job_run SET state = ?2, ended = ?3, message = ?4, output = ?5 WHERE id = ?1
                """,
                .int(id),
                .text(state.rawValue),
                .int(ended.seconds),
                .text(message),
                .text(output)
            )
            guard connection.changes() == 1 else {
                throw MetadataError(.notFound, "there is no job run \(id)")
            }
            // What hooks print would grow without end.
            try connection.run(
                "UPDATE job_run SET output = '' WHERE output <> '' AND id <= ?1",
                .int(id - JournalSchema.outputsMax)
            )
        }
    }

    /// Turns every run that is still running into an interrupted one.
    ///
    /// - Returns: How many there were.
    @discardableResult
    package func interruptRunning(ended: Timestamp, message: String) throws(MetadataError) -> Int {
        try change { () throws(MetadataError) in
            try connection.run(
                """
                UPDATE job_run SET state = 'interrupted', ended = ?1, message = ?2
                WHERE state = 'running'
                """,
                .int(ended.seconds),
                .text(message)
            )
            return connection.changes()
        }
    }

    /// The run with the greatest due instant, then id; runs by hand do not count.
    package func lastScheduledRun(of job: String) throws(MetadataError) -> JobRunRow? {
        try runs(
            """
            WHERE job = ?1 AND "trigger" <> 'manual' ORDER BY due DESC, id DESC LIMIT 1
            """,
            .text(job)
        ).first
    }

    /// The run that has begun with the greatest due instant, then id, runs by hand left out; `nil` when a later record
    /// of that instant is there.
    package func lastBegunRun(of job: String) throws(MetadataError) -> JobRunRow? {
        try runs(
            """
            WHERE id = (
                SELECT id FROM job_run
                WHERE job = ?1 AND "trigger" <> 'manual' AND started IS NOT NULL
                ORDER BY due DESC, id DESC LIMIT 1
            ) AND NOT EXISTS (
                SELECT 1 FROM job_run AS later
                WHERE later.job = ?1 AND later.due = job_run.due AND later.id > job_run.id
            )
            """,
            .text(job)
        ).first
    }

    /// How many runs of the job for this due instant ended so.
    package func countRuns(
        of job: String,
        due: Timestamp,
        state: JobRunRow.State
    ) throws(MetadataError) -> Int {
        let counts = try connection.rows(
            "SELECT count(*) FROM job_run WHERE job = ?1 AND due = ?2 AND state = ?3",
            .text(job),
            .int(due.seconds),
            .text(state.rawValue)
        ) { Int($0.int(0)) }
        return counts.first ?? 0
    }

    /// The newest runs first, of one job or of all.
    package func runs(of job: String?, limit: Int) throws(MetadataError) -> [JobRunRow] {
        guard let job else { return try runs("ORDER BY id DESC LIMIT ?1", .int(Int64(limit))) }
        return try runs(
            "WHERE job = ?1 ORDER BY id DESC LIMIT ?2",
            .text(job),
            .int(Int64(limit))
        )
    }

    private func runs(_ rest: String, _ values: SQLValue...) throws(MetadataError) -> [JobRunRow] {
        let columns = "id, job, action, due, started, ended, state, \"trigger\", message, output"
        let statement = try connection.prepare("SELECT \(columns) FROM job_run \(rest)")
        statement.bind(values)
        defer { statement.reset() }
        var runs: [JobRunRow] = []
        while try statement.step() {
            guard let state = JobRunRow.State(rawValue: statement.text(6)),
                let trigger = JobRunRow.Trigger(rawValue: statement.text(7))
            else { throw corrupt("job run \(statement.int(0))") }
            runs.append(
                JobRunRow(
                    id: statement.int(0),
                    job: statement.text(1),
                    action: statement.text(2),
                    due: Timestamp(seconds: statement.int(3)),
                    trigger: trigger,
                    started: statement.time(4),
                    ended: statement.time(5),
                    state: state,
                    message: statement.text(8),
                    output: statement.text(9)
                )
            )
        }
        return runs
    }

    package func sightings() throws(MetadataError) -> [JobSightingRow] {
        try connection.rows("SELECT job, schedule, since FROM job_sighting ORDER BY job") {
            JobSightingRow(
                job: $0.text(0),
                schedule: $0.text(1),
                since: Timestamp(seconds: $0.int(2))
            )
        }
    }

    /// Replaces the sighting of the job.
    package func save(_ sighting: JobSightingRow) throws(MetadataError) {
        try change { () throws(MetadataError) in
            try connection.run(
                "INSERT OR REPLACE INTO job_sighting(job, schedule, since) VALUES (?, ?, ?)",
                .text(sighting.job),
                .text(sighting.schedule),
                .int(sighting.since.seconds)
            )
        }
    }

    /// Forgets a job's sighting; none is no error.
    package func removeSighting(of job: String) throws(MetadataError) {
        try change { () throws(MetadataError) in
            try connection.run("DELETE FROM job_sighting WHERE job = ?", .text(job))
        }
    }
}
