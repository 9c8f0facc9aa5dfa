import ArgumentParser

/// `varve clock`.
struct ClockCommands: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "clock",
        abstract: "Show the daemon's clock; accept the machine's; move a simulated one.",
        discussion: """
            EXAMPLES
              varve clock show
              varve clock accept
              varve clock advance 40d
            """,
        subcommands: [ShowClockCommand.self, AcceptClockCommand.self, AdvanceClockCommand.self]
    )
}
