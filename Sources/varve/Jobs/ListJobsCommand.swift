import ArgumentParser
import LocalAPI

/// `varve job list`.
struct ListJobsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List the jobs and when each comes next.",
        discussion: """
            EXAMPLES
              varve job list
            """
    )

    @OptionGroup var global: GlobalOptions

    func run() async throws {
        let found = try await global.client.call(Route.listJobs, Nothing())
        if global.json { return try Output.json(found) }
        try Output.table(
            ["NAME", "ACTION", "FILE SYSTEMS", "SCHEDULE", "ZONE", "MISSED", "NEXT"],
            found.map { job in
                [
                    job.name, job.action, job.fileSystems.joined(separator: ","), job.schedule,
                    job.timeZone, job.missed, job.next.map(UserTime.local) ?? "never",
                ]
            }
        )
    }
}
