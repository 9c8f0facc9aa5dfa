/// A file of kind `job`, checked, with the policies that it names in it.
package struct Job: Hashable, Sendable {
    /// What to do about due instants that passed while no daemon ran.
    package enum MissedRuns: String, Sendable, Hashable, CaseIterable {
        /// One run for all of them, as soon as it can be.
        case runOnce = "run-once"
        /// Each of them, one after the other, the oldest first; so are those that came while the job ran.
        case runAll = "run-all"
        /// Nothing; they are recorded as skipped.
        case skip
    }

    /// What the job does.
    package enum Action: Hashable, Sendable {
        case backup(BackupAction)
        case snapshot(SnapshotAction)
        case lifecycle(LifecycleAction)
        case expire(ExpireAction)
        case restoreTest(RestoreTestAction)
        case copy(CopyAction)
        case scrub(ScrubAction)

        /// As in a job file.
        package var name: ActionName {
            switch self {
            case .backup: .backup
            case .snapshot: .snapshot
            case .lifecycle: .lifecycle
            case .expire: .expire
            case .restoreTest: .restoreTest
            case .copy: .copy
            case .scrub: .scrub
            }
        }
    }

    /// The word for an action in a job file.
    package enum ActionName: String, Sendable, Hashable, CaseIterable {
        case backup
        case snapshot
        case lifecycle
        case expire
        case restoreTest = "restore-test"
        case copy
        case scrub
    }

    package let name: String
    /// The file's first comment.
    package let why: String
    package let file: String
    package let schedule: Schedule
    package let missed: MissedRuns
    /// A run that could not begin this long after it was due has expired; `nil`: it is never late.
    package let startWindowMinutes: Int?
    /// A run that goes on this long after it began is cancelled; `nil`: it takes what it takes.
    package let completionWindowMinutes: Int?
    /// A run begins up to so many seconds after it is due, as the job's name and the instant say.
    package let jitterSeconds: Int64
    /// Of jobs that wait for their turn, those of a greater number go first.
    package let priority: Int
    /// What is run around its runs.
    package let hooks: JobHooks
    package let action: Action

    /// 50: in the middle of 0 to 100.
    package static let priorityStandard = 50

    package init(
        name: String,
        why: String,
        file: String,
        schedule: Schedule,
        missed: MissedRuns = .runOnce,
        startWindowMinutes: Int? = nil,
        completionWindowMinutes: Int? = nil,
        jitterSeconds: Int64 = 0,
        priority: Int = Job.priorityStandard,
        hooks: JobHooks = JobHooks(),
        action: Action
    ) {
        self.name = name
        self.why = why
        self.file = file
        self.schedule = schedule
        self.missed = missed
        self.startWindowMinutes = startWindowMinutes
        self.completionWindowMinutes = completionWindowMinutes
        self.jitterSeconds = jitterSeconds
        self.priority = priority
        self.hooks = hooks
        self.action = action
    }
}

/// Backs up file systems into a vault.
package struct BackupAction: Hashable, Sendable {
    package let selection: FileSystemSelection
    package let vault: String
    /// Applied after each run to the recovery points that this job made of that file system.
    ///
    /// `nil` keeps them for ever.
    package let retention: RetentionPolicy?

    package init(selection: FileSystemSelection, vault: String, retention: RetentionPolicy?) {
        self.selection = selection
        self.vault = vault
        self.retention = retention
    }
}

/// Takes a named snapshot of file systems.
package struct SnapshotAction: Hashable, Sendable {
    package let selection: FileSystemSelection
    package let naming: SnapshotNaming
    /// How many of this job's snapshots each file system keeps; `nil` for all.
    package let keepLast: Int?

    package init(selection: FileSystemSelection, naming: SnapshotNaming, keepLast: Int?) {
        self.selection = selection
        self.naming = naming
        self.keepLast = keepLast
    }
}

/// Moves what a lifecycle policy calls cold.
package struct LifecycleAction: Hashable, Sendable {
    package let selection: FileSystemSelection
    package let policy: LifecyclePolicy

    package init(selection: FileSystemSelection, policy: LifecyclePolicy) {
        self.selection = selection
        self.policy = policy
    }
}

/// Applies a retention to a vault, whichever job made the recovery points.
package struct ExpireAction: Hashable, Sendable {
    package let vault: String
    package let retention: RetentionPolicy

    package init(vault: String, retention: RetentionPolicy) {
        self.vault = vault
        self.retention = retention
    }
}

/// Restores a sample of a recovery point's files where nobody sees them, and compares what came back.
package struct RestoreTestAction: Hashable, Sendable {
    /// Which of a file system's points.
    package enum Point: String, Sendable, Hashable, CaseIterable {
        case latest
        /// Any of them: over time, the old ones too.
        case random
    }

    package let selection: FileSystemSelection
    package let vault: String
    package let point: Point
    package let sampleFiles: Int
    package let sampleBytes: UInt64

    /// 100 files: of a point of which one in fifty does not restore, seven runs in eight meet one.
    package static let sampleFilesStandard = 100
    /// 1 GiB: what a test writes and reads at most.
    package static let sampleBytesStandard: UInt64 = 1 << 30

    package init(
        selection: FileSystemSelection,
        vault: String,
        point: Point = .latest,
        sampleFiles: Int = RestoreTestAction.sampleFilesStandard,
        sampleBytes: UInt64 = RestoreTestAction.sampleBytesStandard
    ) {
        self.selection = selection
        self.vault = vault
        self.point = point
        self.sampleFiles = sampleFiles
        self.sampleBytes = sampleBytes
    }
}

/// Reads and verifies every copy of file systems, and heals from a zone that verifies.
package struct ScrubAction: Hashable, Sendable {
    package let selection: FileSystemSelection
    /// All zones together; `nil` for as fast as it goes.
    package let bytesPerSecond: UInt64?

    package init(selection: FileSystemSelection, bytesPerSecond: UInt64? = nil) {
        self.selection = selection
        self.bytesPerSecond = bytesPerSecond
    }
}
