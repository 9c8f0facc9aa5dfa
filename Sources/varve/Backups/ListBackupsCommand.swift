import ArgumentParser
import LocalAPI

/// `varve backup list`.
struct ListBackupsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List recovery points, oldest first.",
        discussion: """
            A vault that does not open, or a point that does not read, is named on standard error; the others are \
            listed, and the exit code is then 2 for damage, 3 for anything else (another root key, a newer format).

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
        if global.json { try Output.json(found.points) } else { try show(found.points) }
        let count = UInt64(found.unreadable.count)
        try Output.end(left: found.unreadable, of: count, "not listed")
    }

    private func show(_ points: [RecoveryPointDescription]) throws {
        try Output.table(
            ["ID", "VAULT", "SOURCE", "INSTANT", "EXPIRES", "KIND", "CLASS", "BYTES", "STORED"],
            points.map { point in
                [
                    point.id, point.vault, point.fileSystemName, UserTime.local(point.instant),
                    point.expires.map(UserTime.local) ?? "never",
                    point.isFull ? "full" : "increment", point.storageClass,
                    Output.size(point.bytes), Output.size(point.storedBytes),
                ]
            },
            right: [6, 7]
        )
    }
}
