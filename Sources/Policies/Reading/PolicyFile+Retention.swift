extension PolicyFile.Source {
    /// Reads a retention.
    func retention(_ fields: FieldReader, name: String) -> PolicyFile? {
        let node = fields.node("Lifecycle")
        let days = node.flatMap(age)
        var keep: [RetentionRule.Keep: Int] = [:]
        for rule in RetentionRule.Keep.allCases {
            keep[rule] = fields.integer(rule.key, in: 1...100_000)
        }
        let zone = timeZone(fields, key: "time-zone")
        fields.finish()
        if node == nil, keep.isEmpty, problems.list.isEmpty {
            fields.fail(
                .missingKey,
                "the retention says nothing",
                remedy: "Add 'Lifecycle' with 'DeleteAfterDays', or a 'keep-…' key; "
                    + "'DeleteAfterDays: -1' keeps for ever.",
                at: fields.place
            )
        }
        if let node, days == nil, !keep.isEmpty, problems.list.isEmpty {
            fields.fail(
                .badValue,
                "DeleteAfterDays -1 keeps everything, so the 'keep-…' keys mean nothing",
                remedy: "Remove 'Lifecycle', or the 'keep-…' keys.",
                at: node.place
            )
        }
        return .retention(
            RetentionPolicy(
                name: name,
                why: why,
                file: file,
                rule: RetentionRule(deleteAfterDays: days, keep: keep),
                timeZone: zone ?? .utc
            )
        )
    }

    /// `DeleteAfterDays` of AWS Backup's Lifecycle; `nil` for −1, which is never.
    func age(_ node: PolicyNode) -> Int? {
        guard let fields = FieldReader(node, what: "a Lifecycle", problems: problems) else {
            return nil
        }
        let value = fields.requiredNode(
            "DeleteAfterDays",
            remedy: "Add 'DeleteAfterDays: 35'; -1 keeps for ever."
        )
        // A hundred years: the most that AWS's vault lock knows.
        let days = value.flatMap { fields.integer(of: $0, key: "DeleteAfterDays", in: -1...36_500) }
        if let value, days == 0 {
            fields.fail(
                .badValue,
                "'DeleteAfterDays' is 0",
                remedy: "Give 1 to 36500, or -1 to keep for ever.",
                at: value.place
            )
        }
        fields.finish(foreign: [
            "MoveToColdStorageAfterDays": "vaults have no cold storage yet",
            "OptInToArchiveForSupportedResources": "vaults have no cold storage yet",
            "DeleteAfterEvent":
                "a copy goes by its own time and rule, whatever becomes of its original",
        ])
        return days.flatMap { $0 >= 1 ? $0 : nil }
    }
}
