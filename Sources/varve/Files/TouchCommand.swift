import ArgumentParser
import LocalAPI

/// `varve touch`.
struct TouchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "touch",
        abstract: "Set the times of files that are there; without options to now.",
        discussion: """
            A symbolic link is touched itself.

            EXAMPLES
              varve touch shared:/stamp
              varve touch --modified '2026-11-23 14:03:22' shared:/stamp
              varve touch --modified @1795442602.123456789 shared:/stamp
            """
    )

    @OptionGroup var global: GlobalOptions

    @Option(
        help: ArgumentHelp("The time of last modification.", valueName: "time"),
        transform: UserTime.parse
    )
    var modified: TimeExpression?

    @Option(
        help: ArgumentHelp("The time of last access.", valueName: "time"),
        transform: UserTime.parse
    )
    var accessed: TimeExpression?

    @Argument(help: ArgumentHelp("The files.", valueName: "FS:/path"), transform: Parse.file)
    var files: [FileReference]

    func validate() throws {
        if files.isEmpty { throw ValidationError("Name at least one FS:/path.") }
    }

    func run() async throws {
        let isPlain = modified == nil && accessed == nil
        var after: [FileDescription] = []
        for file in files {
            after.append(
                try await global.client.call(
                    Route.setAttributes,
                    SetAttributes(
                        file: file,
                        followsLink: false,
                        accessed: isPlain ? .ago(0) : accessed,
                        modified: isPlain ? .ago(0) : modified
                    )
                )
            )
        }
        if global.json { try Output.json(after) }
    }
}
