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
              varve backup run shared --vault main --move-to-cold-storage-after-days 30 --delete-after-days 365
            """
    )

    @OptionGroup var global: GlobalOptions

    @Argument(help: "The file system.")
    var fileSystem: String

    @Option(help: "The vault.")
    var vault: String

    @Option(help: ArgumentHelp("Expire it after so many days. Default: never.", valueName: "days"))
    var deleteAfterDays: Int64?

    @Option(
        help: ArgumentHelp(
            "Move it to cold storage after so many days, where it stays for 90 at least. Default: never.",
            valueName: "days"
        )
    )
    var moveToColdStorageAfterDays: Int64?

    func validate() throws {
        if let deleteAfterDays, deleteAfterDays < 1 {
            throw ValidationError("--delete-after-days: at least 1.")
        }
    }

    func run() async throws {
        let point = try await global.client.call(
            Route.runBackup,
            RunBackup(
                fileSystem: fileSystem,
                vault: vault,
                deleteAfterDays: deleteAfterDays,
                moveToColdStorageAfterDays: moveToColdStorageAfterDays
            )
        )
        if global.json { return try Output.json(point) }
        try Output.line(point.id)
        Output.note(
            "\(point.isFull ? "full" : "incremental"): \(Output.size(point.changedBytes)) read, "
                + "\(Output.size(point.storedBytes)) stored"
        )
    }
}
