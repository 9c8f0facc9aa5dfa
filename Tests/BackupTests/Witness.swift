import Foundation
import Testing

/// Programs that are not ours, which plant trees and judge whether two are equal.
enum Witness {
    /// The folder with the scripts that `./x demo` uses too.
    private static let scripts = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Demo").path

    /// Whether this machine has them; where everything is required, their absence is a failure.
    static var isPresent: Bool {
        let isMissing = ["rsync", "getfattr", "setfacl", "perl"].contains { program in
            !["/usr/bin/", "/bin/", "/usr/local/bin/"].contains {
                FileManager.default.isExecutableFile(atPath: $0 + program)
            }
        }
        if isMissing, ProcessInfo.processInfo.environment["VARVE_REQUIRE"] == "all" {
            Issue.record("rsync, attr, acl and perl must be installed for these tests")
        }
        return !isMissing
    }

    /// Makes a tree of what file systems get wrong.
    static func plantOddTree(at path: String) throws {
        let (status, output) = try run("/bin/bash", [scripts + "/plant-odd-tree.sh", path])
        guard status == 0 else { throw WitnessError(output: output) }
    }

    /// What differs between two directories; empty when nothing does.
    static func differences(_ left: String, _ right: String) throws -> String {
        let (status, output) = try run("/bin/bash", [scripts + "/witness.sh", left, right])
        return status == 0 ? output : output + "\n(exit \(status))"
    }

    @discardableResult
    static func run(
        _ program: String,
        _ arguments: [String]
    ) throws -> (status: Int32, output: String) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: data, as: UTF8.self))
    }
}

/// A planting that failed.
struct WitnessError: Error {
    let output: String
}
