import ArgumentParser
import LocalAPI

/// `varve snapshot delete`.
struct DeleteSnapshotCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete",
        abstract: "Unpin a moment.",
        discussion: """
            EXAMPLES
              varve snapshot delete shared before-upgrade
            """
    )

    @OptionGroup var global: GlobalOptions

    @Argument(help: "The file system.")
    var fileSystem: String

    @Argument(help: "The snapshot's name.")
    var name: String

    func run() async throws {
        let answer = try await global.client.call(
            Route.deleteSnapshot,
            SnapshotName(fileSystem: fileSystem, name: name)
        )
        if global.json { try Output.json(answer) }
    }
}
