import ArgumentParser

/// `varve snapshot`.
struct SnapshotCommands: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "snapshot",
        abstract: "Pin moments of a file system under names, and compare moments.",
        subcommands: [
            CreateSnapshotCommand.self, ListSnapshotsCommand.self, DeleteSnapshotCommand.self,
            DiffCommand.self,
        ]
    )
}
