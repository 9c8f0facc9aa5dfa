import Foundation

/// Runs the scripts and programs that judge us.
enum Witness {
    struct Run {
        let status: Int32
        /// Standard output and standard error, together.
        let output: String
    }

    static let root: URL = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// Whether the witness's programs are here; where everything is required, they are taken to be.
    static let isAvailable: Bool =
        ProcessInfo.processInfo.environment["VARVE_REQUIRE"] == "all"
        || ["rsync", "getfattr", "setfacl"].allSatisfy { name in
            ["/usr/bin/", "/bin/"].contains {
                FileManager.default.isExecutableFile(atPath: $0 + name)
            }
        }

    /// Runs a program, or a script of the repository by its path from the root.
    static func run(_ program: String, _ arguments: [String]) throws -> Run {
        let process = Process()
        process.executableURL =
            program.hasPrefix("/")
            ? URL(fileURLWithPath: program) : root.appendingPathComponent(program)
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let bytes = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return Run(
            status: process.terminationStatus,
            output: String(decoding: bytes, as: UTF8.self)
        )
    }
}
