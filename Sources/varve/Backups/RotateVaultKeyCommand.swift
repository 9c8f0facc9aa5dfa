import ArgumentParser
import LocalAPI

/// `varve vault rotate-key`.
struct RotateVaultKeyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rotate-key",
        abstract: "Give a vault a new root key of its own.",
        discussion: """
            From then on the old key does not open it. The new one is kept beside the daemon's own, in '<key file>.d'. On a \
            terminal the new recovery kit is printed: the old paper is of no use any more. Who had the old key and a copy of \
            the vault's directory still reads that copy.

            EXAMPLES
              varve vault rotate-key main
            """
    )

    @OptionGroup var global: GlobalOptions

    @Argument(help: "The vault.")
    var name: String

    func run() async throws {
        let done = try await global.client.call(Route.rotateVaultKey, VaultName(vault: name))
        if global.json { return try Output.json(done) }
        Output.note("vault '\(name)' is opened by \(done.to), and no more by \(done.from)")
        try await RecoveryKitCommand.offer(of: name, by: global.client)
    }
}
