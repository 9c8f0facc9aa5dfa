import ArgumentParser

/// `varve vault`.
struct VaultCommands: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "vault",
        abstract: "Make, list and verify vaults.",
        subcommands: [CreateVaultCommand.self, ListVaultsCommand.self, VerifyVaultCommand.self]
    )
}
