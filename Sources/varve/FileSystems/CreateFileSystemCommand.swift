import ArgumentParser
import LocalAPI

/// `varve fs create`.
struct CreateFileSystemCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create",
        abstract: "Make a file system and print its id.",
        discussion: """
            Its root directory belongs to whoever makes it.

            EXAMPLES
              varve fs create shared
              varve fs create media --tag backup=daily --tag team=video
            """
    )

    @OptionGroup var global: GlobalOptions

    @Argument(
        help: "Its Name: what people call it; need not be unique, but then only the id names it."
    )
    var name: String

    @Option(
        name: .customLong("tag"),
        help: ArgumentHelp("A tag, for jobs to select by.", valueName: "key=value")
    )
    var tags: [String] = []

    func run() async throws {
        var pairs: [String: String] = [:]
        for tag in tags {
            guard let equals = tag.firstIndex(of: "="), equals != tag.startIndex else {
                throw APIError(.usage, "'\(tag)' is no tag", remedy: "Write KEY=VALUE.")
            }
            pairs[String(tag[..<equals])] = String(tag[tag.index(after: equals)...])
        }
        let made = try await global.client.call(
            Route.createFileSystem,
            CreateFileSystem(name: name, tags: pairs)
        )
        if global.json { try Output.json(made) } else { try Output.line(made.id) }
    }
}
