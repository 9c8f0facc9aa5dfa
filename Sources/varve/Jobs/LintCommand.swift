import ArgumentParser
import Glibc
import LocalAPI

/// `varve job lint`.
struct LintCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lint",
        abstract: "Check policy files: jobs, retention and lifecycle; exits 2 on a mistake.",
        discussion: """
            EXAMPLES
              varve job lint
              varve job lint Jobs Retention/keep-a-month.yaml
            """
    )

    @OptionGroup var global: GlobalOptions

    @Argument(help: "Files, or directories of them. Default: the daemon's own directories.")
    var places: [String] = []

    func run() async throws {
        var files: [LintJobs.File] = []
        for place in places {
            for path in try LintCommand.policyFiles(place) {
                files.append(LintJobs.File(name: path, text: try LintCommand.text(of: path)))
            }
        }
        if !places.isEmpty, files.isEmpty {
            throw APIError(
                .notFound,
                "no .yaml, .yml or .json file in \(places.joined(separator: ", "))"
            )
        }
        let report = try await global.client.call(Route.lintJobs, LintJobs(files: files))
        if global.json {
            try Output.json(report)
        } else {
            for mistake in report.mistakes {
                try Output.line("\(mistake.file):\(mistake.line): \(mistake.message)")
                if !mistake.remedy.isEmpty { try Output.line("  \(mistake.remedy)") }
            }
            try Output.line("\(report.files) files, \(report.mistakes.count) mistakes")
        }
        if !report.mistakes.isEmpty { throw ExitCode(ExitStatus.found.rawValue) }
    }

    /// The policy files in a directory, or the file itself.
    private static func policyFiles(_ place: String) throws -> [String] {
        guard let stream = opendir(place) else {
            if errno == ENOTDIR { return [place] }
            throw HostFile.failure("read '\(place)'")
        }
        defer { closedir(stream) }
        var found: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if [".yaml", ".yml", ".json"].contains(where: name.hasSuffix), !name.hasPrefix(".") {
                found.append("\(place)/\(name)")
            }
        }
        return found.sorted()
    }

    private static func text(of path: String) throws -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw HostFile.failure("read '\(path)'") }
        defer { close(descriptor) }
        var text: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while case let count = read(descriptor, &buffer, buffer.count), count > 0 {
            text.append(contentsOf: buffer.prefix(count))
            guard text.count <= 1 << 20 else {
                throw APIError(.tooLarge, "'\(path)' is over 1 MiB: that is no policy file")
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
