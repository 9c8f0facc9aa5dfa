import ArgumentParser

/// `varve archive`.
struct ArchiveCommands: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "archive",
        abstract: "Write and read cold archives: .tar.zst.age files that stand alone.",
        discussion: """
            'age -d FILE | zstd -dc | tar -x' opens one on a machine without Varve; Varve lists it and takes one file out of it \
            without reading the rest. Who archives needs recipients' public keys alone, and cannot read what it wrote.

            EXAMPLES
              varve archive keygen --output vault.key
              varve archive export shared:/ shared.tar.zst.age --recipient age1…
              varve archive ls shared.tar.zst.age --identity vault.key
              varve archive extract shared.tar.zst.age docs/plan.txt --identity vault.key --to /tmp/back
              varve archive import ./shared.tar.zst.age --identity vault.key --to-new shared-again
            """,
        subcommands: [
            MakeKeyCommand.self, ExportArchiveCommand.self, ImportArchiveCommand.self,
            ListArchiveCommand.self, ExtractArchiveCommand.self,
        ]
    )
}
