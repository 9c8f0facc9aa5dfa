import ArgumentParser
import LocalAPI

/// `varve clock advance`.
struct AdvanceClockCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "advance",
        abstract: "Move a simulated clock; every job that comes due on the way runs at its time.",
        discussion: """
            Only a state directory made by 'varved init --simulated-clock' has such a clock.

            EXAMPLES
              varve clock advance 40d
              varve clock advance 1h30m
            """
    )

    @OptionGroup var global: GlobalOptions

    @Argument(help: "How far: 90s, 30m, 3h, 40d, 1d12h.", transform: Parse.duration)
    var duration: Int64

    func run() async throws {
        let report = try await global.client.call(
            Route.advanceClock,
            AdvanceClock(seconds: duration)
        )
        if global.json { return try Output.json(report) }
        for run in report.runs {
            try Output.line("\(run.due.text)  \(run.job)  \(run.outcome)  \(run.message)")
        }
        try Output.line("it is \(report.to.text)")
    }
}
