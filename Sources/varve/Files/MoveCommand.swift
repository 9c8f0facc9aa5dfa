import ArgumentParser
import LocalAPI

/// `varve mv`.
struct MoveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mv",
        abstract: "Rename, within one file system, in one step.",
        discussion: """
            As rename(2): a file at the new name is replaced. Into the new name when that is a directory.

            EXAMPLES
              varve mv shared:/draft.txt shared:/final.txt
              varve mv shared:/final.txt shared:/archive/
            """
    )

    @OptionGroup var global: GlobalOptions

    @Argument(
        help: ArgumentHelp("The name that is there.", valueName: "FS:/from"),
        transform: Parse.file
    )
    var from: FileReference

    @Argument(help: ArgumentHelp("The new one.", valueName: "FS:/to"), transform: Parse.file)
    var to: FileReference

    func run() async throws {
        let answer = try await global.client.call(Route.move, TwoFiles(from: from, to: to))
        if global.json { try Output.json(answer) }
    }
}
