import ArgumentParser
import LocalAPI

/// `varve job run`.
struct RunJobCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Run a job now, beside its schedule, and wait for its end.",
        discussion: """
            EXAMPLES
              varve job run nightly-backup
            """
    )

    @OptionGroup var global: GlobalOptions

    @Argument(help: "The job.")
    var name: String

    func run() async throws {
        let run = try await global.client.call(Route.runJob, JobName(job: name))
        if global.json {
            try Output.json(run)
        } else {
            try Output.line("\(run.outcome): \(run.message)")
        }
        switch run.outcome {
        case "done": return
        case "damaged": throw ExitCode(ExitStatus.found.rawValue)
        case "partly": throw ExitCode(ExitStatus.partly.rawValue)
        default: throw ExitCode(ExitStatus.failed.rawValue)
        }
    }
}
