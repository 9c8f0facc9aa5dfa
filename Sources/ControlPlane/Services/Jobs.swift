import JobScheduler
import LocalAPI
import Logging
import MetadataStore
import Policies
import VarveModel

/// The policy files in force, and the scheduler that follows them.
actor Jobs {
    private let directories: [String]
    private let scheduler: Scheduler
    private let journal: any JobRunJournal
    private let clock: any VarveClock
    private let logger: Logger
    private var library = PolicyLibrary()
    /// What the last reading complained of, so that each is logged once.
    private var complaints: Set<PolicyError> = []

    init(
        directories: [String],
        scheduler: Scheduler,
        journal: any JobRunJournal,
        clock: any VarveClock,
        logger: Logger
    ) {
        self.directories = directories
        self.scheduler = scheduler
        self.journal = journal
        self.clock = clock
        self.logger = logger
    }

    /// The policies of the lifecycle jobs that select a file system, each once.
    func lifecyclePolicies(for record: FileSystemRecord) -> [LifecyclePolicy] {
        var policies: [LifecyclePolicy] = []
        for job in library.jobs {
            guard case .lifecycle(let action) = job.action,
                action.selection.selects(id: record.id, name: record.name, tags: record.tags),
                !policies.contains(where: { $0.name == action.policy.name })
            else { continue }
            policies.append(action.policy)
        }
        return policies
    }

    /// Reads the files and starts watching their schedules.
    func start() async throws {
        read()
        try await scheduler.start(library.jobs)
    }

    /// Reads the files again; a job that changed is followed as it is now.
    func reload() async throws {
        let before = library.jobs
        read()
        guard library.jobs != before else { return }
        try await scheduler.replace(library.jobs)
        logger.notice("jobs were read again", metadata: ["jobs": "\(library.jobs.count)"])
    }

    /// Every job, with those of the file systems that it selects now.
    func all(of present: [FileSystemRecord]) async throws -> [JobDescription] {
        try await reload()
        return library.jobs.sorted { $0.name < $1.name }.map { job in
            JobDescription(
                job,
                next: job.plannedRuns(after: clock.now(), count: 1).first?.start,
                of: present
            )
        }
    }

    /// The retention of a name, as its file is now.
    func retention(named name: String) async throws -> RetentionPolicy {
        try await reload()
        if let found = library.retentions.first(where: { $0.name == name }) { return found }
        throw APIError(
            .notFound,
            "there is no retention '\(name)'",
            remedy: "There are: \(library.retentions.map(\.name).joined(separator: ", ")); "
                + "'varve job lint' says what is wrong with a file."
        )
    }

    /// When jobs come due and begin: of each what waits already, and then the first that come, `count` in all; those that
    /// are due within the days.
    func next(_ name: String?, count: Int, days: Int?) async throws -> [JobDue] {
        try await reload()
        let meant = library.jobs.filter { name == nil || $0.name == name }
        if let name, meant.isEmpty { throw Jobs.unknown(name) }
        let now = clock.now()
        let end = days.map { now.adding(seconds: Int64($0) * 86_400) }
        let waiting = Dictionary(
            grouping: await scheduler.waiting(of: name, count: count),
            by: \.job
        )
        let dues = meant.flatMap { job in
            let late = waiting[job.name, default: []].map { JobDue(job.name, $0.run, waits: true) }
            let planned = job.plannedRuns(after: now, through: end, count: count - late.count)
            return late + planned.map { JobDue(job.name, $0) }
        }
        return dues.sorted { ($0.starts, $0.job, $0.due) < ($1.starts, $1.job, $1.due) }
    }

    func history(_ request: JobHistory) async throws -> [JobRunDescription] {
        let withOutput = request.withOutput ?? false
        // What hooks printed is up to 16 KiB a run.
        let limit = max(1, min(request.limit, withOutput ? 1_000 : 100_000))
        return try await journal.runs(of: request.job, limit: limit).map {
            JobRunDescription($0, withOutput: withOutput)
        }
    }

    func run(_ name: String) async throws -> JobRunDescription {
        try await reload()
        return JobRunDescription(try await scheduler.runNow(name))
    }

    /// What reading the daemon's own directories complains of; nothing moves to cold storage in the vaults in buckets.
    func lint(vaultsInBuckets buckets: Set<String>) -> LintReport {
        var fresh = PolicyLibrary()
        var report = LintReport(fresh.load(directories: directories), files: fresh.fileCount)
        report.mistakes += Jobs.colderThanBuckets(fresh.jobs, buckets)
        return report
    }

    /// What reading other files complains of; they may name policies of the daemon's own directories.
    func lint(_ files: [LintJobs.File], vaultsInBuckets buckets: Set<String>) -> LintReport {
        var fresh = PolicyLibrary()
        let errors = fresh.load(
            texts: files.map { (name: $0.name, text: $0.text) },
            beside: directories
        )
        var report = LintReport(errors, files: files.count)
        let names = Set(files.map(\.name))
        let meant = fresh.jobs.filter { names.contains($0.file) }
        report.mistakes += Jobs.colderThanBuckets(meant, buckets)
        return report
    }

    /// Jobs that would move to cold storage what is in a bucket.
    private static func colderThanBuckets(
        _ jobs: [Job],
        _ buckets: Set<String>
    ) -> [LintReport.Mistake] {
        jobs.compactMap { job in
            let (vault, retention): (String, RetentionPolicy?)
            switch job.action {
            case .backup(let action): (vault, retention) = (action.vault, action.retention)
            case .copy(let action): (vault, retention) = (action.target, action.retention)
            case .expire(let action): (vault, retention) = (action.vault, action.retention)
            case .snapshot, .lifecycle, .restoreTest, .scrub: return nil
            }
            guard buckets.contains(vault), retention?.rule.moveToColdAfterDays != nil else {
                return nil
            }
            return LintReport.Mistake(
                file: job.file,
                line: 1,
                message:
                    "the job '\(job.name)' has 'MoveToColdStorageAfterDays', and nothing moves to cold storage in the bucket of the vault '\(vault)'",
                remedy: "Give it a retention without it, or a vault in a directory."
            )
        }
    }

    private func read() {
        let found = library.load(directories: directories)
        for complaint in found where !complaints.contains(complaint) {
            logger.error("policy file refused", metadata: ["error": "\(complaint)"])
        }
        complaints = Set(found)
    }

    private static func unknown(_ name: String) -> APIError {
        APIError(
            .notFound,
            "there is no job '\(name)'",
            remedy:
                "'varve job list' shows those there are; 'varve job lint' says what is wrong with a file."
        )
    }
}

