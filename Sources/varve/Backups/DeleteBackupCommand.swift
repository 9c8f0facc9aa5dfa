import ArgumentParser
import LocalAPI

/// `varve backup delete`.
struct DeleteBackupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete",
        abstract: "Delete recovery points, unless they are held, and give their space back.",
        discussion: """
            Other recovery points restore as before. Space is looked for once, however many go.

            EXAMPLES
              varve backup delete rp-0123456789abcdef0123456789abcdef --vault main
            """
    )

    @OptionGroup var global: GlobalOptions

    @Argument(help: "Their ids.")
    var recoveryPoints: [String]

    @Option(help: "The vault that has them.")
    var vault: String

    func run() async throws {
        guard recoveryPoints.count > 1 else {
            let answer = try await global.client.call(
                Route.deleteBackup,
                RecoveryPointName(vault: vault, id: recoveryPoints[0])
            )
            if global.json { try Output.json(answer) }
            return
        }
        let report = try await global.client.call(
            Route.deleteBackups,
            RecoveryPointNames(vault: vault, ids: recoveryPoints)
        )
        if global.json { try Output.json(report) }
        for error in report.errors { Output.complain(error) }
        guard !report.errors.isEmpty else { return }
        let isDamage = report.errors.contains { $0.isDamage }
        throw ExitCode((isDamage ? ExitStatus.found : ExitStatus.failed).rawValue)
    }
}
