import ArgumentParser
import LocalAPI

/// `varve vault lock`.
struct LockVaultCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lock",
        abstract: "Keep every recovery point of a vault for a time, whoever asks to delete it.",
        discussion: """
            A point then goes when it has been kept for the minimum and its own expiry has come; one without an expiry stays \
            as long as the lock. Backups that ask for less than the minimum, or more than the maximum, are refused. With \
            --changeable-for it is a compliance lock: when that time is over nobody lifts or weakens it, whatever happens. \
            Without, 'varve vault unlock' lifts it.

            EXAMPLES
              varve vault lock main --min-retention 7d --dry-run
              varve vault lock main --min-retention 30d --max-retention 10y --changeable-for 3d
            """
    )

    @OptionGroup var global: GlobalOptions

    @Argument(help: "The vault.")
    var name: String

    @Option(
        help: ArgumentHelp("Keep each point so long: 7d, 4w, 10y (of 365 days).", valueName: "days")
    )
    var minRetention: RetentionDays

    @Option(help: ArgumentHelp("Refuse backups that are to be kept longer.", valueName: "days"))
    var maxRetention: RetentionDays?

    @Option(
        help: ArgumentHelp("After this time, 3d at least, the lock is final.", valueName: "days")
    )
    var changeableFor: RetentionDays?

    @Flag(
        name: .customLong("final"),
        help: "Make a lock that is final stronger: at once, and for good."
    )
    var strengthensFinal = false

    @Flag(help: "Only say what it would keep.")
    var dryRun = false

    func run() async throws {
        let report = try await global.client.call(
            Route.lockVault,
            LockVault(
                vault: name,
                minRetentionDays: minRetention.days,
                maxRetentionDays: maxRetention?.days,
                changeableForDays: changeableFor?.days,
                strengthensFinal: strengthensFinal,
                isPlan: dryRun
            )
        )
        if global.json { return try Output.json(report) }
        try Output.line(report.lock.words)
        var text =
            dryRun
            ? "it would keep \(report.kept) recovery points"
            : "it keeps \(report.kept) recovery points"
        if report.keptForEver > 0 {
            text +=
                ", \(report.keptForEver) of them without an expiry: these as long as the lock is there"
        }
        Output.note(text)
    }
}

/// A number of days: `7d`, `4w` or `10y`.
struct RetentionDays: ExpressibleByArgument {
    let days: Int64

    init?(argument: String) {
        let units: [Character: Int64] = ["d": 1, "w": 7, "y": 365]
        guard let last = argument.last, let unit = units[last],
            let count = Int64(argument.dropLast()), count >= 0,
            case let (days, isBeyond) = count.multipliedReportingOverflow(by: unit), !isBeyond
        else { return nil }
        self.days = days
    }
}