extension LintReport {
    init(_ errors: [PolicyError], files: Int) {
        self.init(
            files: files,
            mistakes: errors.map { error in
                Mistake(
                    file: error.place?.file ?? "",
                    line: error.place?.line ?? 0,
                    message: error.message,
                    remedy: error.remedy
                )
            }
        )
    }
}

extension JobDue {
    init(_ job: String, _ planned: PlannedRun, waits: Bool? = nil) {
        self.init(
            job: job,
            due: TimeText(planned.due),
            starts: TimeText(planned.start),
            latest: planned.latest.map { TimeText($0) },
            waits: waits
        )
    }
}

extension JobDescription {
    init(_ job: Job, next: Timestamp?, of present: [FileSystemRecord]) {
        let (selection, vault, retention): (FileSystemSelection?, String?, String?) =
            switch job.action {
            case .backup(let action): (action.selection, action.vault, action.retention?.name)
            case .snapshot(let action): (action.selection, nil, nil)
            case .lifecycle(let action): (action.selection, nil, action.policy.name)
            case .expire(let action): (nil, action.vault, action.retention.name)
            case .restoreTest(let action): (action.selection, action.vault, nil)
            case .copy(let action): (action.selection, action.target, action.retention?.name)
            case .scrub(let action): (action.selection, nil, nil)
            }
        let selected = present.filter { record in
            selection?.selects(id: record.id, name: record.name, tags: record.tags) ?? false
        }
        self.init(
            name: job.name,
            file: job.file,
            action: job.action.name.rawValue,
            fileSystems: selected.map(\.name),
            vault: vault,
            schedule: job.schedule.expression,
            timeZone: job.schedule.timeZone.name,
            missed: job.missed.rawValue,
            retention: retention,
            next: next.map { TimeText($0) }
        )
        if case .copy(let action) = job.action { source = action.source }
    }
}

extension JobRunDescription {
    init(_ run: JobRun, withOutput: Bool = false) {
        let outcome =
            switch run.state {
            case .running: "running"
            case .succeeded: "done"
            case .partial: "partly"
            case .failed: "failed"
            case .damaged: "damaged"
            case .skipped: "skipped"
            case .expired: "expired"
            case .cancelled: "cancelled"
            case .interrupted: "interrupted"
            }
        self.init(
            job: run.job,
            due: TimeText(run.due),
            started: TimeText(run.started ?? run.due),
            ended: run.ended.map { TimeText($0) },
            outcome: outcome,
            message: run.message,
            action: run.action,
            output: withOutput ? run.output : nil
        )
    }
}
