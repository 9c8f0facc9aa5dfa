import ArgumentParser
import LocalAPI

/// `varve zone repair`.
struct RepairZoneCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "repair",
        abstract:
            "Look now whether a zone is back, and make its copies equal. Exits 1 when one stays out.",
        discussion: """
            The daemon does so by itself every ten seconds, but never fills a directory that is empty: it may be the \
            mount point of a disk that is not mounted. After a disk was replaced, --accept-empty says that what it held \
            is lost.

            EXAMPLES
              varve zone repair local-c
              varve zone repair local-c --dry-run
              varve zone repair local-c --accept-empty
              varve zone repair local-c --fs shared
            """
    )

    @OptionGroup var global: GlobalOptions

    @Argument(help: "The zone.")
    var zone: String

    @Option(name: .customLong("fs"), help: ArgumentHelp("This file system alone.", valueName: "fs"))
    var fileSystem: String?

    @Flag(
        help:
            "What the zone held is lost: fill it anew. Of a deleted file system: do not wait for the key there."
    )
    var acceptEmpty = false

    @Flag(help: "Say how the zone stands, and touch nothing.")
    var dryRun = false

    func run() async throws {
        let report = try await global.client.call(
            Route.repairZone,
            RepairZone(
                zone: zone,
                fileSystem: fileSystem,
                acceptsEmpty: acceptEmpty,
                isDryRun: dryRun
            )
        )
        if global.json { try Output.json(report) } else { try show(report) }
        guard !dryRun else { return }
        if report.repairs.contains(where: { $0.standing.state != .inSync }) {
            throw ExitCode(ExitStatus.failed.rawValue)
        }
    }

    private func show(_ report: ZoneRepairReport) throws {
        if report.repairs.isEmpty {
            try Output.line("no file system has a copy in \(report.zone)")
        }
        for repair in report.repairs {
            var line = "\(repair.fileSystem)  \(repair.name)  \(repair.standing.words)"
            if repair.copiedBytes > 0 { line += "; \(Output.size(repair.copiedBytes)) copied" }
            try Output.line(line)
            if let remedy = repair.remedy { Output.note("varve: \(repair.name): \(remedy)") }
        }
    }
}
