import ArgumentParser

/// `varve mount-target`.
struct MountTargetCommands: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mount-target",
        abstract: "Give file systems addresses of their own to be mounted at.",
        discussion: """
            Who mounts ADDRESS:/ of a mount target finds one file system, and reaches no other there. All file systems are \
            below the gateway, the address that the setting 'nfs' names.

            EXAMPLES
              varve mount-target create shared --address 10.0.0.5
              varve mount-target list
              varve mount-target delete fsmt-0123456789abcdef0
            """,
        subcommands: [
            CreateMountTargetCommand.self, ListMountTargetsCommand.self,
            DeleteMountTargetCommand.self,
        ]
    )
}
