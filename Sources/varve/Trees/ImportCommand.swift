import ArgumentParser
import LocalAPI

/// `varve import`.
struct ImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Copy a host directory's contents and attributes into a file system.",
        discussion: """
            Kinds, owners, modes, times, hard links, holes and extended attributes are kept, as by 'cp -a \
            HOSTDIR/. TARGET'. What could not be done is listed, and the exit code is then 3, or 2 when the file \
            system is damaged there.

            EXAMPLES
              varve import /home/projects shared:/projects
              varve import . shared:/
            """
    )

    @OptionGroup var global: GlobalOptions

    @Argument(help: "The directory to copy.", transform: Parse.hostPath)
    var hostdir: [UInt8]

    @Argument(
        help: ArgumentHelp("Where to; made when missing.", valueName: "FS:/path"),
        transform: Parse.file
    )
    var target: FileReference

    func run() async throws {
        let report = try await transfer()
        try report.show(json: global.json)
    }

    private func transfer() async throws -> TreeReport {
        do {
            return try await global.client.call(
                Route.importTree,
                HostTransfer(hostPath: EscapedBytes(hostdir), file: target, moment: Moment())
            )
        } catch let error as APIError where error.code == .hostPathRefused {
            // The daemon opens host paths for root and itself alone: stream what we may read.
            return try await stream(TarProcess.reading(directory: hostdir))
        }
    }

    private func stream(_ tar: TarProcess) async throws -> TreeReport {
        let report: TreeReport
        do {
            report = try await global.client.upload(
                Route.importStream,
                TreeStream(file: target, moment: Moment()),
                body: DescriptorBytes(descriptor: tar.descriptor, phase: "importing"),
                length: nil
            )
        } catch {
            // What kept tar from reading may be the reason of it all.
            for item in tar.stop().listed { Output.note("varve: \(item.what)") }
            throw error
        }
        return report.adding(tar.finish())
    }
}

extension TreeReport {
    /// Prints the report; exits 3 when something was left out, 2 when damage is among it.
    func show(json: Bool) throws {
        if json {
            try Output.json(self)
        } else {
            try Output.line(
                "\(files) files, \(directories) directories, \(others) others, \(Output.size(bytes))"
            )
        }
        try Output.end(left: left, of: leftCount)
    }

    func adding(_ more: TarProcess.Complaints) -> TreeReport {
        var report = self
        report.left += more.listed
        report.leftCount += more.count
        return report
    }
}
