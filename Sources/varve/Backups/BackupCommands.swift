import ArgumentParser

/// `varve backup`.
struct BackupCommands: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup",
        abstract: "Back file systems up into vaults, and list recovery points.",
        subcommands: [RunBackupCommand.self, ListBackupsCommand.self]
    )
}
