import ArgumentParser

/// `varve vault`.
struct VaultCommands: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "vault",
        abstract: "Make, list, verify and heal vaults.",
        discussion: """
            EXAMPLES
              varve vault create main
              varve vault verify main --read-data
            """,
        subcommands: [
            CreateVaultCommand.self, ListVaultsCommand.self, VerifyVaultCommand.self,
            VaultParityCommand.self, RebuildIndexCommand.self,
        ]
    )
}
