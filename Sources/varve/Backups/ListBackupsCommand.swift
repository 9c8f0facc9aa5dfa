import ArgumentParser
import LocalAPI

/// `varve backup list`.
struct ListBackupsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List recovery points, oldest first.",
        discussion: """
            EXAMPLES
              varve backup list
              varve backup list shared --vault main
            """
    )

    @OptionGroup var global: GlobalOptions

    @Argument(help: "Of this file system alone: its id or Name, also of one that is gone.")
    var fileSystem: String?

    @Option(help: "In this vault alone.")
    var vault: String?

    func run() async throws {
        let found = try await global.client.call(
            Route.listBackups,
            ListBackups(fileSystem: fileSystem, vault: vault)
        )
        if global.json { return try Output.json(found) }
        try Output.table(
            ["ID", "VAULT", "SOURCE", "INSTANT", "EXPIRES", "KIND", "BYTES", "STORED"],
            found.map { point in
                [
                    point.id, point.vault, point.fileSystemName, UserTime.local(point.instant),
                    point.expires.map(UserTime.local) ?? "never",
                    point.isFull ? "full" : "increment",
                    Output.size(point.bytes), Output.size(point.storedBytes),
                ]
            },
            right: [6, 7]
        )
    }
}
