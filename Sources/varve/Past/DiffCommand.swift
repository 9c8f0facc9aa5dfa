import ArgumentParser
import LocalAPI

/// `varve snapshot diff`.
struct DiffCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff",
        abstract: "Show what differs between two moments; exits 2 when something does.",
        discussion: """
            A moment is a snapshot's name, or @ and a time. It costs as much as there are changes, however many files \
            there are.

            EXAMPLES
              varve snapshot diff shared before-upgrade
              varve snapshot diff shared monday friday
              varve snapshot diff shared @-2h @-1h
            """
    )

    @OptionGroup var global: GlobalOptions

    @Argument(help: "The file system.")
    var fileSystem: String

    @Argument(help: "The earlier moment.", transform: DiffCommand.moment)
    var old: Moment

    @Argument(help: "The later one. Default: the present.", transform: DiffCommand.moment)
    var new: Moment?

    func run() async throws {
        let report = try await global.client.call(
            Route.diff,
            DiffRequest(fileSystem: fileSystem, old: old, new: new ?? Moment())
        )
        if global.json { try Output.json(report) } else { try report.show() }
        if !report.differences.isEmpty { throw ExitCode(ExitStatus.found.rawValue) }
    }

    @Sendable private static func moment(_ text: String) throws -> Moment {
        guard text.hasPrefix("@") else { return Moment(snapshot: text) }
        let rest = String(text.dropFirst())
        return Moment(
            at: try UserTime.parse(
                Int64(rest.prefix { $0 != "." }) == nil || rest.hasPrefix("-") ? rest : text
            )
        )
    }
}

extension DiffReport {
    /// Prints the differences, one a line.
    func show() throws {
        for difference in differences {
            let what =
                difference.what.isEmpty ? "" : "  (\(difference.what.joined(separator: ", ")))"
            try Output.write(
                Array("\(difference.sign) ".utf8) + Output.name(difference.path)
                    + Array("\(what)\n".utf8)
            )
        }
        if isCut { Output.note("varve: there are more differences than these") }
    }
}
