import ArgumentParser
import LocalAPI

/// `varve vault parity`.
struct VaultParityCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "parity",
        abstract: "Say how much parity a vault keeps, and make it for what is there.",
        discussion: """
            Parity heals damaged parts of packs and manifests, and short ones that are lost whole:
            see 'varve vault verify --repair'. It takes as much room as it says, and a little more.

            EXAMPLES
              varve vault parity main 5%
              varve vault parity main off
            """
    )

    @OptionGroup var global: GlobalOptions

    @Argument(help: "The vault.")
    var name: String

    @Argument(help: "Of parity to data, as 5%; or off.")
    var share: ParityShare

    func run() async throws {
        let made = try await global.client.call(
            Route.setParity,
            SetParity(vault: name, share: share.percentage?.fraction)
        )
        if global.json { return try Output.json(made) }
        if share.percentage != nil { try Output.line("\(made.files) files were given parity") }
    }
}

/// A percentage, or `off`.
struct ParityShare: ExpressibleByArgument {
    let percentage: Percentage?

    init?(argument: String) {
        guard argument != "off" else {
            percentage = nil
            return
        }
        guard let found = Percentage(argument: argument) else { return nil }
        percentage = found
    }
}
