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
        try Output.table(
            ["NAME", "STATE", "POINTS", "STORED", "CREATED"],
            found.map { vault in
                [
                    vault.name, vault.state, vault.recoveryPoints.map(String.init) ?? "-",
                    vault.storedBytes.map(Output.size) ?? "-", UserTime.local(vault.created),
                ]
            },
            right: [2, 3]
        )
    }
}
