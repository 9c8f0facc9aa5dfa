import ArgumentParser
import LocalAPI

/// `varve lifecycle history`.
struct LifecycleHistoryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history",
        abstract: "Show what moved between tiers, and why, newest first.",
        discussion: """
            EXAMPLES
              varve lifecycle history
              varve lifecycle history shared --limit 20
              varve lifecycle history shared:/archive/2019.tar
            """
    )

    @OptionGroup var global: GlobalOptions

    @Argument(help: ArgumentHelp("Of this file system, or of this file.", valueName: "FS[:/path]"))
    var subject: String?

    @Option(help: "At most so many.")
    var limit = 50

    func validate() throws {
        if !(1...10_000).contains(limit) { throw ValidationError("--limit: 1 to 10000.") }
    }

    func run() async throws {
        var request = LifecycleHistory(limit: limit)
        if let subject {
            if FileReference.isReference(ArgumentBytes.bytes(subject)) {
                request.file = try Parse.file(subject)
            } else {
                request.fileSystem = subject
            }
        }
        let found = try await global.client.call(Route.lifecycleHistory, request)
        if global.json { return try Output.json(found) }
        for move in found {
            let head =
                "\(UserTime.local(move.ended ?? move.planned))  \(move.from) -> \(move.to)  \(move.state)  "
                + "\(Output.size(move.bytes))  \(move.fileSystem):"
            let name = move.path.map(Output.name) ?? Array("inode \(move.inode)".utf8)
            let tail = "  (\(move.policy): \(move.reason))\n"
            try Output.write(Array(head.utf8) + name + Array(tail.utf8))
        }
    }
}
