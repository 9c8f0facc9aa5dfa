import ArgumentParser
import LocalAPI

/// `varve truncate`.
struct TruncateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "truncate",
        abstract: "Cut files to a size, or extend them by a hole.",
        discussion: """
            EXAMPLES
              varve truncate -s 0 shared:/log
              varve truncate -s 10G shared:/disk.img
            """
    )

    @OptionGroup var global: GlobalOptions

    @Option(name: .shortAndLong, help: "The new size.", transform: Parse.size)
    var size: UInt64

    @Argument(help: ArgumentHelp("The files.", valueName: "FS:/path"), transform: Parse.file)
    var files: [FileReference]

    func validate() throws {
        if files.isEmpty { throw ValidationError("Name at least one FS:/path.") }
    }

    func run() async throws {
        var after: [FileDescription] = []
        for file in files {
            after.append(
                try await global.client.call(
                    Route.setAttributes,
                    SetAttributes(file: file, followsLink: true, size: size)
                )
            )
        }
        if global.json { try Output.json(after) }
    }
}
