import ArgumentParser
import LocalAPI

/// `varve recovery-point cat`.
struct CatPointCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cat",
        abstract: "Print files of recovery points.",
        discussion: """
            EXAMPLES
              varve recovery-point cat rp-0123…:/notes.txt
            """
    )

    @OptionGroup var global: GlobalOptions
    @OptionGroup var place: PointVaultOption
    @OptionGroup var unlock: IdentityOption

    @Argument(help: ArgumentHelp("The files.", valueName: "RP:/path"), transform: Parse.point)
    var files: [RecoveryPointPath]

    func validate() throws {
        if files.isEmpty { throw ValidationError("Name at least one RP:/path.") }
    }

    func run() async throws {
        for file in files {
            var asked = file
            asked.point.vault = place.vault
            asked.point.fileKey = try await unlock.fileKey(
                of: file.point.id,
                in: place.vault,
                by: global.client
            )
            try await global.client.download(Route.readPoint, asked) { try Output.write($0) }
        }
    }
}
