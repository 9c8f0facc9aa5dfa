import ArgumentParser
import LocalAPI

/// `varve mkdir`.
struct MakeDirectoryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mkdir",
        abstract: "Make directories.",
        discussion: """
            EXAMPLES
              varve mkdir shared:/projects
              varve mkdir -p -m 2775 shared:/teams/video/raw
            """
    )

    @OptionGroup var global: GlobalOptions

    @Flag(name: .customShort("p"), help: "Missing parents too; one that is there is no error.")
    var parents = false

    @Option(
        name: .customShort("m"),
        help: ArgumentHelp("Its mode, in octal. Default: 0755.", valueName: "mode"),
        transform: Parse.mode
    )
    var mode: UInt16?

    @Argument(help: ArgumentHelp("What to make.", valueName: "FS:/path"), transform: Parse.file)
    var files: [FileReference]

    func validate() throws {
        if files.isEmpty { throw ValidationError("Name at least one FS:/path.") }
    }

    func run() async throws {
        for file in files {
            _ = try await global.client.call(
                Route.makeDirectory,
                MakeDirectory(file: file, mode: mode, withParents: parents)
            )
        }
        if global.json { try Output.json(Nothing()) }
    }
}
