import ArgumentParser
import LocalAPI

/// `varve lifecycle run`.
struct RunLifecycleCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Move what is due now, beside its jobs.",
        discussion: """
            EXAMPLES
              varve lifecycle run shared
            """
    )

    @OptionGroup var global: GlobalOptions

    @Argument(help: "This file system alone.")
    var fileSystem: String?

    func run() async throws {
        let report = try await global.client.call(
            Route.runLifecycle,
            OptionalFileSystem(fileSystem: fileSystem)
        )
        try report.show(json: global.json)
    }
}
