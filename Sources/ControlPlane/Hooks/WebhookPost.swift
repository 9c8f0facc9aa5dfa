import AsyncHTTPClient
import FoundationEssentials
import JobScheduler
import LocalAPI
import NIOCore
import NIOHTTP1
import Policies

/// What a webhook is told of a run, as JSON.
struct RunNotice: Codable, Sendable, Hashable {
    var event: String
    var job: String
    var action: String
    var run: Int64
    var state: String
    var trigger: String
    var due: String
    var started: String?
    var ended: String?
    var message: String

    /// The state of a due instant that waits: no run has it.
    static let waiting = "waiting"

    init(_ job: Job, _ run: JobRun, _ event: JobNotification.Event) {
        self.init(job, run, event.rawValue)
    }

    init(_ job: Job, _ run: JobRun, _ event: String) {
        self.event = event
        self.job = job.name
        action = run.action
        self.run = run.id
        state = run.state.rawValue
        trigger = run.trigger.rawValue
        due = TimeText(run.due).text
        started = run.started.map { TimeText($0).text }
        ended = run.ended.map { TimeText($0).text }
        message = run.message
    }

    /// Of a due instant that waits, of which no run is on record.
    init(_ job: Job, _ late: LateRun) {
        event = JobNotification.Event.overdue.rawValue
        self.job = job.name
        action = job.action.name.rawValue
        run = 0
        state = Self.waiting
        trigger = JobRun.Trigger.schedule.rawValue
        due = TimeText(late.due).text
        message = late.why
    }
}

/// One POST to a webhook, repeated while it fails in a way that may pass.
struct WebhookPost: Sendable {
    private let webhook: JobNotification.Webhook
    private let body: [UInt8]

    /// Follows no redirect: a POST would arrive as a GET without its body, or go on in the clear.
    ///
    /// It lives as long as the daemon.
    private static let http = HTTPClient(
        eventLoopGroupProvider: .singleton,
        configuration: HTTPClient.Configuration(redirectConfiguration: .disallow)
    )
    /// 64 KiB of an answer that nobody reads.
    private static let answerBytesMax = 64 << 10
    /// 30 s: pauses between attempts double up to it.
    private static let pauseSecondsMax: Int64 = 30
    /// 5 s: all that an attempt gets when the daemon has been told to stop.
    private static let stoppingSeconds: Int64 = 5

    init(_ webhook: JobNotification.Webhook, _ notice: RunNotice) throws {
        self.webhook = webhook
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        body = Array(try encoder.encode(notice))
    }

    /// Posts it.
    ///
    /// - Throws: `.failed` when the last attempt failed; it names no more of the address than the host, for the rest may
    ///   be a secret.
    func send() async throws(APIError) {
        var pause: Int64 = 1
        for attempt in 1...webhook.attempts {
            let failure = await attemptOnce()
            guard let failure else { return }
            if attempt == webhook.attempts || !failure.mayPass || Task.isCancelled {
                throw APIError(
                    .failed,
                    "webhook at \(host): \(failure.reason) (attempt \(attempt) of \(webhook.attempts))"
                )
            }
            do {
                try await Task.sleep(for: .seconds(pause))
            } catch {
                throw APIError(.failed, "webhook at \(host): \(failure.reason); the daemon ends")
            }
            pause = min(pause * 2, WebhookPost.pauseSecondsMax)
        }
    }

    private struct Failure {
        let reason: String
        /// Whether another attempt may do better.
        let mayPass: Bool
    }

    /// The future of it is awaited, which no cancellation ends at once: the last word of a daemon that stops still goes
    /// out, in a few seconds.
    private func attemptOnce() async -> Failure? {
        let seconds =
            Task.isCancelled
            ? min(webhook.timeoutSeconds, WebhookPost.stoppingSeconds) : webhook.timeoutSeconds
        do {
            let request = try HTTPClient.Request(
                url: webhook.url,
                method: .POST,
                headers: ["Content-Type": "application/json", "User-Agent": "varved"],
                body: .bytes(body)
            )
            let answer = ResponseAccumulator(
                request: request,
                maxBodySize: WebhookPost.answerBytesMax
            )
            let task = WebhookPost.http.execute(
                request: request,
                delegate: answer,
                deadline: .now() + .seconds(seconds)
            )
            let response = try await withTaskCancellationHandler {
                try await task.futureResult.get()
            } onCancel: {
                task.eventLoop.scheduleTask(in: .seconds(WebhookPost.stoppingSeconds)) {
                    task.cancel()
                }
            }
            let code = response.status.code
            if (200..<300).contains(code) { return nil }
            if (300..<400).contains(code) {
                return Failure(
                    reason: "it answered \(code), a redirect, which is not followed",
                    mayPass: false
                )
            }
            // RFC 9110 §15.5.9 and RFC 6585 §4: the client may repeat these; other 4xx are a mistake of ours.
            return Failure(
                reason: "it answered \(code)",
                mayPass: code >= 500 || code == 408 || code == 429
            )
        } catch {
            return Failure(reason: "\(error)", mayPass: true)
        }
    }

    private var host: String {
        let rest = webhook.url.split(separator: "/", omittingEmptySubsequences: true).dropFirst()
        // Whoever writes a password before the host does not find it in the log.
        let part = rest.first ?? ""
        return String(part.split(separator: "@").last ?? part)
    }
}
