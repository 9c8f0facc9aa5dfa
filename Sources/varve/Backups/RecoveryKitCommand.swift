import ArgumentParser
import Glibc
import LocalAPI

/// `varve vault recovery-kit`.
struct RecoveryKitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recovery-kit",
        abstract: "Print what to keep on paper for a vault: its id, its root key, how to restore.",
        discussion: """
            Whoever holds the kit and the vault's directory reads all backups in it. For root and the daemon's own user.

            EXAMPLES
              varve vault recovery-kit main
              varve vault recovery-kit main --output /media/key/main.kit
            """
    )

    @OptionGroup var global: GlobalOptions

    @Argument(help: "The vault.")
    var name: String

    @Option(
        help: ArgumentHelp(
            "Where it goes, for its owner alone. Default: standard output.",
            valueName: "file"
        )
    )
    var output: String?

    private struct Kept: Codable {
        let vault: String
        let rootKey: String
    }

    func run() async throws {
        let kit = try await global.client.call(Route.recoveryKit, VaultName(vault: name))
        guard let output else {
            if global.json { return try Output.json(kit) }
            return try Output.write(Array(kit.text.utf8))
        }
        try SecretFile.write(kit.text, to: output)
        if global.json { try Output.json(Kept(vault: kit.vault, rootKey: kit.rootKey)) }
    }

    /// Prints a kit that is new, where a person reads it; a key does not go into logs and mails unasked.
    static func offer(of vault: String, by client: Client) async throws {
        guard isatty(1) == 1 else {
            return Output.note(
                "keep the recovery kit of '\(vault)' on paper: 'varve vault recovery-kit \(vault)'"
            )
        }
        let kit = try await client.call(Route.recoveryKit, VaultName(vault: vault))
        try Output.write(Array(kit.text.utf8))
    }
}
