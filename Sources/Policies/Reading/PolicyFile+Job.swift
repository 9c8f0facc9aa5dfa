extension PolicyFile.Source {
    /// AWS Backup's keys of rules and selections that this version gives no meaning to.
    private static let foreign = [
        "CopyActions": "a job of action 'copy' copies recovery points to a second vault",
        "EnableContinuousBackup": "every second of the window is restorable without it",
        "RecoveryPointTags": "recovery points bear the job's name",
        "RuleName": "the job's name is the rule's",
        "SelectionName": "the job's name is the selection's",
        "IamRoleArn": "jobs run as the daemon",
        "Conditions": "select by Resources, NotResources and ListOfTags",
    ]

    /// Reads a job.
    func job(_ fields: FieldReader, name: String) -> PolicyFile? {
        let action = fields.choice(
            "action",
            Job.ActionName.self,
            required:
                "Add 'action: backup', 'snapshot', 'lifecycle', 'expire', 'restore-test', 'copy' or 'scrub'."
        )
        let zone = timeZone(fields, key: "ScheduleExpressionTimezone")
        let schedule = fields.parsed(
            "ScheduleExpression",
            required: "Add a schedule, as 'ScheduleExpression: 0 2 * * *'."
        ) { text throws(PolicyError) in try Schedule(parsing: text, timeZone: zone ?? .utc) }
        let timing = timing(fields)
        let hooks = hooks(fields)
        let parts = action.flatMap { read($0, fields, job: name) }
        if action != nil { fields.finish(foreign: Self.foreign) }
        guard let schedule, let parts else { return nil }
        return .job(
            JobDraft(
                name: name,
                why: why,
                file: file,
                schedule: schedule,
                timing: timing,
                hooks: hooks,
                action: parts
            )
        )
    }

    /// AWS Backup's own bounds of a window: an hour to a hundred years (AWS Backup API, BackupRuleInput).
    private static let windowMinutes = 60...52_560_000

    /// Windows, jitter and priority.
    private func timing(_ fields: FieldReader) -> JobDraft.Timing {
        var timing = JobDraft.Timing()
        timing.missed = fields.choice("missed", Job.MissedRuns.self) ?? .runOnce
        timing.startWindowMinutes = fields.integer("StartWindowMinutes", in: Self.windowMinutes)
        timing.completionWindowMinutes = fields.integer(
            "CompletionWindowMinutes",
            in: Self.windowMinutes
        )
        timing.priority = fields.integer("priority", in: 0...100) ?? Job.priorityStandard
        let window = timing.startWindowMinutes.map { Int64($0) * 60 }
        timing.jitterSeconds =
            fields.parsed("jitter") { text throws(PolicyError) in
                let seconds = try Quantity.seconds(text)
                guard seconds < window ?? .max else {
                    throw PolicyError(
                        .badValue,
                        "a jitter of \(text) leads out of the start window of \((window ?? 0) / 60) minutes",
                        remedy: "Shorten it, or widen StartWindowMinutes."
                    )
                }
                return seconds
            } ?? 0
        return timing
    }

    /// An IANA name; `nil` when the key is absent or wrong.
    func timeZone(_ fields: FieldReader, key: String) -> TimeZoneRules? {
        fields.parsed(key) { text throws(PolicyError) in try timeZones.rules(named: text) }
    }

    private func read(
        _ action: Job.ActionName,
        _ fields: FieldReader,
        job: String
    ) -> JobDraft.Action? {
        switch action {
        case .backup:
            let selection = selection(fields)
            let vault = vault(fields)
            let retention = retentionReference(fields, job: job)
            guard let selection, let vault else { return nil }
            return .backup(selection, vault: vault, retention)
        case .snapshot:
            let selection = selection(fields)
            let naming = fields.parsed("snapshot-name") { text throws(PolicyError) in
                try SnapshotNaming(text, job: job)
            }
            let keep = fields.integer("keep-last", in: 1...100_000)
            guard let selection else { return nil }
            return .snapshot(
                SnapshotAction(
                    selection: selection,
                    naming: naming ?? SnapshotNaming(job: job),
                    keepLast: keep
                )
            )
        case .lifecycle:
            let selection = selection(fields)
            let policy = reference(
                fields,
                "policy",
                required: "Name a policy of kind lifecycle: 'policy: NAME'."
            )
            guard let selection, let policy else { return nil }
            return .lifecycle(selection, policy: policy)
        case .restoreTest: return restoreTest(fields)
        case .copy: return copy(fields, job: job)
        case .scrub: return scrub(fields)
        case .expire:
            let vault = vault(fields)
            let retention = retentionReference(fields, job: job)
            if retention == nil, problems.list.isEmpty {
                fields.fail(
                    .missingKey,
                    "a job that expires has no 'retention'",
                    remedy: "Name a policy of kind retention: 'retention: NAME'.",
                    at: fields.place
                )
            }
            guard let vault, let retention else { return nil }
            return .expire(vault: vault, retention)
        }
    }

    private func restoreTest(_ fields: FieldReader) -> JobDraft.Action? {
        let selection = selection(fields)
        let vault = vault(fields)
        let point = fields.choice("recovery-point", RestoreTestAction.Point.self)
        let files = fields.integer("sample-files", in: 1...100_000)
        let bytes = fields.parsed("sample-bytes") { text throws(PolicyError) in
            try Quantity.bytes(text)
        }
        guard let selection, let vault else { return nil }
        return .restoreTest(
            RestoreTestAction(
                selection: selection,
                vault: vault,
                point: point ?? .latest,
                sampleFiles: files ?? RestoreTestAction.sampleFilesStandard,
                sampleBytes: bytes ?? RestoreTestAction.sampleBytesStandard
            )
        )
    }

    private func scrub(_ fields: FieldReader) -> JobDraft.Action? {
        let selection = selection(fields)
        let rate = fields.parsed("bytes-per-second") { text throws(PolicyError) in
            let bytes = try Quantity.bytes(text)
            guard bytes > 0 else {
                throw PolicyError(
                    .badValue,
                    "at 0 bytes a second a scrub never ends",
                    remedy: "Write a size as 50MiB, or leave it out."
                )
            }
            return bytes
        }
        guard let selection else { return nil }
        return .scrub(ScrubAction(selection: selection, bytesPerSecond: rate))
    }

    private func copy(_ fields: FieldReader, job: String) -> JobDraft.Action? {
        let selection = selection(fields)
        // Both are keys of this action: where one is missing, the other is no misspelling of it.
        _ = fields.node("SourceBackupVaultName")
        let place = fields.node("TargetBackupVaultName")?.place ?? fields.place
        let source = vault(fields, "SourceBackupVaultName")
        let target = vault(fields)
        let points = fields.choice("recovery-points", CopyAction.Points.self)
        let retention = retentionReference(fields, job: job)
        guard let selection, let source, let target else { return nil }
        guard source != target else {
            fields.fail(
                .badValue,
                "the job copies from the vault '\(source)' to itself",
                remedy: "Name two vaults.",
                at: place
            )
            return nil
        }
        return .copy(
            CopyAction(
                selection: selection,
                source: source,
                target: target,
                points: points ?? .newest
            ),
            retention
        )
    }

    private func vault(
        _ fields: FieldReader,
        _ key: String = "TargetBackupVaultName"
    ) -> String? {
        fields.parsed(
            key,
            required: "Name a vault: '\(key): main'."
        ) { text throws(PolicyError) in
            let isName =
                (2...50).contains(text.utf8.count)
                && text.allSatisfy {
                    $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_")
                }
            guard isName else {
                throw PolicyError(
                    .badValue,
                    "'\(PolicyNode.shortened(text))' is no vault's name",
                    remedy: "Use 2 to 50 letters, digits, '-' and '_'."
                )
            }
            return text
        }
    }

    private func reference(
        _ fields: FieldReader,
        _ key: String,
        required remedy: String? = nil
    ) -> JobDraft.Reference? {
        fields.text(key, required: remedy).map {
            JobDraft.Reference(name: $0.value, place: $0.place)
        }
    }

    /// `retention: NAME`, or AWS's `Lifecycle`, not both.
    private func retentionReference(_ fields: FieldReader, job: String) -> JobDraft.Retention? {
        let named = reference(fields, "retention")
        guard let node = fields.node("Lifecycle") else { return named.map { .named($0) } }
        guard named == nil else {
            fields.fail(
                .duplicate,
                "both 'retention' and 'Lifecycle' say how long to keep",
                remedy: "Remove one of the two.",
                at: node.place
            )
            return nil
        }
        return lifecycle(node).flatMap { lifecycle in
            // To keep for ever is no retention.
            if lifecycle.deleteAfterDays == nil, lifecycle.moveToColdAfterDays == nil { return nil }
            return .inline(
                RetentionPolicy(
                    name: job,
                    why: why,
                    file: file,
                    rule: RetentionRule(
                        deleteAfterDays: lifecycle.deleteAfterDays,
                        moveToColdAfterDays: lifecycle.moveToColdAfterDays
                    ),
                    timeZone: .utc
                )
            )
        }
    }

    /// `Resources`, `NotResources` and `ListOfTags`, as in AWS Backup's selections.
    private func selection(_ fields: FieldReader) -> FileSystemSelection? {
        let resources = fields.texts("Resources") { text throws(PolicyError) in
            try FileSystemSelection.Pattern(text)
        }
        let excluded = fields.texts("NotResources") { text throws(PolicyError) in
            try FileSystemSelection.Pattern(text)
        }
        let tagNodes = fields.list("ListOfTags") ?? []
        let tags = tagNodes.compactMap(tag)
        guard !resources.isEmpty || !tags.isEmpty else {
            if problems.list.isEmpty {
                fields.fail(
                    .missingKey,
                    "the job names no file systems",
                    remedy: "Add 'Resources' with ids, Names or patterns, or 'ListOfTags'; "
                        + "[\"*\"] means all.",
                    at: fields.place
                )
            }
            return nil
        }
        return FileSystemSelection(resources: resources, excluded: excluded, tags: tags)
    }

    /// AWS Backup's Condition: `ConditionType` may be left out, there is but one.
    private func tag(_ node: PolicyNode) -> FileSystemSelection.Tag? {
        guard let fields = FieldReader(node, what: "a tag to select by", problems: problems) else {
            return nil
        }
        if let (type, place) = fields.text("ConditionType"), type != "STRINGEQUALS" {
            fields.fail(
                .badValue,
                "'ConditionType' is '\(PolicyNode.shortened(type))'",
                remedy: "Write STRINGEQUALS, or leave it out.",
                at: place
            )
        }
        let key = fields.text("ConditionKey", required: "Add 'ConditionKey: TAG'.")
        let value = fields.text("ConditionValue", required: "Add 'ConditionValue: VALUE'.")
        fields.finish()
        guard let key, let value else { return nil }
        let prefix = "aws:ResourceTag/"
        let bare = key.value.hasPrefix(prefix) ? key.value.dropFirst(prefix.count) : key.value[...]
        return FileSystemSelection.Tag(key: String(bare), value: value.value)
    }
}
