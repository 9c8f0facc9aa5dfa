/// A program that is run beside a job: an argument list, no shell.
package struct HookCommand: Hashable, Sendable {
    /// The program by its absolute path, then its arguments.
    package let arguments: [String]
    /// It is killed with its children after so long.
    package let timeoutSeconds: Int64

    package init(arguments: [String], timeoutSeconds: Int64) {
        precondition(arguments.first?.hasPrefix("/") ?? false, "a program has an absolute path")
        self.arguments = arguments
        self.timeoutSeconds = timeoutSeconds
    }
}

/// Whom to tell of a job's runs.
package struct JobNotification: Hashable, Sendable {
    /// What there is to tell.
    package enum Event: String, Sendable, Hashable, CaseIterable {
        /// A run succeeded.
        case success
        /// A run did not succeed, or only in part.
        case failure
        /// A due instant passed without a run.
        case overdue
    }

    /// How they are told.
    package enum Channel: Hashable, Sendable {
        /// An HTTP POST of JSON.
        case webhook(Webhook)
        case command(HookCommand)
    }

    /// Where JSON is posted to.
    package struct Webhook: Hashable, Sendable {
        package let url: String
        /// Of one attempt.
        package let timeoutSeconds: Int64
        package let attempts: Int

        package init(url: String, timeoutSeconds: Int64, attempts: Int) {
            self.url = url
            self.timeoutSeconds = timeoutSeconds
            self.attempts = attempts
        }
    }

    package let events: Set<Event>
    package let channel: Channel

    package init(events: Set<Event>, channel: Channel) {
        self.events = events
        self.channel = channel
    }
}

/// What is run around a job's runs, and who is told of them.
package struct JobHooks: Hashable, Sendable {
    /// Where it fails the job does not run.
    package var before: HookCommand?
    /// Run whatever came of the job.
    package var after: HookCommand?
    package var notifications: [JobNotification]

    package init(
        before: HookCommand? = nil,
        after: HookCommand? = nil,
        notifications: [JobNotification] = []
    ) {
        self.before = before
        self.after = after
        self.notifications = notifications
    }
}
