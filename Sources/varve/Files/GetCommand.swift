import ArgumentParser
import Glibc
import LocalAPI

/// `varve get`.
struct GetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get",
        abstract: "Copy one file's bytes to the host.",
        discussion: """
            The host file appears whole or not at all. Attributes are not copied: 'export' does that.

            EXAMPLES
              varve get shared:/report.pdf
              varve get shared:/report.pdf /tmp/old.pdf --at -2d
              varve get shared:/archive.tar - | tar t
            """
    )

    @OptionGroup var global: GlobalOptions
    @OptionGroup var past: MomentOptions

    @Argument(help: ArgumentHelp("The file.", valueName: "FS:/path"), transform: Parse.file)
    var file: FileReference

    @Argument(help: "Where to; '-' is standard output. Default: the file's own name, here.")
    var hostfile: String?

    func run() async throws {
        let request = FileRequest(file: file, moment: past.moment)
        if hostfile == "-" {
            try await global.client.download(Route.read, request) { part in
                try Output.write(part)
            }
            return
        }
        let target = try hostfile.map { ArgumentBytes.bytes($0) } ?? ownName()
        let part = HostFile.path(target + Array(".varve-part".utf8))
        let descriptor = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else {
            throw HostFile.failure("write '\(String(decoding: target, as: UTF8.self))'")
        }
        do {
            var bytes: UInt64 = 0
            try await global.client.download(Route.read, request) { piece in
                bytes += UInt64(piece.count)
                ProgressLine.show(Progress(phase: "get", bytes: bytes))
                try Output.write(piece, to: descriptor)
            }
        } catch {
            close(descriptor)
            unlink(part)
            throw error
        }
        guard close(descriptor) == 0, rename(part, HostFile.path(target)) == 0 else {
            throw HostFile.failure("put '\(String(decoding: target, as: UTF8.self))' in place")
        }
    }

    private func ownName() throws -> [UInt8] {
        guard let name = file.components.last, name != Array("..".utf8) else {
            throw APIError(
                .usage,
                "'\(file.description)' is no file",
                remedy: "Name a file, or use 'export'."
            )
        }
        return name
    }
}

/// Host paths as the C library takes them.
enum HostFile {
    static func path(_ bytes: [UInt8]) -> [CChar] {
        bytes.map { CChar(bitPattern: $0) } + [0]
    }

    /// What errno says.
    static func failure(_ doing: String) -> APIError {
        APIError(.failed, "\(doing): \(String(cString: strerror(errno)))")
    }
}
