import ArgumentParser
import LocalAPI

/// `varve backup expire`.
struct ExpireBackupsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "expire",
        abstract:
            "Delete the recovery points whose time has come, and move those due for it to cold storage; or say which they are.",
        discussion: """
            By each point's own time, as the daemon does every hour; with --retention as an 'expire' job of that retention \
            would, for all points of the vault. The newest of a source and what is held stay; what moves to cold storage (>) \
            restores as before.

            EXAMPLES
              varve backup expire --vault main --dry-run
              varve backup expire --vault main --retention keep-35-days --dry-run
            """
    )

    @OptionGroup var global: GlobalOptions

    @Option(help: "The vault.")
    var vault: String

    @Option(help: ArgumentHelp("The retention to judge by.", valueName: "name"))
    var retention: String?

    @Flag(help: "Only say what would go, and why the rest stays.")
    var dryRun = false

    func run() async throws {
        let report = try await global.client.call(
            Route.expireBackups,
            ExpireBackups(vault: vault, retention: retention, isPlan: dryRun)
        )
        if global.json { return try Output.json(report) }
        let shown =
            dryRun
            ? report.judgements
            : report.judgements.filter { $0.keptBecause == nil || $0.movesToCold }
        try Output.table(
            ["", "ID", "SOURCE", "INSTANT", "BYTES", "WHY IT STAYS"],
            shown.map { judgement in
                [
                    judgement.keptBecause == nil ? "-" : judgement.movesToCold ? ">" : "=",
                    judgement.point.id, judgement.point.fileSystemName,
                    UserTime.local(judgement.point.instant), Output.size(judgement.point.bytes),
                    judgement.keptBecause ?? "",
                ]
            }
        )
        let gone = report.judgements.count { $0.keptBecause == nil }
        let stays = report.judgements.count - gone
        let moving = report.judgements.filter(\.movesToCold)
        let bytes = moving.reduce(0) { $0 + $1.point.bytes }
        if dryRun, !moving.isEmpty {
            Output.note(
                "\(moving.count) of those that stay would move to cold storage (>): \(Output.size(bytes)) before compression"
            )
        } else if !moving.isEmpty {
            Output.note(
                "\(moving.count) moved to cold storage: archives of \(Output.size(report.archivedBytes))"
            )
        }
        Output.note(
            dryRun
                ? "\(gone) would expire, \(stays) would stay; nothing was deleted"
                : "\(gone) expired, \(stays) stay, \(Output.size(report.freedBytes)) freed"
        )
        let left = report.unreadable + report.staysWarm
        let verdict = report.staysWarm.isEmpty ? "not read" : "due for cold storage, and warm still"
        try Output.end(left: left, of: UInt64(left.count), verdict)
    }
}
