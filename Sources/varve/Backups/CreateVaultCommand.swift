import ArgumentParser
import LocalAPI

/// `varve vault create`.
struct CreateVaultCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create",
        abstract: "Make a vault.",
        discussion: """
            Its directory and the root key are all that a restore on another machine needs. On a terminal the recovery \
            kit is printed, with the key: keep it on paper.

            EXAMPLES
              varve vault create main
              varve vault create main --parity 5%
            """
    )

    @OptionGroup var global: GlobalOptions

    @Argument(help: "Its name: letters, digits, '-' and '_', 2 to 50.")
    var name: String

    @Option(
        help:
            "Keep so much parity beside the backups, as 5%, by which damage to the vault's files is healed."
    )
    var parity: Percentage?

    func run() async throws {
        let made = try await global.client.call(
            Route.createVault,
            CreateVault(vault: name, parity: parity?.fraction)
        )
        if global.json { return try Output.json(made) }
        try await RecoveryKitCommand.offer(of: name, by: global.client)
    }
}
