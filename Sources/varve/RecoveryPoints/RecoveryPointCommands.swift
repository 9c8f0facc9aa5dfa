import ArgumentParser
import LocalAPI

/// `varve recovery-point`.
struct RecoveryPointCommands: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recovery-point",
        abstract: "Look into recovery points without restoring them, compare, hold and copy them.",
        discussion: """
            RP is a recovery point's id, RP:/path a file in it. Points hold everybody's files, so all of this but 'list' is \
            for root and the daemon's own user.

            EXAMPLES
              varve recovery-point list shared
              varve recovery-point ls -l rp-0123…:/projects
              varve recovery-point find rp-0123… '*.odt' '/home/*/mail/**'
              varve recovery-point diff rp-0123… rp-4567…
              varve recovery-point copy --from main --to second --newest
            """,
        subcommands: [
            ListBackupsCommand.self, DescribePointCommand.self, ListPointFilesCommand.self,
            CatPointCommand.self, FindInPointCommand.self, DiffPointsCommand.self,
            HoldCommands.self, CopyPointsCommand.self,
        ]
    )
}

/// Which vault is asked.
struct PointVaultOption: ParsableArguments {
    @Option(help: "The vault that has it. Default: whichever does.")
    var vault: String?
}

extension Parse {
    /// `RP` or `RP:/path`.
    @Sendable static func point(_ text: String) throws -> RecoveryPointPath {
        try RecoveryPointPath(argument: ArgumentBytes.bytes(text))
    }
}
