import ArgumentParser
import LocalAPI

/// `varve fs create`.
struct CreateFileSystemCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create",
        abstract: "Make a file system and print its id.",
        discussion: """
            Its root directory belongs to whoever makes it. A Regional one keeps a whole copy in each of three zones \
            (zones in varve.yaml), and goes on when one is lost; a One Zone one lies in the state directory alone.

            EXAMPLES
              varve fs create shared
              varve fs create shared --regional
              varve fs create scratch --one-zone local-b
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

    @Flag(help: "Keep a copy in each of the three zones.")
    var regional = false

    @Option(
        help: ArgumentHelp(
            "Keep it in the state directory alone, under this zone's name. This is the default, in availabilityZone of varve.yaml.",
            valueName: "zone"
        )
    )
    var oneZone: String?

    func validate() throws {
        if regional, oneZone != nil {
            throw ValidationError("--regional is all zones, --one-zone is one: give one of them.")
        }
    }

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
            CreateFileSystem(
                name: name,
                tags: pairs,
                placement: regional ? .regional : .oneZone(oneZone)
            )
        )
        if global.json { try Output.json(made) } else { try Output.line(made.id) }
    }
}
