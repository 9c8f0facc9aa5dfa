import ArgumentParser
import LocalAPI

/// `varve lifecycle why`.
struct WhyLifecycleCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "why",
        abstract: "Explain why a file is in its tier.",
        discussion: """
            EXAMPLES
              varve lifecycle why shared:/archive/2019.tar
            """
    )

    @OptionGroup var global: GlobalOptions

    @Argument(help: ArgumentHelp("The file.", valueName: "FS:/path"), transform: Parse.file)
    var file: FileReference

    func run() async throws {
        let found = try await global.client.call(
            Route.whyLifecycle,
            FileRequest(file: file, moment: Moment())
        )
        if global.json { return try Output.json(found) }
        try Output.line("tier         \(found.tier)")
        if let day = found.lastAccess { try Output.line("last access  \(UserTime.local(day))") }
        for reason in found.reasons { try Output.line("- \(reason)") }
    }
}
