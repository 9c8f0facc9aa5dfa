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

    enum Action {
        case backup(FileSystemSelection, vault: String, Retention?)
        case snapshot(SnapshotAction)
        case lifecycle(FileSystemSelection, policy: Reference)
        case expire(vault: String, Retention)
    }

    let name: String
    let why: String
    let file: String
    let schedule: Schedule
    let missed: Job.MissedRuns
    let startWindowMinutes: Int?
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
        case .expire(let vault, let draft):
            action = .expire(ExpireAction(vault: vault, retention: try look(draft)))
        }
        return Job(
            name: name,
            why: why,
            file: file,
            schedule: schedule,
            missed: missed,
            startWindowMinutes: startWindowMinutes,
            action: action
        )
    }
}
