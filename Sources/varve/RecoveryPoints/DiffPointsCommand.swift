import ArgumentParser
import LocalAPI

/// `varve recovery-point diff`.
struct DiffPointsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff",
        abstract: "Show what differs between two recovery points; exits 2 when something does.",
        discussion: """
            Of one file system in one vault. It costs as much as there are changes, however many files there are.

            EXAMPLES
              varve recovery-point diff rp-0123… rp-4567…
            """
    )

    @OptionGroup var global: GlobalOptions
    @OptionGroup var place: PointVaultOption

    @Argument(help: ArgumentHelp("The earlier one.", valueName: "RP"))
    var old: String

    @Argument(help: ArgumentHelp("The later one.", valueName: "RP"))
    var new: String

    func run() async throws {
        let report = try await global.client.call(
            Route.diffPoints,
            DiffPoints(
                old: RecoveryPointReference(id: old, vault: place.vault),
                new: RecoveryPointReference(id: new, vault: place.vault)
            )
        )
        if global.json { try Output.json(report) } else { try report.show() }
        if !report.differences.isEmpty { throw ExitCode(ExitStatus.found.rawValue) }
    }
}
