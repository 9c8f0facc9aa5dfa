import ArgumentParser
import LocalAPI

/// `varve history`.
struct HistoryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history",
        abstract: "List the versions of a file that can be restored.",
        discussion: """
            EXAMPLES
              varve history shared:/plan.txt
            """
    )

    @OptionGroup var global: GlobalOptions
    @OptionGroup var past: MomentOptions

    @Argument(
        help: ArgumentHelp("The file; with a moment, as it was named then.", valueName: "FS:/path"),
        transform: Parse.file
    )
    var file: FileReference

    func run() async throws {
        let found = try await global.client.call(
            Route.history,
            FileRequest(file: file, moment: past.moment)
        )
        if global.json { return try Output.json(found) }
        try Output.table(
            ["SINCE", "SIZE", "MODE", "OWNER", "MODIFIED", ""],
            found.map { version in
                [
                    version.since.text, String(version.size), version.mode,
                    "\(version.uid):\(version.gid)",
                    version.modified.text, version.isLive ? "now" : "",
                ]
            },
            right: [1]
        )
    }
}
