import ArgumentParser
import LocalAPI

/// `varve vault create`.
struct CreateVaultCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create",
        abstract: "Make a vault.",
        discussion: """
            Its directory and the root key are all that a restore on another machine needs.

            EXAMPLES
              varve vault create main
            """
    )

    @OptionGroup var global: GlobalOptions

    @Argument(help: "Its name: letters, digits, '-' and '_', 2 to 50.")
    var name: String

    func run() async throws {
        let made = try await global.client.call(Route.createVault, VaultName(vault: name))
        if global.json { try Output.json(made) }
    }
}
