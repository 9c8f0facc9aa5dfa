import ArgumentParser
import LocalAPI

/// `varve lifecycle status`.
struct LifecycleStatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show what lies in each tier, and how long nobody used it. Counts every file.",
        discussion: """
            EXAMPLES
              varve lifecycle status shared
              varve --json lifecycle status shared
            """
    )

    @OptionGroup var global: GlobalOptions

    @Argument(help: "Its id or Name.")
    var fileSystem: String

    private static let tiers = ["standard", "ia", "archive"]

    func run() async throws {
        let found = try await global.client.call(
            Route.lifecycleStatus,
            FileSystemName(fileSystem: fileSystem)
        )
        if global.json { return try Output.json(found) }
        let metered = ["ValueInStandard", "ValueInIA", "ValueInArchive"]
        try Output.table(
            ["TIER", "FILES", "DATA", "STORED", "METERED AS EFS"],
            zip(Self.tiers, metered).map { tier, value in
                [
                    tier, "\(found.tiers[tier]?.files ?? 0)",
                    Output.size(found.tiers[tier]?.bytes ?? 0),
                    Output.size(found.storedBytes[tier] ?? 0),
                    Output.size(found.sizeInBytes[value] ?? 0),
                ]
            },
            right: [1, 2, 3, 4]
        )
        try Output.line("")
        try Output.table(
            ["DAYS UNUSED", "FILES", "STANDARD", "IA", "ARCHIVE"],
            found.steps.indices.map { index in
                let step = found.steps[index]
                let next = found.steps.dropFirst(index + 1).first
                return [
                    next.map { "\(step.days) to \($0.days - 1)" } ?? "\(step.days) or more",
                    "\(step.tiers.values.reduce(0) { $0 + $1.files })",
                ] + Self.tiers.map { Output.size(step.tiers[$0]?.bytes ?? 0) }
            },
            right: [1, 2, 3, 4]
        )
    }
}
