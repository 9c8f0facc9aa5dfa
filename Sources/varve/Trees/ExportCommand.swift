import ArgumentParser
import LocalAPI

/// `varve export`.
struct ExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Copy a directory's contents and attributes out to a host directory.",
        discussion: """
            The reverse of import. What could not be done (owners and devices, when not root) is listed, and the \
            exit code is then 3; damage is listed too, and the exit code is then 2.

            EXAMPLES
              varve export shared:/projects /tmp/projects
              varve export shared:/ /mnt/yesterday --at -1d
            """
    )

    @OptionGroup var global: GlobalOptions
    @OptionGroup var past: MomentOptions

    @Argument(
        help: ArgumentHelp("The directory to copy.", valueName: "FS:/path"),
        transform: Parse.file
    )
    var source: FileReference

    @Argument(help: "Where to; made when missing.", transform: Parse.hostPath)
    var hostdir: [UInt8]

    func run() async throws {
        try await transfer().show(json: global.json)
    }

    private func transfer() async throws -> TreeReport {
        do {
            return try await global.client.call(
                Route.exportTree,
                HostTransfer(hostPath: EscapedBytes(hostdir), file: source, moment: past.moment)
            )
        } catch let error as APIError where error.code == .hostPathRefused {
            return try await TarProcess.export(
                global.client,
                TreeStream(file: source, moment: past.moment),
                to: hostdir
            )
        }
    }
}
