import ArgumentParser
import LocalAPI

/// `varve clock accept`.
struct AcceptClockCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "accept",
        abstract:
            "Tell the daemon that the machine's clock is right, after a step of over an hour.",
        discussion: """
            Such a step is not followed by itself: a wrong clock would age snapshots and recovery points away.
            A clock that is ahead is followed at once; for one that is behind, time slows by a tenth until it
            is reached, since time never runs backwards.

            EXAMPLES
              varve clock show
              varve clock accept
            """
    )

    @OptionGroup var global: GlobalOptions

    func run() async throws {
        let found = try await global.client.call(Route.acceptClock, Nothing())
        if global.json { return try Output.json(found) }
        try Output.line(found.now.text)
    }
}
