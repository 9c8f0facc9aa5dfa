import VarveModel

extension PolicyFile.Source {
    /// `rules`: other transitions for some files, in order.
    func lifecycleRules(_ fields: FieldReader) -> [LifecycleRule] {
        var names: Set<String> = []
        return (fields.list("rules") ?? []).compactMap { node in
            guard let reader = FieldReader(node, what: "a rule", problems: problems) else {
                return nil
            }
            let before = problems.list.count
            let rule = lifecycleRule(reader)
            guard let rule, problems.list.count == before else { return nil }
            if !names.insert(rule.name).inserted {
                reader.fail(
                    .duplicate,
                    "there are two rules '\(PolicyNode.shortened(rule.name))'",
                    remedy:
                        "Rename one of the two: 'varve lifecycle why' tells rules by their names.",
                    at: reader.place
                )
            }
            return rule
        }
    }

    private func lifecycleRule(_ fields: FieldReader) -> LifecycleRule? {
        let before = problems.list.count
        let name = fields.text(
            "name",
            required: "Add 'name: …', by which 'varve lifecycle why' tells it."
        )
        let node = fields.requiredNode(
            "LifecyclePolicies",
            remedy:
                "Add a list, as '- TransitionToIA: AFTER_7_DAYS'; '[]' keeps what fits where it is."
        )
        let transitions = node.flatMap(transitions)
        func bytes(_ key: String) -> UInt64? {
            fields.parsed(key) { text throws(PolicyError) in try Quantity.bytes(text) }
        }
        func patterns(_ key: String) -> [PathGlob] {
            fields.texts(key) { text throws(PolicyError) in try PathGlob(text) }
        }
        func ids(_ key: String) -> [UInt32] {
            (fields.list(key) ?? []).compactMap { node in
                fields.integer(of: node, key: key, in: 0...Int(UInt32.max) - 1).map { UInt32($0) }
            }
        }
        let (minimum, maximum) = (bytes("minimum-size"), bytes("maximum-size"))
        let (include, exclude) = (patterns("include"), patterns("exclude"))
        let (owners, groups) = (ids("owner"), ids("group"))
        let age = fields.parsed("minimum-age") { text throws(PolicyError) in
            try Quantity.seconds(text)
        }
        fields.finish()
        if let minimum, let maximum, minimum > maximum {
            fields.fail(
                .badValue,
                "'minimum-size' is \(minimum) and 'maximum-size' \(maximum)",
                remedy: "Give a maximum that is not below the minimum.",
                at: fields.place
            )
        }
        let isNarrow =
            minimum != nil || maximum != nil || !include.isEmpty || !exclude.isEmpty
            || !owners.isEmpty || !groups.isEmpty || age != nil
        if !isNarrow, problems.list.count == before {
            fields.fail(
                .missingKey,
                "the rule fits every file",
                remedy:
                    "Add 'include', 'exclude', 'owner', 'group', 'minimum-size', 'maximum-size' or "
                    + "'minimum-age', or write its transitions into the policy itself.",
                at: fields.place
            )
        }
        guard let name, let transitions else { return nil }
        return LifecycleRule(
            name: name.value,
            transitions: transitions,
            include: include,
            exclude: exclude,
            owners: owners,
            groups: groups,
            minimumSize: minimum,
            maximumSize: maximum,
            minimumAge: age ?? 0
        )
    }

    /// What bounds how soon, how often and how much moves.
    func lifecycleLimits(_ fields: FieldReader) -> LifecycleLimits {
        func seconds(_ key: String) -> Int64? {
            fields.parsed(key) { text throws(PolicyError) in try Quantity.seconds(text) }
        }
        func rate(_ key: String) -> ByteRate? {
            fields.parsed(key) { text throws(PolicyError) in try ByteRate(text) }
        }
        return LifecycleLimits(
            writeQuarantine: seconds("write-quarantine") ?? LifecycleLimits.writeQuarantineDefault,
            minimumResidency: seconds("minimum-residency") ?? 0,
            usesToPromote: fields.integer("uses-to-promote", in: 1...10) ?? 1,
            promotion: rate("promote-at-most"),
            demotion: rate("demote-at-most"),
            thrashGuard: fields.node("thrash-guard").flatMap(thrashGuard),
            wholeTreeFiles: fields.integer("whole-tree-files", in: 1...1_000_000_000)
        )
    }

    private func thrashGuard(_ node: PolicyNode) -> LifecycleLimits.ThrashGuard? {
        guard let fields = FieldReader(node, what: "a thrash-guard", problems: problems) else {
            return nil
        }
        let returns = fields.requiredNode("returns", remedy: "Add 'returns: 2'.")
            .flatMap { fields.integer(of: $0, key: "returns", in: 1...100) }
        let within = fields.parsed("within", required: "Add 'within: 90d'.") {
            text throws(PolicyError) in try Quantity.seconds(text)
        }
        fields.finish()
        guard let returns, let within else { return nil }
        return LifecycleLimits.ThrashGuard(returns: returns, within: within)
    }

    /// Keys that say how files come back mean nothing where none does.
    func refuseWhatNeedsPromotion(_ fields: FieldReader) {
        for key in ["uses-to-promote", "promote-at-most", "thrash-guard", "whole-tree-files"] {
            guard let node = fields.node(key) else { continue }
            fields.fail(
                .badValue,
                "'\(key)' has no effect, since nothing brings files back",
                remedy:
                    "Add '- TransitionToPrimaryStorageClass: AFTER_1_ACCESS', or remove the key.",
                at: node.place
            )
        }
    }

    /// `prices`: what plans count savings with.
    func tierPrices(_ fields: FieldReader) -> TierPrices? {
        guard let node = fields.node("prices"),
            let fields = FieldReader(node, what: "a price table", problems: problems)
        else { return nil }
        func price(_ key: String, isRequired: Bool) -> UInt64? {
            fields.parsed(key, required: isRequired ? "Add '\(key): 0.023'." : nil) {
                text throws(PolicyError) in try TierPrices.millionths(text)
            }
        }
        let standard = price("standard", isRequired: true)
        let infrequent = price("ia", isRequired: true)
        let archive = price("archive", isRequired: false)
        let reads = (price("ia-read", isRequired: false), price("archive-read", isRequired: false))
        let currency = fields.text("currency")?.value
        fields.finish()
        guard let standard, let infrequent else { return nil }
        return TierPrices(
            currency: currency ?? "USD",
            month: [
                .standard: standard, .infrequentAccess: infrequent, .archive: archive ?? infrequent,
            ],
            read: [.infrequentAccess: reads.0 ?? 0, .archive: reads.1 ?? 0]
        )
    }
}
