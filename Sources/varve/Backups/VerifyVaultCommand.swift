import ArgumentParser
import LocalAPI

/// `varve vault verify`.
struct VerifyVaultCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Check that every recovery point of a vault can be restored; exits 2 on damage.",
        discussion: """
            Names each damaged file of the vault, and which paths of which recovery points are lost by it.

            EXAMPLES
              varve vault verify main
              varve vault verify main --read-data
              varve vault verify main --sample 5%
              varve vault verify main --read-data --repair
              varve vault verify main --read-data --repair --from copies --from-live
            """
    )

    @OptionGroup var global: GlobalOptions

    @Argument(help: "The vault.")
    var name: String

    @Flag(help: "Open every chunk too, not only the maps that lead to them.")
    var readData = false

    @Option(help: "Open every chunk of this part of the packs, as 5%, drawn at random.")
    var sample: Percentage?

    @Option(help: "Draw the sample that this number drew before.")
    var seed: UInt64?

    @Flag(
        help:
            "Heal what is found: by parity if the vault keeps it, index and parity from whole packs."
    )
    var repair = false

    @Option(
        help: ArgumentHelp(
            "With --repair: lost content comes back from points of the same file systems in this vault; may be repeated.",
            valueName: "vault"
        )
    )
    var from: [String] = []

    @Flag(
        help:
            "With --repair: lost content comes back from the file systems here, and from their past."
    )
    var fromLive = false

    func validate() throws {
        if readData, sample != nil {
            throw ValidationError("--read-data opens all, --sample a part: give one.")
        }
        if seed != nil, sample == nil {
            throw ValidationError("--seed draws a sample: give --sample too.")
        }
        if !repair, fromLive || !from.isEmpty {
            throw ValidationError(
                "--from and --from-live say where a repair gets bytes: give --repair too."
            )
        }
    }

    func run() async throws {
        let report = try await global.client.call(
            Route.verifyVault,
            VerifyVault(
                vault: name,
                readsData: readData,
                sample: sample?.fraction,
                seed: seed,
                repairs: repair,
                from: from,
                isFromLive: fromLive
            )
        )
        try report.show(json: global.json)
    }
}

/// A part of a whole, as `5%` or `0.5%`.
struct Percentage: ExpressibleByArgument {
    let fraction: Double

    init?(argument: String) {
        let digits = argument.hasSuffix("%") ? String(argument.dropLast()) : argument
        guard let percent = Double(digits), percent > 0, percent <= 100 else { return nil }
        fraction = percent / 100
    }
}

extension VaultReport {
    /// Prints what was found; exits 2 when something is wrong.
    func show(json: Bool) throws {
        let isDamaged = found.contains { $0.kind != "warning" } || !lost.isEmpty
        guard !json else {
            try Output.json(self)
            if isDamaged { throw ExitCode(ExitStatus.found.rawValue) }
            return
        }
        for line in healed { try Output.line("healed: \(line)") }
        for point in lost {
            let name = EscapedBytes(point.fileSystemName.utf8).text
            try Output.line(
                "lost: \(point.point) of \(name) at \(UserTime.local(point.instant)): \(point.countText) parts"
            )
            for part in point.parts { try Output.line("  \(part.text)") }
            let rest = point.partCount - UInt64(point.parts.count)
            if rest > 0 { try Output.line("  and \(rest) more") }
            guard !point.isComplete else { continue }
            try Output.line("  and maybe others: more is lost than a verify names key by key")
        }
        try CheckReport(checked: checked, found: found).show(json: false)
        if isDamaged { throw ExitCode(ExitStatus.found.rawValue) }
    }
}

extension CheckReport {
    /// Prints what was found; exits 2 when something is wrong.
    func show(json: Bool) throws {
        if json {
            try Output.json(self)
        } else {
            for line in checked { try Output.line("checked \(line)") }
            for item in found {
                try Output.line("\(item.kind): \(item.subject): \(item.message)")
                if !item.remedy.isEmpty { try Output.line("  \(item.remedy)") }
            }
            if found.isEmpty { try Output.line("nothing is wrong") }
        }
        if found.contains(where: { $0.kind != "warning" }) {
            throw ExitCode(ExitStatus.found.rawValue)
        }
    }
}
