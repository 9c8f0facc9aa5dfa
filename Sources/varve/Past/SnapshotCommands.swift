import ArgumentParser

/// `varve snapshot`.
struct SnapshotCommands: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "snapshot",
        abstract: "Pin moments of a file system under names, and compare moments.",
        discussion: """
            EXAMPLES
              varve snapshot create shared before-upgrade
              varve snapshot diff shared before-upgrade
            """,
        subcommands: [
            CreateSnapshotCommand.self, ListSnapshotsCommand.self, DeleteSnapshotCommand.self,
            DiffCommand.self,
        ]
    )
}
