package import VarveModel

/// One run of a job as the journal has it, or the record of one that did not take place.
package struct JobRun: Sendable, Hashable, Identifiable {
    /// How far it is, or how it ended.
    package enum State: String, Sendable, Hashable, CaseIterable {
        case running
        case succeeded
        /// Done in part; the message says what is missing.
        case partial
        case failed
        /// It met damage; the message names it, and what was done all the same.
        case damaged
        /// Due, and not run: missed, or while the job was still at an earlier run.
        case skipped
        /// Due, and not run: it could not begin within its start window.
        case expired
        /// Begun, and told to stop at the end of its completion window.
        case cancelled
        /// Begun, and cut short by the end of the daemon.
        case interrupted
    }

    /// What began it.
    package enum Trigger: String, Sendable, Hashable, CaseIterable {
        /// By its schedule, in time.
        case schedule
        /// For due instants that were missed, or for a run that was interrupted.
        case catchUp
        /// By hand.
        case manual
    }

    /// Given by the journal; ascending.
    package let id: Int64
    package let job: String
    /// The word for its action, as `backup`.
    package let action: String
    /// The instant that it was due at; of a run by hand, when it was asked for.
    package let due: Timestamp
    package let trigger: Trigger
    /// `nil`: it never began.
    package let started: Timestamp?
    /// `nil` while it runs.
    package let ended: Timestamp?
    package let state: State
    /// For people.
    package let message: String
    /// What its hooks printed, as much as is kept.
    package let output: String

    package init(
        id: Int64,
        job: String,
        action: String,
        due: Timestamp,
        trigger: Trigger,
        started: Timestamp?,
        ended: Timestamp?,
        state: State,
        message: String,
        output: String = ""
    ) {
        self.id = id
        self.job = job
        self.action = action
        self.due = due
        self.trigger = trigger
        self.started = started
        self.ended = ended
        self.state = state
        self.message = message
        self.output = output
    }
}

/// How a run ended.
package struct JobOutcome: Sendable, Hashable {
    /// How it ended.
    package enum State: Sendable, Hashable, CaseIterable {
        case succeeded
        case partial
        case failed
        /// It met damage, and did what it could.
        case damaged
        /// It was told to stop before its end; it counts as interrupted.
        case stopped
    }

    package let state: State
    /// For people: what was done, or what went wrong.
    package let message: String
    /// What its hooks printed.
    package var output: String

    package init(_ state: State, _ message: String = "", output: String = "") {
        self.state = state
        self.message = message
        self.output = output
    }
}
