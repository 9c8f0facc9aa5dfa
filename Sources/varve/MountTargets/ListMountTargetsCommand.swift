import ArgumentParser
import LocalAPI

/// `varve mount-target list`.
struct ListMountTargetsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List the mount targets, of all file systems or of one.",
        discussion: """
            One in 'error' serves nobody: standard error says why. It is tried again every ten seconds.

            EXAMPLES
              varve mount-target list
              varve --json mount-target list shared
            """
    )

    @OptionGroup var global: GlobalOptions

    @Argument(help: "A file system's id or Name.")
    var fileSystem: String?

    func run() async throws {
        let found = try await global.client.call(
            Route.listMountTargets,
            OptionalFileSystem(fileSystem: fileSystem)
        )
        if global.json { return try Output.json(found) }
        defer {
            for item in found {
                if let reason = item.reason { Output.note("varve: \(item.id): \(reason)") }
            }
        }
        try Output.table(
            ["ID", "FILE SYSTEM", "NAME", "ADDRESS", "PORT", "STATE", "CREATED"],
            found.map { item in
                [
                    item.id, item.fileSystem, item.fileSystemName, item.address,
                    String(item.port), item.state, UserTime.local(item.created),
                ]
            },
            right: [4]
        )
    }
}
