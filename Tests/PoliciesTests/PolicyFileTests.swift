import Foundation
import Testing
import TestKit
import VarveModel

@testable import Policies

/// The repository's own files.
enum Repository {
    static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    static let errors = root.appendingPathComponent("Tests/PoliciesTests/Fixtures/errors")

    static func files(in directory: URL, endings: [String]) throws -> [URL] {
        try FileManager.default.contentsOfDirectory(atPath: directory.path)
            .filter { name in endings.contains { name.hasSuffix($0) } }.sorted()
            .map { directory.appendingPathComponent($0) }
    }

    static func bytes(_ url: URL) throws -> [UInt8] { [UInt8](try Data(contentsOf: url)) }
}

@Suite struct PolicyFileTests {
    /// Reads a policy from its text; `file` must bear its name.
    func read(_ text: String, file: String) throws -> PolicyFile {
        let reading = PolicyFile.read(Array(text.utf8), file: file, timeZones: .system)
        #expect(reading.problems.map(\.description) == [])
        return try #require(reading.policy)
    }

    /// Goal: AWS Backup's Lifecycle is read as AWS has it: cold points stay 90 days at least, and may stay for ever.
    @Test(
        arguments: [
            ("{MoveToColdStorageAfterDays: 30, DeleteAfterDays: 120}", 120),
            ("{DeleteAfterDays: -1, MoveToColdStorageAfterDays: 30}", nil),
            ("{MoveToColdStorageAfterDays: 30}", nil),
        ] as [(String, Int?)]
    )
    func `a lifecycle moves points to cold storage`(text: String, days: Int?) throws {
        let rule = RetentionRule(deleteAfterDays: days, moveToColdAfterDays: 30)
        let retention = try read(
            "# Why\nformat: 1\nkind: retention\nname: cold\nLifecycle: \(text)\n",
            file: "Retention/cold.yaml"
        )
        guard case .retention(let policy) = retention else {
            Issue.record("\(retention)")
            return
        }
        #expect(policy.rule == rule)
        let job = try read(
            """
            # Why
            format: 1
            kind: job
            name: cold
            action: backup
            Resources: ["*"]
            TargetBackupVaultName: main
            ScheduleExpression: "@daily"
            Lifecycle: \(text)
            """,
            file: "Jobs/cold.yaml"
        )
        guard case .job(let draft) = job, case .backup(_, _, .inline(let inline)) = draft.action
        else {
            Issue.record("\(job)")
            return
        }
        #expect(inline.rule == rule)
    }

