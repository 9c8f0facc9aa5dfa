import ArgumentParser
import LocalAPI

/// `varve snapshot list`.
struct ListSnapshotsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List a file system's snapshots.",
        discussion: """
            EXAMPLES
              varve snapshot list shared
            """
    )

    @OptionGroup var global: GlobalOptions

    @Argument(help: "The file system.")
    var fileSystem: String

    func run() async throws {
        let found = try await global.client.call(
            Route.listSnapshots,
            FileSystemName(fileSystem: fileSystem)
        )
        if global.json { return try Output.json(found) }
        try Output.table(
            ["NAME", "CREATED", "EXPIRES"],
            found.map {
                [$0.name, UserTime.local($0.created), $0.expires.map(UserTime.local) ?? "never"]
            }
        )
    }
}
