import ArgumentParser

/// `varve backup`.
struct BackupCommands: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup",
        abstract: "Back file systems up into vaults; list, expire and delete recovery points.",
        discussion: """
            EXAMPLES
              varve backup run shared --vault main
              varve backup list shared
            """,
        subcommands: [
            RunBackupCommand.self, ListBackupsCommand.self, DeleteBackupCommand.self,
            ExpireBackupsCommand.self,
        ]
    )
}
