import ArgumentParser
import LocalAPI

/// `varve vault create`.
struct CreateVaultCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create",
        abstract: "Make a vault.",
        discussion: """
            Its directory and the root key are all that a restore on another machine needs. On a terminal the recovery \
            kit is printed, with the key: keep it on paper.

            With --s3 the vault lies in a bucket that exists already. Everything in it is sealed before it leaves the machine.

            EXAMPLES
              varve vault create main
              varve vault create main --parity 5%
              varve vault create far --s3 s3://backups/home --region eu-central-1 --credentials /etc/varve/s3
              varve vault create near --s3 s3://backups/home --endpoint https://minio.lan:9000
            """
    )

    @OptionGroup var global: GlobalOptions

    @Argument(help: "Its name: letters, digits, '-' and '_', 2 to 50.")
    var name: String

    @Option(
        help:
            "Keep so much parity beside the backups, as 5%, by which damage to the vault's files is healed."
    )
    var parity: Percentage?

    @Option(
        help: ArgumentHelp(
            "Make it there, in an S3 bucket; nothing else stands beneath the prefix.",
            valueName: "s3://bucket/prefix"
        )
    )
    var s3: String?

    @OptionGroup(title: "Of a bucket") var bucket: BucketOptions

    func run() async throws {
        let made = try await global.client.call(
            Route.createVault,
            CreateVault(
                vault: name,
                parity: parity?.fraction,
                bucket: try bucket.location(of: s3)
            )
        )
        if global.json { return try Output.json(made) }
        if let note = made.objectLockNote { Output.note(note) }
        try await RecoveryKitCommand.offer(of: name, by: global.client)
    }
}
