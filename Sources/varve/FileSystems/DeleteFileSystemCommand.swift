import ArgumentParser
import Glibc
import LocalAPI

/// `varve fs delete`.
struct DeleteFileSystemCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete",
        abstract: "Delete a file system with its whole past. Recovery points in vaults stay.",
        discussion: """
            Its key is erased first, in every zone: from then on nobody can read what it held, whatever is left on the \
            disk. While a zone is away the key is left there: it is named, the file system stays listed as deleting, and \
            the command exits 3; it is finished when the zone is back.

            EXAMPLES
              varve fs delete scratch
              varve fs delete fs-0123456789abcdef0 --yes
            """
    )

    @OptionGroup var global: GlobalOptions

    @Argument(help: "Its id or Name.")
    var fileSystem: String

    @Flag(help: "Do not ask.")
    var yes = false

    func run() async throws {
        if !yes {
            guard isatty(0) == 1 else {
                throw APIError(
                    .usage,
                    "deleting '\(fileSystem)' was not confirmed",
                    remedy: "Repeat with --yes: there is no terminal to ask at."
                )
            }
            let found = try await global.client.call(
                Route.describeFileSystem,
                FileSystemName(fileSystem: fileSystem)
            )
            var what = "\(found.id) ('\(found.name)')"
            if let inodes = found.inodes { what += ", \(inodes) inodes" }
            if let bytes = found.liveBytes { what += ", \(Output.size(bytes))" }
            Output.note("Delete \(what), and its whole past? Type '\(fileSystem)' again:")
            guard readLine() == fileSystem else {
                throw APIError(.failed, "not confirmed: '\(fileSystem)' stays as it is")
            }
        }
        let answer = try await global.client.call(
            Route.deleteFileSystem,
            FileSystemName(fileSystem: fileSystem)
        )
        if global.json { try Output.json(answer) }
        guard !answer.away.isEmpty else { return }
        for left in answer.away {
            Output.note(
                "varve: zone \(left.zone) is away (\(left.reason)): the key there is erased when it is back"
            )
        }
        throw ExitCode(ExitStatus.partly.rawValue)
    }
}
