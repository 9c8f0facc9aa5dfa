import ArgumentParser
import LocalAPI

/// `varve vault cold`.
struct ColdStorageCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cold",
        abstract: "Say who may open the cold archives of a vault, and where they go; or show it.",
        discussion: """
            Recovery points move to cold storage by a retention's MoveToColdStorageAfterDays, each as an archive that stands \
            alone. By default the vault's own key opens them, and restores need nothing else. With --recipient alone this machine \
            cannot read what it moves from then on: a restore then needs --identity. Archives that are there stay as they are.

            EXAMPLES
              varve vault cold main
              varve vault cold main --recipient age1…
              varve vault cold main --recipient age1… --vault-key
              varve vault cold main --cold-directory /mnt/tapes
            """
    )

    @OptionGroup var global: GlobalOptions

    @Option(
        help: ArgumentHelp(
            "Whose identity opens archives from now on; may be repeated.",
            valueName: "age1…"
        )
    )
    var recipient: [String] = []

    @Option(
        help: ArgumentHelp("A file of recipients, one a line; may be repeated.", valueName: "file")
    )
    var recipientsFile: [String] = []

    @Flag(help: "The vault's own key opens them, beside the recipients or alone.")
    var vaultKey = false

    @Option(
        help: ArgumentHelp(
            "Where archives go from now on, on the daemon's machine; the vault gets a folder of its own in it.",
            valueName: "dir"
        ),
        transform: Parse.hostPath
    )
    var coldDirectory: [UInt8]?

    @Flag(help: "Archives go into the vault's own directory.")
    var inVault = false

    @Argument(help: "The vault.")
    var name: String

    func validate() throws {
        if inVault, coldDirectory != nil {
            throw ValidationError(
                "--cold-directory and --in-vault say where archives go: give one."
            )
        }
    }

    func run() async throws {
        let shown = try await global.client.call(Route.setColdStorage, try request())
        if global.json { return try Output.json(shown) }
        var rows: [(String, String)] = [
            ("vault", shown.vault),
            ("opens with", shown.usesVaultKey ? "the vault's own key" : "its recipients alone"),
        ]
        for recipient in shown.recipients { rows.append(("recipient", recipient)) }
        let place = shown.directory.isEmpty ? "the vault's own" : shown.directory
        rows.append(("directory", place))
        for former in shown.formerDirectories {
            rows.append(("former", former.isEmpty ? "the vault's own" : former))
        }
        rows.append(("cold points", "\(shown.recoveryPoints)"))
        rows.append(("archives", Output.size(shown.archiveBytes)))
        for (label, value) in rows {
            let padding = String(repeating: " ", count: 13 - label.count)
            try Output.line(label + padding + EscapedBytes(value.utf8).text)
        }
    }

    private func request() throws -> SetColdStorage {
        var request = SetColdStorage(vault: name)
        var recipients = recipient
        for path in recipientsFile { recipients += try SmallFile.lines(path) }
        if !recipients.isEmpty || vaultKey {
            request.usesVaultKey = vaultKey
            request.recipients = recipients
        } else if !recipientsFile.isEmpty {
            throw APIError(.usage, "the recipients' files name nobody")
        }
        if inVault { request.directory = "" }
        if let coldDirectory {
            var directory = coldDirectory
            while directory.count > 1, directory.last == UInt8(ascii: "/") {
                directory.removeLast()
            }
            guard let text = String(validating: directory, as: UTF8.self) else {
                throw APIError(.unsupported, "the directory's path is not UTF-8")
            }
            request.directory = text
        }
        return request
    }
}

/// `varve vault cold-identity`.
struct ColdIdentityCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cold-identity",
        abstract: "Print the age identity of a vault's own key, which opens its cold archives.",
        discussion: """
            With it 'age -d -i FILE ARCHIVE | zstd -dc | tar -x' opens them without Varve. Whoever has it reads all of them. For root \
            and the daemon's own user.

            EXAMPLES
              varve vault cold-identity main --output /media/key/main-cold.key
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

    private struct Written: Codable {
        let vault: String
        let recipient: String
    }

    func run() async throws {
        let found = try await global.client.call(Route.coldIdentity, VaultName(vault: name))
        let text =
            "# cold archives of vault \(found.vault): \(found.recipient)\n\(found.identity)\n"
        guard let output else {
            if global.json { return try Output.json(found) }
            return try Output.write(Array(text.utf8))
        }
        try SecretFile.write(text, to: output)
        if global.json {
            try Output.json(Written(vault: found.vault, recipient: found.recipient))
        }
    }
}
