import ArgumentParser

/// `varve clock`.
struct ClockCommands: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "clock",
        abstract: "Show the daemon's clock; move a simulated one.",
        discussion: """
            EXAMPLES
              varve clock show
              varve clock advance 40d
            """,
        subcommands: [ShowClockCommand.self, AdvanceClockCommand.self]
    )
}
