import ArgumentParser
import LocalAPI

/// `varve job next`.
struct NextJobsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "next",
        abstract: "Show when jobs come due.",
        discussion: """
            EXAMPLES
              varve job next
              varve job next nightly-backup --count 10
            """
    )

    @OptionGroup var global: GlobalOptions

    @Argument(help: "This job alone.")
    var name: String?

    @Option(help: "So many times a job.")
    var count = 1

    func validate() throws {
        if !(1...1_000).contains(count) { throw ValidationError("--count: 1 to 1000.") }
    }

    func run() async throws {
        let found = try await global.client.call(Route.nextJobs, NextJobs(job: name, count: count))
        if global.json { return try Output.json(found) }
        try Output.table(
            ["DUE", "UTC", "JOB"],
            found.map { [UserTime.local($0.due), $0.due.text, $0.job] }
        )
    }
}
