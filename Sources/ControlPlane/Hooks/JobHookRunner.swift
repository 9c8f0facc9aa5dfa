import Foundation
import JobScheduler
import LocalAPI
import Logging
import Policies
import VarveModel

/// Runs what stands around jobs: hooks before and after, notifications.
struct JobHookRunner: Sendable {
    let logger: Logger

    /// What the scheduler runs around each job.
    var surroundings: JobSurroundings {
        JobSurroundings(
            before: { await before($0, $1) },
            after: { await after($0, $1) },
            notify: { await notify($0, $1) },
            late: { await tell(late: $1, of: $0) }
        )
    }

    /// A message in the environment; Linux takes 128 KiB a variable.
    private static let messageBytesMax = 8 << 10

    /// Runs the hook before a job.
    ///
    /// - Returns: `nil` without one; what stops the run when it failed.
    @concurrent
    func before(_ job: Job, _ run: JobRun) async -> JobOutcome? {
        guard let hook = job.hooks.before else { return nil }
        let (end, output) = await execute(hook, Self.environment(RunNotice(job, run, "before")))
        let text = Self.record("before", end, output)
        switch end {
        case .exited(0): return JobOutcome(.succeeded, output: text)
        case .stopped: return JobOutcome(.stopped, "stopped at the hook before it", output: text)
        case .exited, .signalled, .timedOut, .notStarted, .lost:
            return JobOutcome(
                .failed,
                "not begun: the hook before it failed (\(end.words))",
                output: text
            )
        }
    }

    /// Runs the hook after a job, whatever came of it.
    @concurrent
    func after(_ job: Job, _ run: JobRun) async -> JobSurroundings.FollowUp {
        guard let hook = job.hooks.after else { return JobSurroundings.FollowUp() }
        let environment = Self.environment(RunNotice(job, run, "after"))
        let (end, output) = await execute(hook, environment, isCancellable: false)
        return JobSurroundings.FollowUp(
            output: Self.record("after", end, output),
            complaint: end.isGood ? nil : "the hook after it failed (\(end.words))"
        )
    }

    /// Tells whoever wants to know.
    @concurrent
    func notify(_ job: Job, _ run: JobRun) async {
        guard let event = JobNotification.Event(run.state) else { return }
        await tell(job, RunNotice(job, run, event), event)
    }

    /// Tells whoever wants to know of a due instant that waits.
    @concurrent
    func tell(late: LateRun, of job: Job) async {
        await tell(job, RunNotice(job, late), .overdue)
    }

    private func tell(
        _ job: Job,
        _ notice: RunNotice,
        _ event: JobNotification.Event
    ) async {
        for notification in job.hooks.notifications where notification.events.contains(event) {
            switch notification.channel {
            case .command(let command):
                let (end, output) = await execute(
                    command,
                    Self.environment(notice),
                    isCancellable: false
                )
                if !end.isGood { complain(job, "\(end.words) \(output.text)") }
            case .webhook(let webhook):
                do {
                    try await WebhookPost(webhook, notice).send()
                } catch {
                    // The address may hold a secret.
                    complain(job, "\(error)")
                }
            }
        }
    }

    private func complain(_ job: Job, _ reason: String) {
        logger.error(
            "a notification did not arrive",
            metadata: ["job": "\(job.name)", "reason": "\(reason)"]
        )
    }

    private func execute(
        _ hook: HookCommand,
        _ environment: [String: String],
        isCancellable: Bool = true
    ) async -> (end: HookProcess.End, output: HookOutput) {
        let flag = CancellationFlag()
        return await withTaskCancellationHandler {
            await withCheckedContinuation { done in
                // A thread of its own: hooks take minutes, and would hold those on which vaults are read.
                Thread.detachNewThread {
                    let ended = HookProcess.run(
                        hook.arguments,
                        environment: environment,
                        limit: hook.timeoutSeconds,
                        isCancelled: { isCancellable && flag.isSet },
                        isHurried: { flag.isSet }
                    )
                    done.resume(returning: ended)
                }
            }
        } onCancel: {
            flag.set()
        }
    }

    private static func record(_ what: String, _ end: HookProcess.End, _ output: HookOutput)
        -> String
    {
        let text = output.text
        return "\(what): \(end.words)\n" + text + (text.isEmpty || text.hasSuffix("\n") ? "" : "\n")
    }

    /// All that a hook's environment holds: the daemon's own is not passed on, it may hold secrets.
    static func environment(_ notice: RunNotice) -> [String: String] {
        let plain = String(
            String.UnicodeScalarView(notice.message.unicodeScalars.filter { $0 != "\0" })
        )
        return [
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG": "C.UTF-8",
            "VARVE_EVENT": notice.event,
            "VARVE_JOB": notice.job,
            "VARVE_ACTION": notice.action,
            "VARVE_RUN": "\(notice.run)",
            "VARVE_DUE": notice.due,
            "VARVE_STARTED": notice.started ?? "",
            "VARVE_ENDED": notice.ended ?? "",
            "VARVE_STATE": notice.state,
            "VARVE_MESSAGE": String(decoding: plain.utf8.prefix(messageBytesMax), as: UTF8.self),
        ]
    }
}

extension JobNotification.Event {
    /// What a run's state is to those who are told; `nil` while it runs.
    init?(_ state: JobRun.State) {
        switch state {
        case .running: return nil
        case .succeeded: self = .success
        case .partial, .failed, .damaged, .cancelled, .interrupted: self = .failure
        case .skipped, .expired: self = .overdue
        }
    }
}
