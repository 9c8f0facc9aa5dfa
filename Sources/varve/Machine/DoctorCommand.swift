import ArgumentParser
import LocalAPI

/// `varve doctor`.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract:
            "Read and check everything on disk; say what is wrong and what to do. Exits 2 on damage.",
        discussion: """
            When no daemon runs, 'varved doctor' does the same.

            EXAMPLES
              varve doctor
              varve doctor shared
            """
    )

    @OptionGroup var global: GlobalOptions

    @Argument(help: "This file system alone. Default: everything, vaults too.")
    var fileSystem: String?

    func run() async throws {
        let report = try await global.client.call(
            Route.doctor,
            OptionalFileSystem(fileSystem: fileSystem)
        )
        try report.show(json: global.json)
    }
}
