import ArgumentParser
import LocalAPI

/// `varve lifecycle plan`.
struct PlanLifecycleCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Say what would move now, and what that saves. Moves nothing.",
        discussion: """
            EXAMPLES
              varve lifecycle plan
              varve lifecycle plan shared
            """
    )

    @OptionGroup var global: GlobalOptions

    @Argument(help: "This file system alone.")
    var fileSystem: String?

    func run() async throws {
        let report = try await global.client.call(
            Route.planLifecycle,
            OptionalFileSystem(fileSystem: fileSystem)
        )
        try report.show(json: global.json)
    }
}
