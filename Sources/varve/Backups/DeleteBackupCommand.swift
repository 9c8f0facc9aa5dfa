import ArgumentParser
import LocalAPI

/// `varve backup delete`.
struct DeleteBackupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete",
        abstract: "Delete a recovery point, unless it is held, and give its space back.",
        discussion: """
            Other recovery points restore as before.

            EXAMPLES
              varve backup delete rp-0123456789abcdef0123456789abcdef --vault main
            """
    )

    @OptionGroup var global: GlobalOptions

    @Argument(help: "Its id.")
    var recoveryPoint: String

    @Option(help: "The vault that has it.")
    var vault: String

    func run() async throws {
        let answer = try await global.client.call(
            Route.deleteBackup,
            RecoveryPointName(vault: vault, id: recoveryPoint)
        )
        if global.json { try Output.json(answer) }
    }
}
