import ArgumentParser
import LocalAPI

/// `varve clock show`.
struct ShowClockCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show what time it is for the daemon.",
        discussion: """
            EXAMPLES
              varve clock show
            """
    )

    @OptionGroup var global: GlobalOptions

    func run() async throws {
        let found = try await global.client.call(Route.showClock, Nothing())
        if global.json { return try Output.json(found) }
        try Output.line("\(found.now.text)\(found.isSimulated ? " (simulated)" : "")")
    }
}
