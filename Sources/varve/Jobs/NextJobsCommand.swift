import ArgumentParser
import LocalAPI

/// `varve job next`.
struct NextJobsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "next",
        abstract: "Show when jobs come due and begin: the coming week.",
        discussion: """
            DUE is what the schedule says, STARTS that and the job's jitter, LATEST the end of its start window.

            EXAMPLES
              varve job next
              varve job next --days 30
              varve job next nightly-backup --count 10
            """
    )

    @OptionGroup var global: GlobalOptions

    @Argument(help: "This job alone.")
    var name: String?

    @Option(help: "What is due within so many days. Default: 7, unless --count is given.")
    var days: Int?

    @Option(help: "So many times a job at most. Default: 1000.")
    var count: Int?

    func validate() throws {
        if let count, !(1...1_000).contains(count) {
            throw ValidationError("--count: 1 to 1000.")
        }
        if let days, !(1...3_660).contains(days) { throw ValidationError("--days: 1 to 3660.") }
    }

    func run() async throws {
        let request = NextJobs(
            job: name,
            count: count ?? 1_000,
            days: days ?? (count == nil ? 7 : nil)
        )
        let found = try await global.client.call(Route.nextJobs, request)
        if global.json { return try Output.json(found) }
        try Output.table(
            ["DUE", "UTC", "STARTS", "LATEST", "JOB"],
            found.map { run in
                [
                    UserTime.local(run.due), run.due.text, UserTime.local(run.starts),
                    run.latest.map(UserTime.local) ?? "-", run.job,
                ]
            }
        )
    }
}
