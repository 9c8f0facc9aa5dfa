import ArgumentParser
import LocalAPI

/// `varve vault rebuild-index`.
struct RebuildIndexCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rebuild-index",
        abstract: "Make a vault's index again from its packs.",
        discussion: """
            The index only saves time at opening: nothing is lost with it. A prune makes it again by itself where it is
            damaged or lacks packs.

            EXAMPLES
              varve vault rebuild-index main
            """
    )

    @OptionGroup var global: GlobalOptions

    @Argument(help: "The vault.")
    var name: String

    func run() async throws {
        let made = try await global.client.call(Route.rebuildIndex, VaultName(vault: name))
        if global.json { return try Output.json(made) }
        try Output.line("the index lists \(made.packs) packs")
    }
}
