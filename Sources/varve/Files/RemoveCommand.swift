import ArgumentParser
import LocalAPI

/// `varve rm`.
struct RemoveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rm",
        abstract: "Remove names; with -r directories and all beneath them.",
        discussion: """
            The past keeps them: 'varve restore … --at' brings them back.

            EXAMPLES
              varve rm shared:/old.txt
              varve rm -r shared:/tmp shared:/scratch
            """
    )

    @OptionGroup var global: GlobalOptions

    @Flag(name: .customShort("r"), help: "Directories too, with all beneath.")
    var recursive = false

    @Flag(name: .customShort("f"), help: "A missing name is no error.")
    var force = false

    @Argument(help: ArgumentHelp("What to remove.", valueName: "FS:/path"), transform: Parse.file)
    var files: [FileReference]

    func validate() throws {
        if files.isEmpty { throw ValidationError("Name at least one FS:/path.") }
    }

    func run() async throws {
        var removed: UInt64 = 0
        for file in files {
            removed += try await global.client.call(
                Route.remove,
                RemoveFile(file: file, isRecursive: recursive, isForced: force)
            ).removed
        }
        if global.json { try Output.json(RemoveReport(removed: removed)) }
    }
}
