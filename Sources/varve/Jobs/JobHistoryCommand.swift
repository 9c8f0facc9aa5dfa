import ArgumentParser
import LocalAPI
import VarveModel

/// `varve job history`.
struct JobHistoryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history",
        abstract: "Show the runs so far, newest first.",
        discussion: """
            EXAMPLES
              varve job history
              varve job history nightly-backup --limit 7
              varve job history nightly-backup --limit 1 --output
            """
    )

    @OptionGroup var global: GlobalOptions

    @Argument(help: "Of this job alone.")
    var name: String?

    @Option(help: "At most so many.")
    var limit = 50

    @Flag(help: "Also what hooks printed; of 1000 runs at most.")
    var output = false

    func validate() throws {
        if !(1...100_000).contains(limit) { throw ValidationError("--limit: 1 to 100000.") }
    }

    func run() async throws {
        let found = try await global.client.call(
            Route.jobHistory,
            JobHistory(job: name, limit: limit, withOutput: output ? true : nil)
        )
        if global.json { return try Output.json(found) }
        try Output.table(
            ["DUE", "JOB", "OUTCOME", "SECONDS", "MESSAGE"],
            found.map { run in
                let seconds = run.ended.map { String($0.time.seconds - run.started.time.seconds) }
                return [UserTime.local(run.due), run.job, run.outcome, seconds ?? "-", run.message]
            },
            right: [3]
        )
        for run in found where run.output?.isEmpty == false {
            try Output.line("\n\(UserTime.local(run.due))  \(run.job)")
            try Output.line(run.output ?? "")
        }
    }
}
