import ArgumentParser
import LocalAPI

/// `varve vault unlock`.
struct UnlockVaultCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "unlock",
        abstract: "Lift a vault's lock, if it is not final.",
        discussion: """
            EXAMPLES
              varve vault unlock main
            """
    )

    @OptionGroup var global: GlobalOptions

    @Argument(help: "The vault.")
    var name: String

    func run() async throws {
        let answer = try await global.client.call(Route.unlockVault, VaultName(vault: name))
        if global.json { try Output.json(answer) }
    }
}
