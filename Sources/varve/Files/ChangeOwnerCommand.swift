import ArgumentParser
import LocalAPI

/// `varve chown`.
struct ChangeOwnerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chown",
        abstract: "Set owner and group, by number.",
        discussion: """
            EXAMPLES
              varve chown 1000:1000 shared:/home/anna
              varve chown :100 shared:/team
              varve chown -h 1000 shared:/link
            """
    )

    @OptionGroup var global: GlobalOptions

    @Flag(name: .customShort("h"), help: "Of a symbolic link itself, not of what it names.")
    var noFollow = false

    @Argument(help: "UID, UID:GID or :GID.", transform: Parse.owner)
    var owner: Parse.Owner

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
                    SetAttributes(
                        file: file,
                        followsLink: !noFollow,
                        uid: owner.uid,
                        gid: owner.gid
                    )
                )
            )
        }
        if global.json { try Output.json(after) }
    }
}
