import ArgumentParser

/// `varve vault`.
struct VaultCommands: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "vault",
        abstract: "Make, list, lock, verify and heal vaults, and keep their keys.",
        discussion: """
            EXAMPLES
              varve vault create main
              varve vault verify main --read-data
            """,
        subcommands: [
            CreateVaultCommand.self, ListVaultsCommand.self, DescribeVaultCommand.self,
            LockVaultCommand.self, UnlockVaultCommand.self, VerifyVaultCommand.self,
            VaultParityCommand.self, RebuildIndexCommand.self, RotateVaultKeyCommand.self,
            RecoveryKitCommand.self, AdoptVaultCommand.self, ColdStorageCommand.self,
            ColdIdentityCommand.self,
        ]
    )
}
