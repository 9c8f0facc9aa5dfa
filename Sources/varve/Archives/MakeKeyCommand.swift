import ArgumentParser
import Keyring
import LocalAPI

/// `varve archive keygen`.
struct MakeKeyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keygen",
        abstract: "Make an age identity, and print its recipient.",
        discussion: """
            The identity opens what was archived for its recipient; the recipient opens nothing. 'age' takes both. Keep the \
            identity on paper too, and away from the machine that archives: without it nobody reads the archives.

            EXAMPLES
              varve archive keygen
              varve archive keygen --output /media/key/vault.key
            """
    )

    @OptionGroup var global: GlobalOptions

    @Option(
        help: ArgumentHelp(
            "Where the identity goes, for its owner alone. Default: standard output.",
            valueName: "file"
        )
    )
    var output: String?

    private struct Made: Codable {
        let recipient: String
        /// Absent when a file has it.
        let identity: String?
    }

    func run() async throws {
        let identity = AgeIdentity.random()
        let recipient = identity.recipient.description
        let text = "# recipient: \(recipient)\n\(identity.text)\n"
        if let output {
            // On the disk before anything is archived for it.
            try SecretFile.write(text, to: output)
            if global.json { return try Output.json(Made(recipient: recipient, identity: nil)) }
            return try Output.line(recipient)
        }
        if global.json {
            return try Output.json(Made(recipient: recipient, identity: identity.text))
        }
        try Output.write(Array(text.utf8))
    }
}
