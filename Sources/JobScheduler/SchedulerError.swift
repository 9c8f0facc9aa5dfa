/// Why the scheduler refused or could not.
package struct SchedulerError: Error, Sendable, CustomStringConvertible {
    /// What is wrong, for programs.
    package enum Code: Sendable, Hashable, CaseIterable {
        /// No job in force bears the name.
        case unknownJob
        /// The job is running; it never runs twice at a time.
        case busy
        /// The journal could not be read or written.
        case journal
        /// The clock could not be moved.
        case clock
    }

    package let code: Code
    /// Names the job, and what went wrong.
    package let message: String
    /// The operator's next step.
    package let remedy: String

    package init(_ code: Code, _ message: String, remedy: String) {
        self.code = code
        self.message = message
        self.remedy = remedy
    }

    package var description: String { "\(message). \(remedy)" }
}
