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
        guard let seconds = found.refusedSeconds else { return }
        let side = seconds > 0 ? "ahead" : "behind"
        try Output.line(
            "the machine's clock is \(abs(seconds)) s \(side) and not followed; 'varve clock accept' follows it"
        )
    }
}
