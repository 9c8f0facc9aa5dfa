package import Policies

/// What is done around a job's runs; the scheduler knows when, and not what.
package struct JobSurroundings: Sendable {
    /// Runs before a job, within its completion window; an outcome other than success takes the job's place.
    ///
    /// `nil` when there is nothing to do.
    package typealias Before = @concurrent @Sendable (Job, JobRun) async -> JobOutcome?
    /// Runs when a job has ended, whatever came of it, and before its end is recorded.
    package typealias After = @concurrent @Sendable (Job, JobRun) async -> FollowUp
    /// Told of a run's end, or of a due instant without a run, once that is recorded.
    package typealias Notify = @concurrent @Sendable (Job, JobRun) async -> Void

    /// Told once of a due instant that waits, of which nothing is on record yet.
    package typealias Late = @concurrent @Sendable (Job, LateRun) async -> Void

    /// What came of what is run after a job.
    package struct FollowUp: Sendable, Hashable {
        /// What it printed.
        package let output: String
        /// Why it failed, if it did; then a run that succeeded has done so in part.
        package let complaint: String?

        package init(output: String = "", complaint: String? = nil) {
            self.output = output
            self.complaint = complaint
        }
    }

    package let before: Before
    package let after: After
    package let notify: Notify
    package let late: Late

    package init(
        before: @escaping Before = { _, _ in nil },
        after: @escaping After = { _, _ in FollowUp() },
        notify: @escaping Notify = { _, _ in },
        late: @escaping Late = { _, _ in }
    ) {
        self.before = before
        self.after = after
        self.notify = notify
        self.late = late
    }
}
