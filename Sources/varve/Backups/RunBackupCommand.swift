import ArgumentParser
import LocalAPI

/// `varve backup run`.
struct RunBackupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Back a file system up now, beside its jobs.",
        discussion: """
            After the first one in a vault only what changed is read and stored.

            EXAMPLES
              varve backup run shared --vault main
              varve backup run shared --vault main --delete-after-days 35
            """
    )

    @OptionGroup var global: GlobalOptions

    @Argument(help: "The file system.")
    var fileSystem: String

    @Option(help: "The vault.")
    var vault: String

    @Option(help: ArgumentHelp("Expire it after so many days. Default: never.", valueName: "days"))
    var deleteAfterDays: Int64?

    func validate() throws {
        if let deleteAfterDays, deleteAfterDays < 1 {
            throw ValidationError("--delete-after-days: at least 1.")
        }
    }

    func run() async throws {
        let point = try await global.client.call(
            Route.runBackup,
            RunBackup(fileSystem: fileSystem, vault: vault, deleteAfterDays: deleteAfterDays)
        )
        if global.json { return try Output.json(point) }
        try Output.line(point.id)
        Output.note(
            "\(point.isFull ? "full" : "incremental"): \(Output.size(point.changedBytes)) read, "
                + "\(Output.size(point.storedBytes)) stored"
        )
    }
}
