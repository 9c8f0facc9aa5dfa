import ArgumentParser
import LocalAPI

/// `varve job next`.
struct NextJobsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "next",
        abstract: "Show when jobs come due and begin: the coming week.",
        discussion: """
            DUE is what the schedule says, STARTS that and the job's jitter, LATEST the end of its start window. What is due \
            already and has not begun 'waits': for its turn, or to be made up for or run again. Without --count at most \
            1000 of each job are shown, and a line on standard error names the jobs that come more often.

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
        if let count, !(1...NextJobs.countMax).contains(count) {
            throw ValidationError("--count: 1 to \(NextJobs.countMax).")
        }
        if let days, !(1...3_660).contains(days) { throw ValidationError("--days: 1 to 3660.") }
    }

    func run() async throws {
        let request = NextJobs(
            job: name,
            count: count ?? NextJobs.countMax + 1,
            days: days ?? (count == nil ? 7 : nil)
        )
        var found = try await global.client.call(Route.nextJobs, request)
        let cut = count == nil ? Self.cut(&found) : []
        if global.json {
            try Output.json(found)
        } else {
            try Output.table(
                ["DUE", "UTC", "STARTS", "LATEST", "JOB"],
                found.map { run in
                    [
                        UserTime.local(run.due), run.due.text,
                        run.waits == true ? "waits" : UserTime.local(run.starts),
                        run.latest.map(UserTime.local) ?? "-", run.job,
                    ]
                }
            )
        }
        for job in cut {
            Output.note(
                "varve: '\(job)' comes more often: the first \(NextJobs.countMax) are shown"
            )
        }
    }

    /// Takes out of a list what is more than the most of a job; answers the jobs of which that is so.
    static func cut(_ found: inout [JobDue]) -> [String] {
        var counts: [String: Int] = [:]
        found.removeAll { due in
            counts[due.job, default: 0] += 1
            return counts[due.job, default: 0] > NextJobs.countMax
        }
        return counts.filter { $0.value > NextJobs.countMax }.keys.sorted()
    }
}
