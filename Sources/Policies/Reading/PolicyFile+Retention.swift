extension PolicyFile.Source {
    /// Reads a retention.
    func retention(_ fields: FieldReader, name: String) -> PolicyFile? {
        let node = fields.node("Lifecycle")
        let lifecycle = node.flatMap(lifecycle)
        let days = lifecycle?.deleteAfterDays
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
        if let node, let cold = lifecycle?.moveToColdAfterDays, days == nil, !keep.isEmpty,
            problems.list.isEmpty
        {
            fields.fail(
                .badValue,
                "'keep-…' keys without 'DeleteAfterDays' may let a point go before its \(RetentionRule.coldDaysMin) days in cold storage are over",
                remedy: "Add 'DeleteAfterDays: \(cold + RetentionRule.coldDaysMin)' or more.",
                at: node.place
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
                rule: RetentionRule(
                    deleteAfterDays: days,
                    keep: keep,
                    moveToColdAfterDays: lifecycle?.moveToColdAfterDays
                ),
                timeZone: zone ?? .utc
            )
        )
    }

    /// AWS Backup's Lifecycle, as far as it has an effect here.
    struct Lifecycle {
        /// `nil` for −1, or where only the other is given: never.
        var deleteAfterDays: Int?
        var moveToColdAfterDays: Int?
    }

    /// `DeleteAfterDays` and `MoveToColdStorageAfterDays`; the first may be left out beside the second.
    func lifecycle(_ node: PolicyNode) -> Lifecycle? {
        guard let fields = FieldReader(node, what: "a Lifecycle", problems: problems) else {
            return nil
        }
        let before = problems.list.count
        var value = fields.node("DeleteAfterDays")
        let coldNode = fields.node("MoveToColdStorageAfterDays")
        if value == nil, coldNode == nil {
            value = fields.requiredNode(
                "DeleteAfterDays",
                remedy: "Add 'DeleteAfterDays: 35'; -1 keeps for ever."
            )
        }
        let days = value.flatMap { deleteAfterDays($0, fields) }
        // A hundred years: the most that AWS's vault lock knows.
        let cold = coldNode.flatMap {
            fields.integer(of: $0, key: "MoveToColdStorageAfterDays", in: 1...36_500)
        }
        if let value, let days, days >= 1, let cold, days < cold + RetentionRule.coldDaysMin {
            fields.fail(
                .badValue,
                "'DeleteAfterDays' is \(days), and what moves to cold storage after \(cold) days stays there for "
                    + "\(RetentionRule.coldDaysMin) at least",
                remedy: "Give \(cold + RetentionRule.coldDaysMin) or more, or -1 to keep for ever.",
                at: value.place
            )
        }
        fields.finish(foreign: [
            "OptInToArchiveForSupportedResources":
                "file systems move to cold storage by 'MoveToColdStorageAfterDays' alone",
            "DeleteAfterEvent":
                "a copy goes by its own time and rule, whatever becomes of its original",
        ])
        guard problems.list.count == before else { return nil }
        return Lifecycle(
            deleteAfterDays: days.flatMap { $0 >= 1 ? $0 : nil },
            moveToColdAfterDays: cold
        )
    }

    private func deleteAfterDays(_ value: PolicyNode, _ fields: FieldReader) -> Int? {
        // A hundred years, as above.
        let days = fields.integer(of: value, key: "DeleteAfterDays", in: -1...36_500)
        guard days == 0 else { return days }
        fields.fail(
            .badValue,
            "'DeleteAfterDays' is 0",
            remedy: "Give 1 to 36500, or -1 to keep for ever.",
            at: value.place
        )
        return nil
    }
}
