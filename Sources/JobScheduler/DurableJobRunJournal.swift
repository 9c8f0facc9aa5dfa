package import MetadataStore
package import VarveModel

/// The runs in `journal.sqlite`.
package struct DurableJobRunJournal: JobRunJournal {
    private let store: JournalStore

    package init(_ store: JournalStore) {
        self.store = store
    }

    /// Inserts a row; durable when it returns.
    package func insert(_ run: JobRun) async throws -> Int64 {
        try await store.insert(
            JobRunRow(
                job: run.job,
                action: run.action,
                due: run.due,
                trigger: Self.row(run.trigger),
                started: run.started,
                ended: run.ended,
                state: Self.row(run.state),
                message: run.message,
                output: run.output
            )
        )
    }

    /// Writes the end into the run's row.
    package func finish(_ run: JobRun) async throws {
        guard let ended = run.ended else { preconditionFailure("a run that is over has an end") }
        try await store.finish(
            run.id,
            state: Self.row(run.state),
            ended: ended,
            message: run.message,
            output: run.output
        )
    }

    /// Ends the rows that are still running, in one transaction.
    package func interruptRunning(ended: Timestamp, message: String) async throws {
        _ = try await store.interruptRunning(ended: ended, message: message)
    }

    /// Reads one row by the index of job and due instant.
    package func lastScheduledRun(of job: String) async throws -> JobRun? {
        try await store.lastScheduledRun(of: job).map(Self.run)
    }

    /// Reads one row, unless another one of its due instant follows.
    package func lastBegunRun(of job: String) async throws -> JobRun? {
        try await store.lastBegunRun(of: job).map(Self.run)
    }

    /// Counts rows of one due instant.
    package func interruptedRuns(of job: String, due: Timestamp) async throws -> Int {
        try await store.countRuns(of: job, due: due, state: .interrupted)
    }

    /// Reads rows from the newest back.
    package func runs(of job: String?, limit: Int) async throws -> [JobRun] {
        try await store.runs(of: job, limit: limit).map(Self.run)
    }

    /// Reads every sighting, by job.
    package func sightings() async throws -> [JobSighting] {
        try await store.sightings().map {
            JobSighting(job: $0.job, schedule: $0.schedule, since: $0.since)
        }
    }

    /// Replaces one row.
    package func save(_ sighting: JobSighting) async throws {
        try await store.save(
            JobSightingRow(
                job: sighting.job,
                schedule: sighting.schedule,
                since: sighting.since
            )
        )
    }

    /// Deletes one row; none is no error.
    package func removeSighting(of job: String) async throws {
        try await store.removeSighting(of: job)
    }

    private static func run(_ row: JobRunRow) -> JobRun {
        let state: JobRun.State =
            switch row.state {
            case .running: .running
            case .succeeded: .succeeded
            case .partial: .partial
            case .failed: .failed
            case .damaged: .damaged
            case .skipped: .skipped
            case .expired: .expired
            case .cancelled: .cancelled
            case .interrupted: .interrupted
            }
        let trigger: JobRun.Trigger =
            switch row.trigger {
            case .schedule: .schedule
            case .catchUp: .catchUp
            case .manual: .manual
            }
        return JobRun(
            id: row.id,
            job: row.job,
            action: row.action,
            due: row.due,
            trigger: trigger,
            started: row.started,
            ended: row.ended,
            state: state,
            message: row.message,
            output: row.output
        )
    }

    private static func row(_ state: JobRun.State) -> JobRunRow.State {
        switch state {
        case .running: .running
        case .succeeded: .succeeded
        case .partial: .partial
        case .failed: .failed
        case .damaged: .damaged
        case .skipped: .skipped
        case .expired: .expired
        case .cancelled: .cancelled
        case .interrupted: .interrupted
        }
    }

    private static func row(_ trigger: JobRun.Trigger) -> JobRunRow.Trigger {
        switch trigger {
        case .schedule: .schedule
        case .catchUp: .catchUp
        case .manual: .manual
        }
    }
}
