import ArgumentParser
import LocalAPI

/// `varve cat`.
struct CatCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cat",
        abstract: "Print files, now or in the past.",
        discussion: """
            EXAMPLES
              varve cat shared:/notes.txt
              varve cat shared:/notes.txt --at -30m
            """
    )

    @OptionGroup var global: GlobalOptions
    @OptionGroup var past: MomentOptions

    @Argument(help: ArgumentHelp("The files.", valueName: "FS:/path"), transform: Parse.file)
    var files: [FileReference]

    func validate() throws {
        if files.isEmpty { throw ValidationError("Name at least one FS:/path.") }
    }

    func run() async throws {
        for file in files {
            try await global.client.download(
                Route.read,
                FileRequest(file: file, moment: past.moment)
            ) { part in
                try Output.write(part)
            }
        }
    }
}
