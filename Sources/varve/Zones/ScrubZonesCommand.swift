import ArgumentParser
import LocalAPI

/// `varve zone scrub`.
struct ScrubZonesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scrub",
        abstract:
            "Read and verify every copy of everything, and heal from a zone that verifies. Exits 2 when something is lost.",
        discussion: """
            What no zone can give is named by file and bytes. A One Zone file system is verified; there is nothing to \
            heal it from.

            EXAMPLES
              varve zone scrub
              varve zone scrub shared --rate 50MiB
              varve --json zone scrub shared
            """
    )

    @OptionGroup var global: GlobalOptions

    @Argument(help: "This file system alone. Default: all.")
    var fileSystem: String?

    @Option(
        help: ArgumentHelp(
            "Bytes that are read a second at most, all zones together, as 50MiB. Default: no bound.",
            valueName: "size"
        ),
        transform: { text in
            let bytes = try SizeText.bytes(text) ?? Parse.size(text)
            guard bytes > 0 else {
                throw APIError(.usage, "'\(text)' is no rate", remedy: "Write bytes, or 50MiB.")
            }
            return bytes
        }
    )
    var rate: UInt64?

    func run() async throws {
        let results = try await global.client.call(
            Route.scrubZones,
            ScrubRequest(fileSystem: fileSystem, bytesPerSecond: rate)
        )
        if global.json { try Output.json(results) } else { try results.forEach(show) }
        if results.contains(where: { $0.lostCount > 0 || $0.error?.isDamage == true }) {
            throw ExitCode(ExitStatus.found.rawValue)
        }
        if results.contains(where: { !$0.isComplete }) {
            throw ExitCode(ExitStatus.failed.rawValue)
        }
    }

    private func show(_ result: ScrubResult) throws {
        for item in result.healed { try Output.line("healed: \(item.message)") }
        let unlisted = result.healedCount - result.healed.count
        if unlisted > 0 { try Output.line("  and \(unlisted) more") }
        for item in result.lost {
            try Output.line("lost: \(item.message)")
            if !item.remedy.isEmpty { try Output.line("  \(item.remedy)") }
        }
        let unnamed = result.lostCount - result.lost.count
        if unnamed > 0 { try Output.line("  and \(unnamed) more") }
        if let error = result.error {
            Output.note("varve: \(result.name): \(error.description)")
        } else if !result.isComplete {
            Output.note("varve: \(result.name): the scrub did not come to its end")
        }
        try Output.line(
            "\(result.fileSystem)  \(result.name)  \(Output.size(result.bytesRead)) read, "
                + "\(result.healedCount) places healed (\(Output.size(result.healedBytes))), \(result.lostCount) lost"
        )
    }
}
