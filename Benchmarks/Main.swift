import ArgumentParser

/// Answers one question a benchmark, as a ratio to this machine's floor in the same run.
@main
struct VarveBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "varve-bench",
        abstract: "Ratios of Varve to this machine's floor, measured in the same run.",
        discussion: """
            Without names, the canonical workload: creates, sequential, random-read, snapshot, diff.
            Each line gives Varve's figure, the floor's, and their ratio; more is better.

            EXAMPLES
              varve-bench                      everything, at full size
              varve-bench creates --rounds 3   one question, three rounds in alternating order
              varve-bench --small              seconds: shows that it runs, measures nothing
            """
    )

    @Argument(help: "Which to run; all without one.")
    var names: [Question] = []

    @Flag(help: "Sizes so small that the figures mean nothing: for CI.")
    var small = false

    @Option(help: "Rounds of each question; the median is shown with its spread.")
    var rounds = 3

    @Option(help: "A directory on the disk to measure; a new one beneath it is used and removed.")
    var directory = "/var/tmp"

    enum Question: String, CaseIterable, ExpressibleByArgument {
        case creates
        case sequential
        case randomRead = "random-read"
        case snapshot
        case diff
    }

    func run() async throws {
        let place = try Workplace(beneath: directory)
        let rounds = small ? 1 : rounds
        for question in names.isEmpty ? Question.allCases : names {
            switch question {
            case .creates: try await DurableCreates(place, small: small, rounds: rounds).run()
            case .sequential: try await SequentialData(place, small: small, rounds: rounds).run()
            case .randomRead: try await RandomRead(place, small: small, rounds: rounds).run()
            case .snapshot: try await SnapshotCost(place, small: small, rounds: rounds).run()
            case .diff: try await DiffCost(place, small: small, rounds: rounds).run()
            }
        }
    }
}
