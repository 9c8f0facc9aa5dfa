import ArgumentParser
import LocalAPI

/// `varve mount-target delete`.
struct DeleteMountTargetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete",
        abstract: "Serve a file system at an address no more.",
        discussion: """
            Its connections are closed, and the locks taken there are let go of; programs that use a mount of it wait until \
            it is unmounted by force. What was acknowledged is kept: the file system stays as it is, and so do its other \
            ways in. Root and the daemon's own user may delete one.

            EXAMPLES
              varve mount-target delete fsmt-0123456789abcdef0
              umount --force --lazy /mnt/shared
            """
    )

    @OptionGroup var global: GlobalOptions

    @Argument(help: "Its id.")
    var mountTarget: String

    func run() async throws {
        let answer = try await global.client.call(
            Route.deleteMountTarget,
            MountTargetName(mountTarget: mountTarget)
        )
        if global.json { try Output.json(answer) }
    }
}
