import ArgumentParser

/// `varve clock`.
struct ClockCommands: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "clock",
        abstract: "Show the daemon's clock; accept the machine's; move a simulated one.",
        subcommands: [ShowClockCommand.self, AcceptClockCommand.self, AdvanceClockCommand.self]
    )
}
