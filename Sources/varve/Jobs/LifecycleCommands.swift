import ArgumentParser
import LocalAPI

/// `varve lifecycle`.
struct LifecycleCommands: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lifecycle",
        abstract: "Move cold files to cheaper tiers, and see what would move and why.",
        discussion: """
            EXAMPLES
              varve lifecycle plan shared
              varve lifecycle why shared:/archive/2019.tar
            """,
        subcommands: [
            PlanLifecycleCommand.self, RunLifecycleCommand.self, WhyLifecycleCommand.self,
        ]
    )
}

extension LifecycleReport {
    /// Prints the report.
    func show(json: Bool) throws {
        if json { return try Output.json(self) }
        for move in moves {
            try Output.write(
                Array(
                    "\(move.from) -> \(move.to)  \(Output.size(move.bytes))  \(move.fileSystem):"
                        .utf8
                )
                    + Output.name(move.path) + Array("  (\(move.reason))\n".utf8)
            )
        }
        let verb = isPlan ? "would move" : "moved"
        try Output.line(
            "\(files) files, \(Output.size(bytes)) \(verb); stored \(Output.size(storedBefore)) before, "
                + "\(isPlan ? "about " : "")\(Output.size(storedAfter)) after"
        )
    }
}
