import ArgumentParser
import LocalAPI

/// `varve mount-target create`.
struct CreateMountTargetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create",
        abstract: "Serve a file system at an address of its own, and print the mount target's id.",
        discussion: """
            The address must be one of this machine's, and no other mount target's with the same port. It serves when \
            the command ends, and again after each start of the daemon; while the address is away, 'list' says so, \
            and it serves once the address is back. Root and the daemon's own user may make one.

            EXAMPLES
              varve mount-target create shared --address 10.0.0.5
              varve mount-target create media --address fd00::5 --port 20490
              mount -t nfs4 -o vers=4.1 10.0.0.5:/ /mnt/shared
            """
    )

    @OptionGroup var global: GlobalOptions

    @Argument(help: "The file system's id or Name.")
    var fileSystem: String

    @Option(
        help: ArgumentHelp("An IPv4 or IPv6 address of this machine.", valueName: "address")
    )
    var address: String

    @Option(help: "The TCP port; clients name another than 2049 with the option 'port'.")
    var port: UInt16 = 2_049

    func run() async throws {
        let made = try await global.client.call(
            Route.createMountTarget,
            CreateMountTarget(fileSystem: fileSystem, address: address, port: port)
        )
        if global.json { try Output.json(made) } else { try Output.line(made.id) }
    }
}
