import ArgumentParser
import Glibc
import LocalAPI

/// `varve vault adopt`.
struct AdoptVaultCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "adopt",
        abstract: "Take in a vault of another machine by its recovery kit.",
        discussion: """
            The directory is copied, and stays as it is; one that lies among the daemon's vaults already is used there. Then \
            'varve backup list' shows what it holds. The kit's key is kept in '<key file>.d'.

            A vault in a bucket stays where it is: several machines may use it.

            EXAMPLES
              varve vault adopt /media/disk/main --recovery-kit main.kit
              varve vault adopt /media/disk/main --recovery-kit -
              varve vault adopt s3://backups/home --region eu-central-1 --credentials /etc/varve/s3 --recovery-kit far.kit
            """
    )

    @OptionGroup var global: GlobalOptions

    @Argument(
        help: ArgumentHelp(
            "The vault's directory, on the daemon's machine, or s3://BUCKET/PREFIX.",
            valueName: "place"
        )
    )
    var place: String

    @Option(help: ArgumentHelp("The kit's text; '-' is standard input.", valueName: "file"))
    var recoveryKit: String

    @OptionGroup(title: "Of a bucket") var bucket: BucketOptions

    /// 64 KiB: a kit is 2.
    private static let bytesMax = 64 << 10

    func run() async throws {
        let location = try bucket.location(of: place.hasPrefix("s3://") ? place : nil)
        var directory = location == nil ? try Parse.hostPath(place) : []
        while directory.count > 1, directory.last == UInt8(ascii: "/") { directory.removeLast() }
        let adopted = try await global.client.call(
            Route.adoptVault,
            AdoptVault(directory: EscapedBytes(directory), kit: try kit(), bucket: location)
        )
        if global.json { return try Output.json(adopted) }
        let points = adopted.recoveryPoints ?? 0
        Output.note("vault '\(adopted.name)' is here, with \(points) recovery points")
        if let note = adopted.objectLockNote { Output.note(note) }
    }

    private func kit() throws -> String {
        var descriptor: Int32 = 0
        if recoveryKit != "-" {
            descriptor = open(HostFile.path(ArgumentBytes.bytes(recoveryKit)), O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else { throw HostFile.failure("open '\(recoveryKit)'") }
        }
        defer { if descriptor > 0 { close(descriptor) } }
        let bytes = try SmallFile.bytes(
            of: descriptor,
            named: recoveryKit,
            max: AdoptVaultCommand.bytesMax
        )
        guard let bytes, let text = String(validating: bytes, as: UTF8.self)
        else {
            throw APIError(
                .usage,
                "'\(recoveryKit)' is no recovery kit",
                remedy: "Name the kit's text."
            )
        }
        return text
    }
}