    @Test func `a job has every key where it belongs`() throws {
        let file = try read(
            """
            # Why
            # not?

            format: 1
            kind: job
            name: every-key
            action: backup
            Resources: [fs-0123456789abcdef0, home-*, "arn:aws:elasticfilesystem:*:*:file-system/fs-aa*"]
            NotResources: [home-tmp]
            ListOfTags:
              - {ConditionType: STRINGEQUALS, ConditionKey: aws:ResourceTag/tier, ConditionValue: "1"}
            TargetBackupVaultName: main
            ScheduleExpression: cron(0 2 * * ? *)
            ScheduleExpressionTimezone: Europe/Berlin
            StartWindowMinutes: 480
            CompletionWindowMinutes: 10080
            jitter: 30m
            priority: 70
            missed: skip
            Lifecycle: {DeleteAfterDays: 35}
            """,
            file: "Jobs/every-key.yaml"
        )
        guard case .job(let draft) = file,
            case .backup(let selection, "main", .inline(let retention)) = draft.action
        else {
            Issue.record("\(file)")
            return
        }
        #expect(draft.why == "Why not?" && draft.name == "every-key")
        #expect(draft.timing.missed == .skip && draft.timing.startWindowMinutes == 480)
        #expect(draft.timing.completionWindowMinutes == 10_080)
        #expect(draft.timing.jitterSeconds == 1_800 && draft.timing.priority == 70)
        #expect(draft.schedule.description == "cron(0 2 * * ? *) Europe/Berlin")
        #expect(retention.rule == RetentionRule(deleteAfterDays: 35))
        #expect(selection.description.hasSuffix("fs-aa*, tier=1; not home-tmp"))
        func selects(_ id: String, _ name: String?, _ tags: [String: String] = [:]) throws -> Bool {
            selection.selects(id: try #require(FileSystemID(id)), name: name, tags: tags)
        }
        #expect(try selects("fs-0123456789abcdef0", nil))
        #expect(try selects("fs-aabbccdd", nil))
        #expect(try selects("fs-ffffffff", "home-anna"))
        #expect(try selects("fs-ffffffff", "work", ["tier": "1"]))
        #expect(try !selects("fs-ffffffff", "work", ["tier": "2"]))
        #expect(try !selects("fs-ffffffff", "home-tmp", ["tier": "1"]))
        #expect(try !selects("fs-ffffffff", "fs-aabb"))  // A Name is not what an ARN means.
        #expect(try !selects("fs-ffffffff", nil))
    }

    @Test(arguments: [("bytes-per-second: 50MiB", UInt64?(50 << 20)), ("", nil)])
    func `a scrub reads at most so many bytes a second`(line: String, rate: UInt64?) throws {
        let file = try read(Self.scrub(line), file: "Jobs/scrub.yaml")
        guard case .job(let draft) = file, case .scrub(let action) = draft.action else {
            Issue.record("\(file)")
            return
        }
        #expect(action.bytesPerSecond == rate)
        #expect(action.selection.selects(id: .random(), name: "home", tags: [:]))
    }

    @Test func `a scrub that reads nothing is refused`() {
        let text = Self.scrub("bytes-per-second: 0B")
        let reading = PolicyFile.read(
            Array(text.utf8),
            file: "Jobs/scrub.yaml",
            timeZones: .system
        )
        #expect(reading.policy == nil)
        #expect(reading.problems.first?.description.contains("never ends") == true)
    }

    private static func scrub(_ line: String) -> String {
        """
        # Why.
        format: 1
        kind: job
        name: scrub
        action: scrub
        Resources: [home]
        ScheduleExpression: "0 3 1 * *"
        \(line)
        """
    }

    @Test func `a job's hooks are argument lists with limits`() throws {
        let text = """
            # Why.
            format: 1
            kind: job
            name: hooked
            action: snapshot
            Resources: ["*"]
            ScheduleExpression: "@daily"
            before:
              command: [/usr/local/bin/freeze, "--all", "a b"]
              timeout: 90s
            after: {shell: "thaw; echo $VARVE_STATE"}
            notify:
              - on: [failure, overdue]
                webhook: https://hooks.example.org/T0/B0?token=x
                timeout: 10s
                attempts: 5
              - {on: [success], command: [/usr/bin/logger, -t, varve]}
              - {on: [overdue], webhook: "http://127.0.0.1:9000/", }
            """
        guard case .job(let draft) = try read(text, file: "hooked.yaml") else {
            Issue.record("no job")
            return
        }
        let hooks = draft.hooks
        #expect(
            hooks.before
                == HookCommand(
                    arguments: ["/usr/local/bin/freeze", "--all", "a b"],
                    timeoutSeconds: 90
                )
        )
        #expect(
            hooks.after
                == HookCommand(
                    arguments: ["/bin/sh", "-c", "thaw; echo $VARVE_STATE"],
                    timeoutSeconds: 300
                )
        )
        #expect(
            hooks.notifications.map(\.events) == [[.failure, .overdue], [.success], [.overdue]]
        )
        let webhook = JobNotification.Webhook(
            url: "https://hooks.example.org/T0/B0?token=x",
            timeoutSeconds: 10,
            attempts: 5
        )
        #expect(hooks.notifications[0].channel == .webhook(webhook))
        let logger = HookCommand(
            arguments: ["/usr/bin/logger", "-t", "varve"],
            timeoutSeconds: 30
        )
        #expect(hooks.notifications[1].channel == .command(logger))
        // What others could have written is run by nobody, and said so at each place.
        let refused = PolicyFile.read(
            Array(text.utf8),
            file: "hooked.yaml",
            timeZones: .system,
            distrust: "it belongs to uid 1000"
        )
        #expect(refused.policy == nil)
        #expect(refused.problems.map { $0.place?.line } == [9, 11, 13])
        #expect(
            refused.problems.allSatisfy {
                $0.code == .unsupported && $0.message.contains("it belongs to uid 1000")
            }
        )
    }

    @Test(arguments: [
        "http://example.org/", "http://127.0.0.1.example.org/", "https://", "https:///path",
        "ftp://example.org", "https://a b/", "http://localhost.example.org",
        "http://localhost:80@example.org/", "https://user:word@example.org/",
    ])
    func `a webhook is https, or on the machine itself`(address: String) throws {
        let text = """
            # Why.
            format: 1
            kind: job
            name: told
            action: snapshot
            Resources: ["*"]
            ScheduleExpression: "@daily"
            notify: [{on: [failure], webhook: "\(address)"}]
            """
        let reading = PolicyFile.read(Array(text.utf8), file: "told.yaml", timeZones: .system)
        #expect(reading.problems.first?.code == .badValue, "\(address)")
        #expect(reading.problems.first?.place?.line == 8)
    }

    @Test func `a snapshot job names its snapshots by the instant`() throws {
        let file = try read(
            """
            # Why.
            format: 1
            kind: job
            name: hourly
            action: snapshot
            Resources: ["*"]
            snapshot-name: "auto-{job}-{time}"
            keep-last: 24
            ScheduleExpression: rate(1 hour)
            """,
            file: "hourly.yaml"
        )
        guard case .job(let draft) = file, case .snapshot(let action) = draft.action else {
            Issue.record("\(file)")
            return
        }
        #expect(action.keepLast == 24)
        let name = action.naming.name(at: try instant("2026-11-03T04:05:06Z"))
        #expect(name == "auto-hourly-2026-11-03T04:05:06Z")
        #expect(action.naming.names(name))
        #expect(!action.naming.names("auto-hourly-by-hand"))
        #expect(!action.naming.names("auto-hourly-2026-11-03T04:05:06Zx"))
        let daily = try SnapshotNaming("{date}", job: "j")
        #expect(daily.name(at: try instant("1969-12-31T23:59:59Z")) == "1969-12-31")
        #expect(draft.timing.missed == .runOnce && draft.timing.startWindowMinutes == nil)
        #expect(draft.timing.priority == 50 && draft.timing.jitterSeconds == 0)
    }

    @Test func `a copy job names two vaults, and what becomes of the copies`() throws {
        let file = try read(
            """
            # Why.
            format: 1
            kind: job
            name: copies
            action: copy
            SourceBackupVaultName: main
            TargetBackupVaultName: second
            Resources: [home-*]
            recovery-points: all
            ScheduleExpression: "@weekly"
            Lifecycle: {DeleteAfterDays: 365}
            """,
            file: "copies.yaml"
        )
        guard case .job(let draft) = file,
            case .copy(let action, .inline(let retention)) = draft.action
        else {
            Issue.record("\(file)")
            return
        }
        #expect(action.source == "main" && action.target == "second" && action.points == .all)
        #expect(action.selection.description == "home-*")
        #expect(retention.rule == RetentionRule(deleteAfterDays: 365))
    }

    @Test func `AWS's JSON and YAML say the same`() throws {
        let yaml = try read(
            """
            # Why.
            format: 1
            kind: lifecycle
            name: cold
            LifecyclePolicies:
              - TransitionToIA: AFTER_30_DAYS
              - TransitionToArchive: AFTER_90_DAYS
              - TransitionToPrimaryStorageClass: AFTER_1_ACCESS
            """,
            file: "cold.yaml"
        )
        let list = """
            [{"TransitionToArchive": "AFTER_90_DAYS"}, {"TransitionToIA":"AFTER_30_DAYS"},
            \t{"TransitionToPrimaryStorageClass" :"AFTER_1_ACCESS"}]
            """
        for json in [list, "{\"LifecyclePolicies\": \(list)}", "\n{\"LifecyclePolicies\":\(list)}"]
        {
            guard case .lifecycle(let first) = yaml,
                case .lifecycle(let second) = try read(json, file: "cold.json")
            else {
                Issue.record("\(json)")
                continue
            }
            #expect(first.transitions == second.transitions)
            #expect(second.name == "cold" && second.minimumSize == 128 << 10)
            #expect(second.limits.writeQuarantine == 86_400)
        }
    }

    /// `VARVE_RECORD=1` writes the texts anew; the diff then shows what changed.
    @Test func `every mistake is told as it was agreed`() throws {
        let isRecording = ProcessInfo.processInfo.environment["VARVE_RECORD"] != nil
        var codes: Set<PolicyError.Code> = []
        for url in try Repository.files(in: Repository.errors, endings: [".yaml", ".json"]) {
            let name = url.lastPathComponent
            let reading = PolicyFile.read(
                try Repository.bytes(url),
                file: name,
                timeZones: .system
            )
            #expect(reading.policy == nil, "\(name) is taken for good")
            codes.formUnion(reading.problems.map(\.code))
            let told = reading.problems.map { "\($0)\n" }.joined()
            let golden = url.deletingPathExtension().appendingPathExtension("txt")
            if isRecording { try told.write(to: golden, atomically: true, encoding: .utf8) }
            #expect(try String(contentsOf: golden, encoding: .utf8) == told, "\(name)")
        }
        #expect(Set(PolicyError.Code.allCases).subtracting(codes) == [], "codes without a fixture")
    }

    @Test func `every problem has a place, a message and a remedy`() throws {
        for url in try Repository.files(in: Repository.errors, endings: [".yaml", ".json"]) {
            let reading = PolicyFile.read(
                try Repository.bytes(url),
                file: url.lastPathComponent,
                timeZones: .system
            )
            for problem in reading.problems {
                let place = try #require(problem.place, "\(problem)")
                #expect(place.line >= 1 && place.column >= 1)
                #expect(
                    !problem.message.isEmpty && problem.remedy.hasSuffix(".")
                        || problem.remedy.hasSuffix("?")
                )
            }
        }
    }

    @Test func `a settings file is a flat mapping with places`() throws {
        let mapping = try YAMLMapping(
            text: "# Settings\nsocket: /run/varve.sock\nJobs: [a, \"b c\"]\nport: 2049\n",
            file: "varve.yaml"
        )
        #expect(mapping.entries.map(\.key) == ["socket", "Jobs", "port"])
        #expect(mapping.entries.map(\.line) == [2, 3, 4])
        #expect(
            mapping.entries.map(\.value) == [
                .scalar("/run/varve.sock"), .list(["a", "b c"]), .scalar("2049"),
            ]
        )
        #expect(try YAMLMapping(text: "# nothing\n", file: "varve.yaml").entries.isEmpty)
        for bad in ["a: {b: c}", "- a", "a: [[b]]", "a: 1\na: 2", "[a]: b", "a"] {
            let error = #expect(throws: PolicyError.self) {
                try YAMLMapping(text: bad, file: "varve.yaml")
            }
            #expect(error?.place?.file == "varve.yaml")
        }
    }
}

