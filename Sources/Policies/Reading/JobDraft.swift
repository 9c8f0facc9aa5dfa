/// A job as its file has it: the policies that it names are not looked up yet.
struct JobDraft {
    /// The name of another policy, where it stands.
    struct Reference {
        let name: String
        let place: PolicyPlace
    }

    /// A retention by name, or AWS's `Lifecycle` written into the job itself.
    enum Retention {
        case named(Reference)
        case inline(RetentionPolicy)
    }

    /// When its runs begin and end, beside the schedule.
    struct Timing {
        var missed = Job.MissedRuns.runOnce
        var startWindowMinutes: Int?
        var completionWindowMinutes: Int?
        var jitterSeconds: Int64 = 0
        var priority = Job.priorityStandard
    }

    enum Action {
        case backup(FileSystemSelection, vault: String, Retention?)
        case snapshot(SnapshotAction)
        case lifecycle(FileSystemSelection, policy: Reference)
        case expire(vault: String, Retention)
        case restoreTest(RestoreTestAction)
        case scrub(ScrubAction)
        /// The retention is not in it yet.
        case copy(CopyAction, Retention?)
    }

    let name: String
    let why: String
    let file: String
    let schedule: Schedule
    let timing: Timing
    let hooks: JobHooks
    let action: Action

    /// The job with its policies in it.
    ///
    /// - Parameters:
    ///   - retention: The retention of a name.
    ///   - lifecycle: The lifecycle policy of a name.
    /// - Returns: The job.
    /// - Throws: What those throw.
    func resolved(
        retention: (Reference) throws(PolicyError) -> RetentionPolicy,
        lifecycle: (Reference) throws(PolicyError) -> LifecyclePolicy
    ) throws(PolicyError) -> Job {
        func look(_ draft: Retention) throws(PolicyError) -> RetentionPolicy {
            switch draft {
            case .named(let reference): try retention(reference)
            case .inline(let policy): policy
            }
        }
        let action: Job.Action
        switch self.action {
        case .backup(let selection, let vault, let draft):
            var found: RetentionPolicy?
            if let draft { found = try look(draft) }
            action = .backup(
                BackupAction(selection: selection, vault: vault, retention: found)
            )
        case .snapshot(let snapshot):
            action = .snapshot(snapshot)
        case .lifecycle(let selection, let reference):
            action = .lifecycle(
                LifecycleAction(selection: selection, policy: try lifecycle(reference))
            )
        case .restoreTest(let test):
            action = .restoreTest(test)
        case .scrub(let scrub):
            action = .scrub(scrub)
        case .copy(let copy, let draft):
            action = .copy(
                CopyAction(
                    selection: copy.selection,
                    source: copy.source,
                    target: copy.target,
                    points: copy.points,
                    retention: try draft.map(look)
                )
            )
        case .expire(let vault, let draft):
            action = .expire(ExpireAction(vault: vault, retention: try look(draft)))
        }
        return Job(
            name: name,
            why: why,
            file: file,
            schedule: schedule,
            missed: timing.missed,
            startWindowMinutes: timing.startWindowMinutes,
            completionWindowMinutes: timing.completionWindowMinutes,
            jitterSeconds: timing.jitterSeconds,
            priority: timing.priority,
            hooks: hooks,
            action: action
        )
    }
}
