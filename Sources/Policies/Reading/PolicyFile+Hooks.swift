extension PolicyFile.Source {
    /// A day: nobody waits longer for a hook.
    private static let timeoutSecondsMax: Int64 = 86_400
    private static let hookTimeoutSeconds: Int64 = 300
    private static let notificationTimeoutSeconds: Int64 = 30
    private static let attemptsMax = 10
    private static let attemptsStandard = 3
    /// More words are a script's.
    private static let wordsMax = 100
    private static let notificationsMax = 20

    /// What a job runs around its runs: taken from files alone that nobody but root or the daemon's user wrote.
    func hooks(_ fields: FieldReader) -> JobHooks {
        var hooks = JobHooks()
        if let node = trusted(fields, "before") {
            hooks.before = hook(node, "a hook before a job")
        }
        if let node = trusted(fields, "after") {
            hooks.after = hook(node, "a hook after a job")
        }
        guard trusted(fields, "notify") != nil, let nodes = fields.list("notify") else {
            return hooks
        }
        if nodes.count > Self.notificationsMax {
            fields.fail(
                .badValue,
                "'notify' has \(nodes.count) entries",
                remedy: "Give up to \(Self.notificationsMax).",
                at: nodes[Self.notificationsMax].place
            )
        }
        hooks.notifications = nodes.compactMap(notification)
        return hooks
    }

    /// The value of a key that makes the daemon act outside itself; refused in a file that others may write.
    private func trusted(_ fields: FieldReader, _ key: String) -> PolicyNode? {
        guard let node = fields.node(key) else { return nil }
        guard let distrust else { return node }
        fields.fail(
            .unsupported,
            "'\(key)' would run as the daemon, and is not taken from this file: \(distrust)",
            remedy:
                "Let the file belong to root or to the daemon's user, and let nobody else write it.",
            at: node.place
        )
        return nil
    }

    private func hook(_ node: PolicyNode, _ what: String) -> HookCommand? {
        guard let fields = FieldReader(node, what: what, problems: problems) else { return nil }
        let timeout = timeout(fields) ?? Self.hookTimeoutSeconds
        let words = words(fields)
        fields.finish()
        guard let words else {
            needsOne(fields, of: "'command' or 'shell'")
            return nil
        }
        return HookCommand(arguments: words, timeoutSeconds: timeout)
    }

    private func notification(_ node: PolicyNode) -> JobNotification? {
        guard let fields = FieldReader(node, what: "a notification", problems: problems) else {
            return nil
        }
        let events = Set(fields.texts("on", event))
        let timeout = timeout(fields) ?? Self.notificationTimeoutSeconds
        let attempts = fields.integer("attempts", in: 1...Self.attemptsMax)
        let url = fields.parsed("webhook", webhook)
        let words = words(fields)
        fields.finish()
        guard !events.isEmpty else {
            if problems.list.isEmpty {
                fields.fail(
                    .missingKey,
                    "a notification has no 'on'",
                    remedy: "Add 'on: [failure, overdue]'.",
                    at: fields.place
                )
            }
            return nil
        }
        switch (url, words) {
        case (nil, nil):
            needsOne(fields, of: "'webhook', 'command' or 'shell'")
            return nil
        case (let url?, nil):
            let webhook = JobNotification.Webhook(
                url: url,
                timeoutSeconds: timeout,
                attempts: attempts ?? Self.attemptsStandard
            )
            return JobNotification(events: events, channel: .webhook(webhook))
        case (nil, let words?):
            let command = HookCommand(arguments: words, timeoutSeconds: timeout)
            return JobNotification(events: events, channel: .command(command))
        case (_?, _?):
            fields.fail(
                .duplicate,
                "a notification has both 'webhook' and a command",
                remedy: "Make two entries of it.",
                at: fields.place
            )
            return nil
        }
    }

    private func needsOne(_ fields: FieldReader, of keys: String) {
        guard problems.list.isEmpty else { return }
        fields.fail(
            .missingKey,
            "\(fields.what) has nothing to run",
            remedy: "Add \(keys).",
            at: fields.place
        )
    }

    private func timeout(_ fields: FieldReader) -> Int64? {
        fields.parsed("timeout") { text throws(PolicyError) in
            let seconds = try Quantity.seconds(text)
            guard (1...Self.timeoutSecondsMax).contains(seconds) else {
                throw PolicyError(
                    .badValue,
                    "a time limit of \(PolicyNode.shortened(text))",
                    remedy: "Give 1s to 24h."
                )
            }
            return seconds
        }
    }

    /// `command: [PROGRAM, ARGUMENT…]`, or `shell: TEXT` for `/bin/sh -c TEXT`; `nil` when neither is there or good.
    private func words(_ fields: FieldReader) -> [String]? {
        let command = fields.texts("command") { text throws(PolicyError) in text }
        let shell = fields.text("shell")
        if let shell {
            guard command.isEmpty else {
                fields.fail(
                    .duplicate,
                    "both 'command' and 'shell' say what to run",
                    remedy: "Remove one of the two.",
                    at: shell.place
                )
                return nil
            }
            return ["/bin/sh", "-c", shell.value]
        }
        guard let program = command.first else { return nil }
        guard program.hasPrefix("/"), command.count <= Self.wordsMax else {
            fields.fail(
                .badValue,
                program.hasPrefix("/")
                    ? "a command of \(command.count) words"
                    : "'\(PolicyNode.shortened(program))' is no absolute path of a program",
                remedy: program.hasPrefix("/")
                    ? "Write a script." : "Write it as [/usr/bin/PROGRAM, ARGUMENT].",
                at: fields.place
            )
            return nil
        }
        return command
    }

    private func event(_ text: String) throws(PolicyError) -> JobNotification.Event {
        if let event = JobNotification.Event(rawValue: text) { return event }
        let known = JobNotification.Event.allCases.map(\.rawValue)
        throw PolicyError(
            .badValue,
            "'\(PolicyNode.shortened(text))' is nothing to tell",
            remedy: Suggestion.remedy(
                for: text,
                among: known,
                otherwise: "Give \(known.joined(separator: ", "))."
            )
        )
    }

    /// An `https` address; `http` only to the machine itself, since a run's message names files.
    private func webhook(_ text: String) throws(PolicyError) -> String {
        let local = ["http://127.0.0.1", "http://[::1]", "http://localhost"]
        let isLocal = local.contains { prefix in
            text.hasPrefix(prefix)
                && (text.dropFirst(prefix.count).first.map { ":/".contains($0) } ?? true)
        }
        let host = text.dropFirst("https://".count).prefix { $0 != "/" }
        let isSecure = text.hasPrefix("https://") && !host.isEmpty
        let authority = text.split(separator: "/", omittingEmptySubsequences: true).dropFirst()
            .first
        // What stands before an @ is no host, and a password is not for a file that many read.
        let hasUser = authority?.contains("@") ?? false
        let isPlain =
            text.utf8.allSatisfy { (0x21..<0x7F).contains($0) } && text.utf8.count <= 2_048
        guard isLocal || isSecure, isPlain, !hasUser else {
            throw PolicyError(
                .badValue,
                // The rest may be a secret.
                "no address of a webhook (at '\(PolicyNode.shortened(String(authority ?? "")))')",
                remedy: "Write https://HOST/PATH; http goes to this machine alone."
            )
        }
        return text
    }
}
