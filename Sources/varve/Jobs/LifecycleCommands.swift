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
              varve lifecycle pin shared:/databases
            """,
        subcommands: [
            PlanLifecycleCommand.self, RunLifecycleCommand.self, WhyLifecycleCommand.self,
            LifecycleStatusCommand.self, LifecycleHistoryCommand.self, PinLifecycleCommand.self,
            UnpinLifecycleCommand.self, ListPinsCommand.self,
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
        for (currency, saved) in savings.sorted(by: { $0.key < $1.key }) {
            try Output.line(
                "saves about \(LifecycleReport.money(saved.perMonth)) \(currency) a month; reading it all once "
                    + "costs \(LifecycleReport.money(saved.firstReads)) \(currency)"
            )
        }
    }

    /// With four digits behind the point: a GiB costs cents.
    private static func money(_ amount: Double) -> String {
        let parts = Int64((abs(amount) * 10_000).rounded())
        let rest = String(10_000 + parts % 10_000).dropFirst()
        return "\(amount < 0 && parts > 0 ? "-" : "")\(parts / 10_000).\(rest)"
    }
}
