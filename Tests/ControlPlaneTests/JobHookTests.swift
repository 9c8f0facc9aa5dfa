import Foundation
import JobScheduler
import LocalAPI
import Logging
import Policies
import TestKit
import Testing
import VarveModel

@testable import ControlPlane

@Suite struct JobHookTests {
    private let runner = JobHookRunner(
        logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    )

    private func job(_ hooks: JobHooks) throws -> Job {
        Job(
            name: "nightly",
            why: "a test",
            file: "nightly.yaml",
            schedule: try Schedule(parsing: "@daily"),
            hooks: hooks,
            action: .snapshot(
                SnapshotAction(
                    selection: .all,
                    naming: SnapshotNaming(job: "nightly"),
                    keepLast: nil
                )
            )
        )
    }

    private func run(_ state: JobRun.State, message: String = "3 files\u{0}") -> JobRun {
        let due = Timestamp(seconds: 1_800_000_000)
        return JobRun(
            id: 42,
            job: "nightly",
            action: "snapshot",
            due: due,
            trigger: .catchUp,
            started: state == .skipped || state == .expired ? nil : due.adding(seconds: 5),
            ended: state == .running ? nil : due.adding(seconds: 65),
            state: state,
            message: message
        )
    }

    private func shell(_ text: String, timeout: Int64 = 60) -> HookCommand {
        HookCommand(arguments: ["/bin/sh", "-c", text], timeoutSeconds: timeout)
    }

    @Test func `hooks know job, run and outcome, and nothing of the daemon's environment`()
        async throws
    {
        setenv("VARVE_TEST_SECRET", "hunter2", 1)
        let env = HookCommand(arguments: ["/usr/bin/env"], timeoutSeconds: 60)
        let hooked = try job(JobHooks(before: env, after: env))
        let before = try #require(await runner.before(hooked, run(.running, message: "")))
        #expect(before.state == .succeeded)
        for line in [
            "before: exit code 0", "VARVE_EVENT=before", "VARVE_JOB=nightly", "VARVE_RUN=42",
            "VARVE_ACTION=snapshot", "VARVE_DUE=2027-01-15T08:00:00Z", "VARVE_STATE=running",
            "VARVE_STARTED=2027-01-15T08:00:05Z", "VARVE_ENDED=", "VARVE_MESSAGE=",
        ] {
            #expect(before.output.split(separator: "\n").contains(Substring(line)), "\(line)")
        }
        #expect(
            !before.output.contains("hunter2") && before.output.contains("PATH=/usr/local/sbin")
        )
        let after = await runner.after(hooked, run(.damaged))
        #expect(after.complaint == nil)
        for line in [
            "after: exit code 0", "VARVE_EVENT=after", "VARVE_STATE=damaged",
            "VARVE_ENDED=2027-01-15T08:01:05Z", "VARVE_MESSAGE=3 files",
        ] {
            #expect(after.output.split(separator: "\n").contains(Substring(line)), "\(line)")
        }
        #expect(try await runner.before(job(JobHooks()), run(.running)) == nil)
    }

    @Test func `hooks that fail say how`() async throws {
        let hooked = try job(
            JobHooks(before: shell("echo locked; exit 7"), after: shell("kill -9 $$"))
        )
        let before = try #require(await runner.before(hooked, run(.running)))
        #expect(before.state == .failed)
        #expect(before.message == "not begun: the hook before it failed (exit code 7)")
        #expect(before.output == "before: exit code 7\nlocked\n")
        let after = await runner.after(hooked, run(.succeeded))
        #expect(after.complaint == "the hook after it failed (signal 9)")
        let slow = try job(JobHooks(before: shell("sleep 1000", timeout: 1)))
        let late = try #require(await runner.before(slow, run(.running)))
        #expect(late.message == "not begun: the hook before it failed (killed after 1 seconds)")
    }

    @Test func `a job that is told to stop stops its hook before, and still runs the one after`()
        async throws
    {
        let hooked = try job(JobHooks(before: shell("sleep 1000"), after: shell("echo thawed")))
        let runner = runner
        let (running, ended) = (run(.running), run(.interrupted))
        let (before, after) = await withTaskGroup(
            of: (JobOutcome?, JobSurroundings.FollowUp).self
        ) { group in
            group.addTask {
                (await runner.before(hooked, running), await runner.after(hooked, ended))
            }
            group.cancelAll()
            return await group.next() ?? (nil, JobSurroundings.FollowUp())
        }
        #expect(before?.state == .stopped)
        #expect(after.output == "after: exit code 0\nthawed\n")
    }

    @Test func `each is told what it asked for`() async throws {
        let server = try NoticeServer()
        defer { server.stop() }
        let directory = try TemporaryDirectory()
        let file = directory.path + "/told"
        let told = try job(
            JobHooks(notifications: [
                JobNotification(
                    events: [.failure, .overdue],
                    channel: .webhook(
                        JobNotification.Webhook(url: server.url, timeoutSeconds: 30, attempts: 1)
                    )
                ),
                JobNotification(
                    events: [.success, .overdue],
                    channel: .command(shell("echo $VARVE_EVENT $VARVE_STATE >> \(file)"))
                ),
            ])
        )
        for state in JobRun.State.allCases { await runner.notify(told, run(state)) }
        let lines = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n")
        #expect(lines == ["success succeeded", "overdue skipped", "overdue expired"])
        let decoder = JSONDecoder()
        let notices = try server.bodies.map { try decoder.decode(RunNotice.self, from: $0) }
        #expect(
            notices.map(\.state) == [
                "partial", "failed", "damaged", "skipped", "expired", "cancelled", "interrupted",
            ]
        )
        #expect(notices.map(\.event).suffix(4) == ["overdue", "overdue", "failure", "failure"])
        let first = try #require(notices.first)
        #expect(first.job == "nightly" && first.run == 42 && first.due == "2027-01-15T08:00:00Z")
        #expect(first.started == "2027-01-15T08:00:05Z" && first.trigger == "catchUp")
        let head = try #require(server.heads.first)
        #expect(head.hasPrefix("POST /hooks/secret HTTP/1.1"))
        #expect(head.lowercased().contains("content-type: application/json"))
    }

    @Test func `a webhook is tried again while that may help, and no more`() async throws {
        func attempts(_ answers: [Int], attempts: Int) async throws -> (posts: Int, error: String?)
        {
            let server = try NoticeServer(answers: answers)
            defer { server.stop() }
            let post = try WebhookPost(
                JobNotification.Webhook(url: server.url, timeoutSeconds: 30, attempts: attempts),
                RunNotice(try job(JobHooks()), run(.failed), .failure)
            )
            do {
                try await post.send()
                return (server.bodies.count, nil)
            } catch {
                return (server.bodies.count, error.message)
            }
        }
        let patient = try await attempts([503, 0, 200], attempts: 3)
        #expect(patient.posts == 3 && patient.error == nil)
        let refused = try await attempts([404], attempts: 3)
        #expect(refused.posts == 1)
        #expect(refused.error?.hasSuffix("it answered 404 (attempt 1 of 3)") == true)
        #expect(refused.error?.contains("secret") == false, "\(refused.error ?? "")")
        // A POST that is redirected would arrive as a GET without its body.
        let moved = try await attempts([302], attempts: 3)
        #expect(moved.posts == 1)
        #expect(moved.error?.contains("302, a redirect, which is not followed") == true)
        let hopeless = try await attempts([500], attempts: 2)
        #expect(hopeless.posts == 2)
        #expect(hopeless.error?.hasSuffix("it answered 500 (attempt 2 of 2)") == true)
    }
}