@Suite struct PolicyFuzzTests {
    @Test func `any text is a policy or errors with places`() throws {
        let sources =
            try ["Jobs", "Retention", "Tests/PoliciesTests/Fixtures/errors"].flatMap { folder in
                try Repository.files(
                    in: Repository.root.appendingPathComponent(folder),
                    endings: [".yaml", ".json"]
                )
            }.map { (name: $0.lastPathComponent, bytes: try Repository.bytes($0)) }
        let tokens = [
            "[", "]", "{", "}", ": ", "- ", "\n", "  ", "'", "\"", "&a ", "*a", "!!int ", "|\n",
            ">\n", "? ",
            "---\n", "...\n", "%YAML 1.1\n", "<<: ", "#", "\t", "\u{FEFF}", "\0", "~", "\\u0041",
            ", ",
            "!<%FF> ", "999999999999999999999", "-1", "true", "format: 1\n",
        ].map { Array($0.utf8) }
        var random = SeededGenerator(seed: testSeed(default: 46))
        var good = 0
        var bad = 0
        for _ in 0..<TestSizes.current.fuzzInputs {
            guard let source = sources.randomElement(using: &random),
                let other = sources.randomElement(using: &random)
            else { continue }
            var bytes = source.bytes
            for _ in 0..<Int.random(in: 0...3, using: &random) {
                let at = Int.random(in: 0...bytes.count, using: &random)
                switch Int.random(in: 0..<5, using: &random) {
                case 0: bytes.insert(UInt8.random(in: .min ... .max, using: &random), at: at)
                case 1:
                    let token = tokens[Int.random(in: 0..<tokens.count, using: &random)]
                    let count = Int.random(in: 0..<8, using: &random) == 0 ? 3_000 : 1
                    for _ in 0..<count { bytes.insert(contentsOf: token, at: at) }
                case 2: bytes.removeSubrange(at..<min(bytes.count, at + 9))
                case 3: bytes.insert(contentsOf: other.bytes.suffix(40), at: at)
                default:
                    if at < bytes.count {
                        bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                    }
                }
            }
            let reading = PolicyFile.read(bytes, file: source.name, timeZones: .system)
            if reading.problems.isEmpty {
                #expect(reading.policy != nil)
                good += 1
            } else {
                #expect(reading.policy == nil)
                #expect(reading.problems.allSatisfy { ($0.place?.line ?? 0) >= 1 })
                bad += 1
            }
        }
        #expect(good > 0 && bad > 0)
    }

    @Test func `nesting and aliases do not explode`() throws {
        func problems(_ text: String) -> [PolicyError] {
            PolicyFile.read(Array(text.utf8), file: "x.yaml", timeZones: .system).problems
        }
        let deep = String(repeating: "[", count: 100_000)
        let dashes = String(repeating: "- ", count: 50_000)
        let marks = String(repeating: "? ", count: 50_000)
        let indented = (0..<600).map { String(repeating: " ", count: $0) + "a:\n" }.joined()
        for text in [deep, dashes, marks, indented] {
            #expect(problems("# why\n" + text).first?.code == .syntax)
        }
        let bomb =
            (1..<30).map { "a\($0): &a\($0) [*a\($0 - 1), *a\($0 - 1)]\n" }.joined()
        #expect(problems("# why\na0: &a0 x\n" + bomb).first?.code == .syntax)
        let large = String(repeating: "# why\n", count: 50_000)
        #expect(problems(large).first?.code == .unreadable)
    }
}
