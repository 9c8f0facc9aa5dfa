import ArgumentParser
import LocalAPI

/// `varve restore`.
struct RestoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore",
        abstract: "Bring a file or a tree back from a past moment or a recovery point.",
        discussion: """
            --in-place turns the path back where it stands; what it replaces stays in the past, so it can be undone. \
            --to copies it elsewhere, --to-new into a file system made for it, --to-existing into a directory of its own \
            (aws-backup-restore_TIME) below the root of one that is there. --dry-run lists what would come (+), go (-), be \
            replaced (M) and stay though it was not there then (=), and touches nothing.

            --include and --items-from restore parts: patterns as of 'recovery-point find', and paths, both counted from \
            the path that is restored; directories with all beneath them. A time that the history has left behind comes \
            from the nearest recovery point before it, and the command says so. A point in cold storage is restored as any other; \
            one that the vault's own key does not open needs --identity.

            EXAMPLES
              varve restore shared:/plan.txt --at '2026-11-23 14:03:22' --in-place
              varve restore shared:/projects --at -3h --in-place --dry-run
              varve restore shared:/projects --snapshot monday --to shared:/projects-monday
              varve restore shared:/ --recovery-point rp-0123… --to-new shared-restored
              varve restore shared:/ --recovery-point rp-0123… --to /mnt/restored
              varve restore shared:/ --at 2026-01-31 --to-existing shared --include '*.odt' --include /home/ann
            """
    )

    @OptionGroup var global: GlobalOptions
    @OptionGroup var past: MomentOptions
    @OptionGroup var unlock: IdentityOption

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

    @Option(
        help: ArgumentHelp(
            "Into a new directory below the root of this file system.",
            valueName: "fs"
        )
    )
    var toExisting: String?

    @Flag(help: "Where it stands.")
    var inPlace = false

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Only what fits this pattern; may be repeated.", valueName: "glob")
    )
    var include: [String] = []

    @Option(
        help: ArgumentHelp(
            "Only the paths in this file, one a line; - is standard input.",
            valueName: "file"
        )
    )
    var itemsFrom: String?

    @Flag(name: .customShort("0"), help: "The paths of --items-from end in NUL, not in newlines.")
    var endInNUL = false

    @Flag(help: "Only say what would change.")
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
        let targets = [to != nil, toNew != nil, toExisting != nil, inPlace]
        if targets.count(where: { $0 }) != 1 {
            throw ValidationError("Give one of --to, --to-new, --to-existing and --in-place.")
        }
        if vault != nil, past.snapshot != nil {
            throw ValidationError("--vault is for --recovery-point and --at.")
        }
        if !unlock.identity.isEmpty, recoveryPoint == nil {
            throw ValidationError("--identity is for --recovery-point.")
        }
        if endInNUL, itemsFrom == nil { throw ValidationError("-0 is for --items-from.") }
    }

    func run() async throws {
        var moment = past.moment
        moment.recoveryPoint = recoveryPoint
        moment.vault = vault
        if let recoveryPoint {
            moment.fileKey = try await unlock.fileKey(
                of: recoveryPoint,
                in: vault,
                by: global.client
            )
        }
        var target = RestoreRequest.Target(
            newFileSystem: toNew,
            existingFileSystem: toExisting,
            isInPlace: inPlace
        )
        if let to {
            let bytes = ArgumentBytes.bytes(to)
            if FileReference.isReference(bytes) {
                target.file = try FileReference(argument: bytes)
            } else {
                target.hostPath = EscapedBytes(try Parse.hostPath(to))
            }
        }
        let report = try await restore(
            RestoreRequest(
                file: file,
                moment: moment,
                target: target,
                parts: try parts(),
                isPlan: dryRun
            )
        )
        if global.json { try Output.json(report) } else { try show(report) }
        try Output.end(left: report.left, of: report.leftCount)
    }

    private func show(_ report: RestoreReport) throws {
        if let reason = report.origin?.reason { Output.note("varve: \(reason)") }
        if let plan = report.plan {
            try plan.show()
            return Output.note(
                "\(plan.differences.count) differences\(from(report)); nothing was changed"
            )
        }
        if toNew != nil, let made = report.fileSystem { try Output.line(made) }
        if let directory = report.directory {
            try Output.write(Output.name(directory) + [UInt8(ascii: "\n")])
        }
        Output.note("\(report.files) files, \(Output.size(report.bytes))\(from(report))")
        if let undo = report.undo {
            Output.note(
                "to undo: varve restore '\(file.description)' --snapshot \(undo) --in-place"
            )
        }
    }

    /// What it came from, in words.
    private func from(_ report: RestoreReport) -> String {
        guard let origin = report.origin else { return "" }
        let instant = UserTime.local(origin.instant)
        switch (origin.name, origin.vault) {
        case (let id?, let vault?):
            return " from recovery point \(id) of \(instant) in vault '\(vault)'"
        case (let name?, nil): return " from snapshot '\(name)' of \(instant)"
        default: return " from the history, as of \(instant)"
        }
    }

    /// What of it is meant; `nil` for all.
    private func parts() throws -> RestoreParts? {
        guard !include.isEmpty || itemsFrom != nil else { return nil }
        return RestoreParts(
            patterns: include.map { EscapedBytes(ArgumentBytes.bytes($0)) },
            items: try itemsFrom.map { try ItemList.read($0, endInNUL: endInNUL) } ?? []
        )
    }

    private func restore(_ request: RestoreRequest) async throws -> RestoreReport {
        do {
            return try await global.client.call(Route.restore, request)
        } catch let error as APIError where error.code == .hostPathRefused {
            guard let path = request.target.hostPath, request.parts == nil, !request.isPlan else {
                throw error
            }
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