/// Hooks of the real daemon.
@Suite struct JobHookDaemonTests {
    private func write(_ text: String, as name: String, _ daemon: DaemonProcess) throws {
        let path = daemon.jobs + "/\(name).yaml"
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
    }

    @Test func `a job runs its hooks, and its history has what they printed`() throws {
        let daemon = try DaemonProcess()
        let told = daemon.work + "/told"
        let common = """
            # Shows hooks.
            format: 1
            kind: job
            action: snapshot
            Resources: ["*"]
            ScheduleExpression: "0 3 * * *"
            after: {shell: "echo $VARVE_STATE after"}
            notify:
              - on: [success, failure]
                shell: "echo $VARVE_JOB $VARVE_EVENT >> \(told)"

            """
        try write(
            common + "name: good\nbefore: {command: [/bin/echo, frozen]}\n",
            as: "good",
            daemon
        )
        try write(common + "name: bad\nbefore: {command: [/bin/false]}\n", as: "bad", daemon)
        try daemon.start()
        try daemon.done("fs", "create", "home")
        let good = try daemon.varve("job", "run", "good")
        #expect(good.status == 0, "\(good.errors)")
        let bad = try daemon.varve("job", "run", "bad")
        #expect(bad.status == 1)
        #expect(bad.text.contains("not begun: the hook before it failed (exit code 1)"))
        // No snapshot of the run that was stopped.
        let snapshots = String(decoding: try daemon.done("snapshot", "list", "home"), as: UTF8.self)
        #expect(snapshots.contains("good-") && !snapshots.contains("bad-"), "\(snapshots)")
        let history = try daemon.varve("job", "history", "--output").text
        for line in [
            "before: exit code 0", "frozen", "after: exit code 0", "succeeded after",
            "before: exit code 1", "failed after",
        ] {
            #expect(history.split(separator: "\n").contains(Substring(line)), "\(line): \(history)")
        }
        let plain = try daemon.varve("job", "history").text
        #expect(!plain.contains("frozen"))
        let lines = try String(contentsOfFile: told, encoding: .utf8)
        #expect(lines == "good success\nbad failure\n")
        // Who may write the file could otherwise become the daemon.
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o666],
            ofItemAtPath: daemon.jobs + "/good.yaml"
        )
        let lint = try daemon.varve("job", "lint")
        #expect(lint.status == 2)
        #expect(lint.text.contains("is not taken from this file: others may write it (mode 666)"))
        #expect(daemon.stop() == 0)
    }
}
