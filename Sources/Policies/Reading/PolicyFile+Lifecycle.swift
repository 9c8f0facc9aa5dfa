extension PolicyFile.Source {
    /// Reads a lifecycle policy.
    func lifecycle(_ fields: FieldReader, name: String) -> PolicyFile? {
        let node = fields.requiredNode(
            "LifecyclePolicies",
            remedy: "Add a list, as '- TransitionToIA: AFTER_30_DAYS'."
        )
        let transitions = node.flatMap(transitions)
        let size = fields.parsed("minimum-size") { text throws(PolicyError) in
            try Quantity.bytes(text)
        }
        let include = fields.texts("include") { text throws(PolicyError) in try PathGlob(text) }
        let exclude = fields.texts("exclude") { text throws(PolicyError) in try PathGlob(text) }
        let pins = fields.texts("pin") { text throws(PolicyError) in try PathGlob(text) }
        let rules = lifecycleRules(fields)
        let limits = lifecycleLimits(fields)
        let prices = tierPrices(fields)
        let policy = transitions.map {
            LifecyclePolicy(
                name: name,
                why: why,
                file: file,
                transitions: $0,
                minimumSize: size ?? LifecyclePolicy.minimumSizeDefault,
                include: include,
                exclude: exclude,
                pins: pins,
                rules: rules,
                limits: limits,
                prices: prices
            )
        }
        if let policy, !policy.promotesOnAccess, problems.list.isEmpty {
            refuseWhatNeedsPromotion(fields)
        }
        fields.finish()
        return policy.map { .lifecycle($0) }
    }

    /// Reads AWS's own JSON: `{"LifecyclePolicies": [...]}`, or the bare list.
    ///
    /// The first is what `aws efs put-lifecycle-configuration --cli-input-json` takes and
    /// `describe-lifecycle-configuration` prints, the second what `--lifecycle-policies` takes.
    func awsLifecycle(_ root: PolicyNode) -> PolicyFile? {
        var list = root
        if case .map = root.content {
            guard let fields = FieldReader(root, what: "a configuration", problems: problems),
                let node = fields.requiredNode(
                    "LifecyclePolicies",
                    remedy: "Add \"LifecyclePolicies\": [...]."
                )
            else { return nil }
            fields.finish(foreign: [
                "FileSystemId": "the job that names this policy names the file systems"
            ])
            list = node
        }
        return transitions(list).map {
            .lifecycle(LifecyclePolicy(name: stem, why: "", file: file, transitions: $0))
        }
    }

    /// AWS EFS PutLifecycleConfiguration: up to three objects, each with one transition; none is a configuration, too.
    func transitions(_ node: PolicyNode) -> LifecycleTransitions? {
        guard case .list(let items) = node.content else {
            problems.list.append(
                PolicyError(
                    .wrongType,
                    "'LifecyclePolicies' is a list, not \(node.kind)",
                    remedy: "Write each transition on a line of its own after '- '.",
                    place: node.place
                )
            )
            return nil
        }
        guard items.count <= 3 else {
            problems.list.append(
                PolicyError(
                    .badValue,
                    "'LifecyclePolicies' has \(items.count) entries",
                    remedy: "Give up to three transitions.",
                    place: node.place
                )
            )
            return nil
        }
        var found: [String: (word: String, place: PolicyPlace)] = [:]
        for item in items {
            guard let one = transition(item) else { continue }
            if found[one.key] == nil {
                found[one.key] = (one.word, one.place)
            } else {
                problems.list.append(
                    PolicyError(
                        .duplicate,
                        "'\(one.key)' is given twice",
                        remedy: "Remove one of the two.",
                        place: one.place
                    )
                )
            }
        }
        let infrequent = found["TransitionToIA"].flatMap(age)
        let archive = found["TransitionToArchive"].flatMap(age)
        if let primary = found["TransitionToPrimaryStorageClass"], primary.word != "AFTER_1_ACCESS"
        {
            problems.list.append(
                PolicyError(
                    .badValue,
                    "'TransitionToPrimaryStorageClass' is '\(PolicyNode.shortened(primary.word))'",
                    remedy: "Write AFTER_1_ACCESS, or remove it.",
                    place: primary.place
                )
            )
        }
        do {
            return try LifecycleTransitions(
                toInfrequentAccess: infrequent,
                toArchive: archive,
                isPromotedOnAccess: found["TransitionToPrimaryStorageClass"] != nil
            )
        } catch {
            problems.list.append(error.at(found["TransitionToArchive"]?.place ?? node.place))
            return nil
        }
    }

    /// The one transition of an object.
    private func transition(
        _ node: PolicyNode
    ) -> (key: String, word: String, place: PolicyPlace)? {
        guard let fields = FieldReader(node, what: "a transition", problems: problems) else {
            return nil
        }
        let keys = ["TransitionToIA", "TransitionToArchive", "TransitionToPrimaryStorageClass"]
        let given = keys.filter { fields.node($0) != nil }
        let before = problems.list.count
        fields.finish()
        guard given.count == 1, let key = given.first else {
            if problems.list.count == before {
                let found = given.isEmpty ? "none" : given.joined(separator: " and ")
                fields.fail(
                    .badValue,
                    "an entry has exactly one transition, this one has \(found)",
                    remedy: "Write each transition as an entry of its own.",
                    at: node.place
                )
            }
            return nil
        }
        return fields.text(key).map { (key, $0.value, $0.place) }
    }

    private func age(
        _ text: (word: String, place: PolicyPlace)
    ) -> LifecycleTransitions.Age? {
        if let age = LifecycleTransitions.Age(awsName: text.word) { return age }
        let known = LifecycleTransitions.Age.allCases.map(\.awsName)
        problems.list.append(
            PolicyError(
                .badValue,
                "'\(PolicyNode.shortened(text.word))' is no age of a transition",
                remedy: "Give one of \(known.joined(separator: ", ")).",
                place: text.place
            )
        )
        return nil
    }
}
