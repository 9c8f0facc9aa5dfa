import ArgumentParser
import LocalAPI

/// `varve snapshot create`.
struct CreateSnapshotCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create",
        abstract: "Pin the present under a name. It takes no time and no space.",
        discussion: """
            EXAMPLES
              varve snapshot create shared before-upgrade
              varve snapshot create shared friday --expires 30d
            """
    )

    @OptionGroup var global: GlobalOptions

    @Argument(help: "The file system.")
    var fileSystem: String

    @Argument(help: "The snapshot's name.")
    var name: String

    @Option(help: "Delete it by itself after so long.", transform: Parse.duration)
    var expires: Int64?

    func run() async throws {
        let made = try await global.client.call(
            Route.createSnapshot,
            CreateSnapshot(fileSystem: fileSystem, name: name, expiresAfter: expires)
        )
        if global.json { try Output.json(made) }
    }
}
