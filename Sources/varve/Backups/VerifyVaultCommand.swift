import ArgumentParser
import LocalAPI

/// `varve vault verify`.
struct VerifyVaultCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Check that every recovery point of a vault can be restored; exits 2 on damage.",
        discussion: """
            EXAMPLES
              varve vault verify main
              varve vault verify main --read-data
            """
    )

    @OptionGroup var global: GlobalOptions

    @Argument(help: "The vault.")
    var name: String

    @Flag(help: "Open every chunk too, not only the maps that lead to them.")
    var readData = false

    func run() async throws {
        let report = try await global.client.call(
            Route.verifyVault,
            VerifyVault(vault: name, readsData: readData)
        )
        try report.show(json: global.json)
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
