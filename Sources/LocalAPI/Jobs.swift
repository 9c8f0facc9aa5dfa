/// Names a job.
package struct JobName: Codable, Sendable, Hashable {
    package var job: String

    package init(job: String) {
        self.job = job
    }
}

/// A job as its file says.
package struct JobDescription: Codable, Sendable, Hashable {
    package var name: String
    package var file: String
    package var action: String
    package var fileSystems: [String]
    package var vault: String?
    /// The vault that a copying job reads.
    package var source: String?
    package var schedule: String
    package var timeZone: String
    /// `run-once`, `run-all` or `skip`.
    package var missed: String
    package var retention: String?
    package var next: TimeText?

    package init(
        name: String,
        file: String,
        action: String,
        fileSystems: [String],
        vault: String? = nil,
        schedule: String,
        timeZone: String,
        missed: String,
        retention: String? = nil,
        next: TimeText? = nil
    ) {
        self.name = name
        self.file = file
        self.action = action
        self.fileSystems = fileSystems
        self.vault = vault
        self.schedule = schedule
        self.timeZone = timeZone
        self.missed = missed
        self.retention = retention
        self.next = next
    }
}

/// Asks when jobs come due.
package struct NextJobs: Codable, Sendable, Hashable {
    package var job: String?
    /// So many of each job at most: 1 to ``countMax`` and one more, by which a caller learns that there are more.
    package var count: Int
    /// Those due within so many days; `nil` for however late.
    package var days: Int?

    package static let countMax = 1_000

    package init(job: String? = nil, count: Int, days: Int? = nil) {
        self.job = job
        self.count = count
        self.days = days
    }
}

/// When a job comes due, and when it runs.
package struct JobDue: Codable, Sendable, Hashable {
    package var job: String
    package var due: TimeText
    /// The due instant and the jitter.
    package var starts: TimeText
    /// The end of its start window.
    package var latest: TimeText?
    /// `true` of what is due already and waits: for its turn, for the end of the run before it, or to be made up for.
    package var waits: Bool?

    package init(
        job: String,
        due: TimeText,
        starts: TimeText,
        latest: TimeText? = nil,
        waits: Bool? = nil
    ) {
        self.job = job
        self.due = due
        self.starts = starts
        self.latest = latest
        self.waits = waits
    }
}

/// Asks for the runs so far.
package struct JobHistory: Codable, Sendable, Hashable {
    package var job: String?
    package var limit: Int
    /// Whether to tell what hooks printed, too.
    package var withOutput: Bool?

    package init(job: String? = nil, limit: Int, withOutput: Bool? = nil) {
        self.job = job
        self.limit = limit
        self.withOutput = withOutput
    }
}

/// One run.
package struct JobRunDescription: Codable, Sendable, Hashable {
    package var job: String
    /// As in the job's file.
    package var action: String?
    package var due: TimeText
    package var started: TimeText
    package var ended: TimeText?
    /// `running`, `done`, `partly`, `failed`, `damaged`, `interrupted`, `cancelled`, `skipped`, `expired`.
    package var outcome: String
    package var message: String
    /// What its hooks printed, where that was asked for.
    package var output: String?

    package init(
        job: String,
        due: TimeText,
        started: TimeText,
        ended: TimeText? = nil,
        outcome: String,
        message: String,
        action: String? = nil,
        output: String? = nil
    ) {
        self.job = job
        self.action = action
        self.due = due
        self.started = started
        self.ended = ended
        self.outcome = outcome
        self.message = message
        self.output = output
    }
}

/// Asks to read policy files; without any, the daemon's own directories.
package struct LintJobs: Codable, Sendable, Hashable {
    /// A file's path, for errors, and all that it holds.
    package struct File: Codable, Sendable, Hashable {
        package var name: String
        package var text: String

        package init(name: String, text: String) {
            self.name = name
            self.text = text
        }
    }

    package var files: [File]

    package init(files: [File]) {
        self.files = files
    }
}

/// What reading them found.
package struct LintReport: Codable, Sendable, Hashable {
    /// A mistake, and what to do about it.
    package struct Mistake: Codable, Sendable, Hashable {
        package var file: String
        package var line: Int
        package var message: String
        package var remedy: String

        package init(file: String, line: Int, message: String, remedy: String) {
            self.file = file
            self.line = line
            self.message = message
            self.remedy = remedy
        }
    }

    /// Files read.
    package var files: Int
    package var mistakes: [Mistake]

    package init(files: Int, mistakes: [Mistake]) {
        self.files = files
        self.mistakes = mistakes
    }
}
