import ArgumentParser
import LocalAPI

/// `varve recovery-point copy`.
struct CopyPointsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "copy",
        abstract: "Copy recovery points from one vault to another.",
        discussion: """
            A copy restores alone, with the other vault's keys; it has the instant and the age of its original, and \
            stays as long as it is told to, whatever becomes of that. A point that the other vault has is passed by: \
            the command may be repeated. After the first copy of a source only what changed is read, as long as \
            the point that was copied last is still in both vaults. Holds are not copied.

            A point that has lost something is refused, and what it lost is named.

            Exit codes: 2 when damage was met, 3 when only some points were copied.

            EXAMPLES
              varve recovery-point copy rp-0123… --from main --to second
              varve recovery-point copy --from main --to second --newest
              varve recovery-point copy --from main --to second --source shared --all --delete-after-days 365
              varve recovery-point copy --from main --to second --all --dry-run
            """
    )

    @OptionGroup var global: GlobalOptions

    @Argument(help: ArgumentHelp("The recovery points.", valueName: "RP"))
    var recoveryPoints: [String] = []

    @Option(help: ArgumentHelp("The vault that has them.", valueName: "vault"))
    var from: String

    @Option(help: ArgumentHelp("The vault that gets them.", valueName: "vault"))
    var to: String

    @Option(
        help: ArgumentHelp("Of this file system alone, also of one that is gone.", valueName: "FS")
    )
    var source: String?

    @Flag(help: "The newest point of each source.")
    var newest = false

    @Flag(help: "All points, the oldest first.")
    var all = false

    @Option(
        help: ArgumentHelp(
            "Expire copies so many days after their originals were made. Default: never.",
            valueName: "days"
        )
    )
    var deleteAfterDays: Int64?

    @Flag(help: "Only say what would be copied, and how much would be read at most.")
    var dryRun = false

    func validate() throws {
        guard [!recoveryPoints.isEmpty, newest, all].count(where: { $0 }) == 1 else {
            throw ValidationError(
                "Name recovery points, or give --newest or --all: one of the three."
            )
        }
        if source != nil, !recoveryPoints.isEmpty {
            throw ValidationError("--source goes with --newest and --all.")
        }
        if let deleteAfterDays, deleteAfterDays < 1 {
            throw ValidationError("--delete-after-days: at least 1.")
        }
    }

    func run() async throws {
        let report = try await global.client.call(
            Route.copyPoints,
            CopyPoints(
                from: from,
                to: to,
                ids: recoveryPoints,
                which: newest ? .newest : all ? .all : nil,
                source: source,
                deleteAfterDays: deleteAfterDays,
                isPlan: dryRun
            )
        )
        if global.json { try Output.json(report) } else { try show(report) }
        try end(report)
    }

    private func show(_ report: CopyReport) throws {
        try Output.table(
            ["", "ID", "SOURCE", "INSTANT", "KIND", "READ", "STORED", "COPY"],
            report.copies.map { copy in
                let isWork = copy.outcome == .copied || copy.outcome == .planned
                return [
                    CopyPointsCommand.sign(copy.outcome), copy.point.id, copy.point.fileSystemName,
                    UserTime.local(copy.point.instant),
                    isWork ? (copy.base == nil ? "full" : "increment") : "",
                    isWork ? Output.size(copy.readBytes) : "",
                    copy.outcome == .copied ? Output.size(copy.storedBytes) : "", copy.copy ?? "",
                ]
            },
            right: [5, 6]
        )
        func count(_ outcome: PointCopy.Outcome) -> Int {
            report.copies.count { $0.outcome == outcome }
        }
        let refused = count(.refused) > 0 ? ", \(count(.refused)) refused" : ""
        Output.note(
            report.isPlan
                ? "\(count(.planned)) would be copied, \(count(.there)) there already\(refused); nothing was copied"
                : "\(count(.copied)) copied, \(count(.there)) there already\(refused)"
        )
    }

    /// `+` for what was or would be copied, `=` for what is there, `!` for what is refused.
    private static func sign(_ outcome: PointCopy.Outcome) -> String {
        switch outcome {
        case .copied, .planned: "+"
        case .there: "="
        case .refused: "!"
        }
    }

    private func end(_ report: CopyReport) throws {
        let errors = report.copies.compactMap(\.error)
        for error in errors { Output.complain(error) }
        guard errors.isEmpty else {
            let isDamage =
                errors.contains(where: \.isDamage) || report.unreadable.contains(where: \.isDamage)
            let isPartly = errors.count < report.copies.count
            let status: ExitStatus = isDamage ? .found : isPartly ? .partly : .failed
            throw ExitCode(status.rawValue)
        }
        try Output.end(left: report.unreadable, of: UInt64(report.unreadable.count), "not copied")
    }
}
