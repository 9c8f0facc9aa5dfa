import ArgumentParser
import LocalAPI

/// `varve restore`.
struct RestoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore",
        abstract: "Bring a file or a tree back from a past moment or a recovery point.",
        discussion: """
            --in-place turns the path back where it stands; what it replaces stays in the past, so it can be undone. \
            --to copies it elsewhere, --to-new into a file system made for it. --in-place --dry-run lists what would come \
            back (+), go (-) and change (M), and touches nothing.

            EXAMPLES
              varve restore shared:/plan.txt --at '2026-11-23 14:03:22' --in-place
              varve restore shared:/projects --at -3h --in-place --dry-run
              varve restore shared:/projects --snapshot monday --to shared:/projects-monday
              varve restore shared:/ --recovery-point rp-0123… --to-new shared-restored
              varve restore shared:/ --recovery-point rp-0123… --to /mnt/restored
            """
    )

    @OptionGroup var global: GlobalOptions
    @OptionGroup var past: MomentOptions

    @Option(help: ArgumentHelp("The recovery point to restore from.", valueName: "id"))
    var recoveryPoint: String?

    @Option(help: "The vault that holds it. Default: whichever does.")
    var vault: String?

    @Option(
        help: ArgumentHelp(
            "Where to: FS:/path, or a host directory (beginning with / or .).",
            valueName: "place"
        )
    )
    var to: String?

    @Option(help: ArgumentHelp("Into a new file system of this Name.", valueName: "name"))
    var toNew: String?

    @Flag(help: "Where it stands.")
    var inPlace = false

    @Flag(help: "With --in-place: only say what would change.")
    var dryRun = false

    @Argument(
        help: ArgumentHelp(
            "What to restore; of a recovery point, FS is its source.",
            valueName: "FS:/path"
        ),
        transform: Parse.file
    )
    var file: FileReference

    func validate() throws {
        if [past.at != nil, past.snapshot != nil, recoveryPoint != nil].count(where: { $0 }) != 1 {
            throw ValidationError("Give one of --at, --snapshot and --recovery-point.")
        }
        if [to != nil, toNew != nil, inPlace].count(where: { $0 }) != 1 {
            throw ValidationError("Give one of --to, --to-new and --in-place.")
        }
        if dryRun, !inPlace {
            throw ValidationError("--dry-run is for --in-place: elsewhere nothing is replaced.")
        }
        if vault != nil, recoveryPoint == nil {
            throw ValidationError("--vault is for --recovery-point.")
        }
        if inPlace, recoveryPoint != nil {
            throw ValidationError(
                "--in-place is for --at and --snapshot; restore a recovery point --to a place."
            )
        }
    }

    func run() async throws {
        var moment = past.moment
        moment.recoveryPoint = recoveryPoint
        moment.vault = vault
        var target = RestoreRequest.Target(newFileSystem: toNew, isInPlace: inPlace)
        if let to {
            let bytes = ArgumentBytes.bytes(to)
            if FileReference.isReference(bytes) {
                target.file = try FileReference(argument: bytes)
            } else {
                target.hostPath = EscapedBytes(try Parse.hostPath(to))
            }
        }
        let report = try await restore(
            RestoreRequest(file: file, moment: moment, target: target, isPlan: dryRun)
        )
        if global.json { try Output.json(report) } else { try show(report) }
        try Output.end(left: report.left, of: report.leftCount)
    }

    private func show(_ report: RestoreReport) throws {
        if let plan = report.plan {
            try plan.show()
            return Output.note("\(plan.differences.count) differences; nothing was changed")
        }
        if toNew != nil, let made = report.fileSystem { try Output.line(made) }
        let from = report.vault.map { " from vault '\($0)'" } ?? ""
        Output.note("\(report.files) files, \(Output.size(report.bytes))\(from)")
        if let undo = report.undo {
            Output.note(
                "to undo: varve restore '\(file.description)' --snapshot \(undo) --in-place"
            )
        }
    }

    private func restore(_ request: RestoreRequest) async throws -> RestoreReport {
        do {
            return try await global.client.call(Route.restore, request)
        } catch let error as APIError where error.code == .hostPathRefused {
            guard let path = request.target.hostPath else { throw error }
            let report = try await TarProcess.export(
                global.client,
                TreeStream(file: request.file, moment: request.moment),
                to: path.bytes
            )
            return RestoreReport(
                files: report.files,
                bytes: report.bytes,
                left: report.left,
                leftCount: report.leftCount
            )
        }
    }
}
