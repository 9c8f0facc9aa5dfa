import ArgumentParser

/// `varve backup`.
struct BackupCommands: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup",
        abstract: "Back file systems up into vaults; list and delete recovery points.",
        subcommands: [
            RunBackupCommand.self, ListBackupsCommand.self, DeleteBackupCommand.self,
        ]
    )
}
