import ArgumentParser
import LocalAPI

/// `varve du`.
struct UsageCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "du",
        abstract: "Count what a tree holds, now or in the past.",
        discussion: """
            EXAMPLES
              varve du shared:/projects
              varve du shared:/ --at -7d
            """
    )

    @OptionGroup var global: GlobalOptions
    @OptionGroup var past: MomentOptions

    @Argument(help: ArgumentHelp("The tree.", valueName: "FS:/path"), transform: Parse.file)
    var file: FileReference

    func run() async throws {
        let found = try await global.client.call(
            Route.usage,
            FileRequest(file: file, moment: past.moment)
        )
        if global.json { return try Output.json(found) }
        try Output.line(
            "\(Output.size(found.bytes)) in \(found.files) files, \(found.directories) directories, "
                + "\(found.others) others; \(Output.size(found.allocated)) allocated"
        )
    }
}
