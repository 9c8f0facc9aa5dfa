import ArgumentParser
import LocalAPI

/// `varve vault list`.
struct ListVaultsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List the vaults.",
        discussion: """
            EXAMPLES
              varve vault list
            """
    )

    @OptionGroup var global: GlobalOptions

    func run() async throws {
        let found = try await global.client.call(Route.listVaults, Nothing())
        if global.json { return try Output.json(found) }
        defer {
            for vault in found {
                if let reason = vault.reason { Output.note("varve: \(reason)") }
            }
        }
        try Output.table(
            ["NAME", "STATE", "POINTS", "STORED", "CREATED", "LOCK", "BUCKET"],
            found.map { vault in
                [
                    vault.name, vault.state, vault.recoveryPoints.map(String.init) ?? "-",
                    vault.storedBytes.map(Output.size) ?? "-",
                    vault.created.map(UserTime.local) ?? "-", vault.lock?.words ?? "-",
                    vault.bucket?.address ?? "-",
                ]
            },
            right: [2, 3]
        )
    }
}
