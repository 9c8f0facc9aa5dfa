/// A file of kind `job`, checked, with the policies that it names in it.
package struct Job: Hashable, Sendable {
    /// What to do about due instants that passed while no daemon ran.
    package enum MissedRuns: String, Sendable, Hashable, CaseIterable {
        /// One run for all of them, as soon as it can be.
        case runOnce = "run-once"
        /// Nothing; they are recorded as skipped.
        case skip
    }

    /// What the job does.
    package enum Action: Hashable, Sendable {
        case backup(BackupAction)
        case snapshot(SnapshotAction)
        case lifecycle(LifecycleAction)
        case expire(ExpireAction)

        /// As in a job file.
        package var name: ActionName {
            switch self {
            case .backup: .backup
            case .snapshot: .snapshot
            case .lifecycle: .lifecycle
            case .expire: .expire
            }
        }
    }

    /// The word for an action in a job file.
    package enum ActionName: String, Sendable, Hashable, CaseIterable {
        case backup
        case snapshot
        case lifecycle
        case expire
    }

    package let name: String
    /// The file's first comment.
    package let why: String
    package let file: String
    package let schedule: Schedule
    package let missed: MissedRuns
    /// A run that could not begin this long after it was due is skipped; `nil`: it is never late.
    package let startWindowMinutes: Int?
    package let action: Action

    package init(
        name: String,
        why: String,
        file: String,
        schedule: Schedule,
        missed: MissedRuns = .runOnce,
        startWindowMinutes: Int? = nil,
        action: Action
    ) {
        self.name = name
        self.why = why
        self.file = file
        self.schedule = schedule
        self.missed = missed
        self.startWindowMinutes = startWindowMinutes
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
