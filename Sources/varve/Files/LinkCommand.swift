import ArgumentParser
import LocalAPI

/// `varve ln`.
struct LinkCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ln",
        abstract: "Give a file a second name, or with -s make a symbolic link.",
        discussion: """
            EXAMPLES
              varve ln shared:/data.bin shared:/same-data.bin
              varve ln -s ../data.bin shared:/links/data
            """
    )

    @OptionGroup var global: GlobalOptions

    @Flag(name: .customShort("s"), help: "A symbolic link: TARGET is stored as it is.")
    var symbolic = false

    @Argument(help: "FS:/path of the file; with -s any text.")
    var target: String

    @Argument(help: ArgumentHelp("The new name.", valueName: "FS:/path"), transform: Parse.file)
    var name: FileReference

    func run() async throws {
        if symbolic {
            _ = try await global.client.call(
                Route.symlink,
                MakeSymlink(target: EscapedBytes(ArgumentBytes.bytes(target)), file: name)
            )
        } else {
            _ = try await global.client.call(
                Route.link,
                TwoFiles(from: Parse.file(target), to: name)
            )
        }
        if global.json { try Output.json(Nothing()) }
    }
}
