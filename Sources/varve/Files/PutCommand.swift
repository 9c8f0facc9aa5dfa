import ArgumentParser
import Glibc
import LocalAPI

/// `varve put`.
struct PutCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "put",
        abstract: "Write a host file's bytes into a file.",
        discussion: """
            A new file has mode 0644; an existing one keeps its owner and mode. It is acknowledged once it is durable.

            EXAMPLES
              varve put report.pdf shared:/report.pdf
              echo hello | varve put - shared:/greeting
              varve put patch.bin shared:/disk.img --offset 1048576
            """
    )

    @OptionGroup var global: GlobalOptions

    @Option(help: "Write in place from this byte on, and keep the rest.", transform: Parse.size)
    var offset: UInt64?

    @Argument(help: "The host file; '-' is standard input.")
    var hostfile: String

    @Argument(
        help: ArgumentHelp("The file to write.", valueName: "FS:/path"),
        transform: Parse.file
    )
    var file: FileReference

    func run() async throws {
        var descriptor: Int32 = 0
        var length: Int64?
        if hostfile != "-" {
            descriptor = open(HostFile.path(ArgumentBytes.bytes(hostfile)), O_RDONLY | O_CLOEXEC)
            var found = stat()
            guard descriptor >= 0, fstat(descriptor, &found) == 0 else {
                throw HostFile.failure("read '\(hostfile)'")
            }
            if found.st_mode & S_IFMT == S_IFDIR {
                throw APIError(
                    .isDirectory,
                    "'\(hostfile)' is a directory",
                    remedy: "Use 'varve import'."
                )
            }
            if found.st_mode & S_IFMT == S_IFREG { length = Int64(found.st_size) }
        }
        let written = try await global.client.upload(
            Route.write,
            WriteFile(file: file, offset: offset),
            body: DescriptorBytes(descriptor: descriptor, phase: "put"),
            length: length
        )
        if global.json { try Output.json(written) }
    }
}
