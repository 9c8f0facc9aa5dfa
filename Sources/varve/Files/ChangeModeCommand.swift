import ArgumentParser
import LocalAPI

/// `varve chmod`.
struct ChangeModeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chmod",
        abstract: "Set permission bits.",
        discussion: """
            EXAMPLES
              varve chmod 0640 shared:/secrets.txt
              varve chmod 2775 shared:/team shared:/team/shared
            """
    )

    @OptionGroup var global: GlobalOptions

    @Argument(help: "In octal, set-id and sticky bits included.", transform: Parse.mode)
    var mode: UInt16

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
                    SetAttributes(file: file, followsLink: true, mode: mode)
                )
            )
        }
        if global.json { try Output.json(after) }
    }
}
