import ArgumentParser

/// `varve job`.
struct JobCommands: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "job",
        abstract: "See and run the jobs of the daemon's Jobs directory.",
        discussion: """
            EXAMPLES
              varve job next
              varve job history nightly-backup
            """,
        subcommands: [
            ListJobsCommand.self, RunJobCommand.self, NextJobsCommand.self, JobHistoryCommand.self,
            LintCommand.self,
        ]
    )
}
