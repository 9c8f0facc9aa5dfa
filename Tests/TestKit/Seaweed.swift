import Foundation

/// SeaweedFS in a process of its own, for as long as this lives: an S3 server that we did not write.
package final class Seaweed {
    /// It is missing, or does not serve.
    package struct Failure: Error, CustomStringConvertible {
        package let description: String

        package init(description: String) {
            self.description = description
        }
    }

    package let bucket = "vaults"
    /// `http://127.0.0.1:PORT`.
    package let endpoint: String
    private let directory: TemporaryDirectory
    private let process: Process
    private let input: Pipe

    private static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    private static let script = root.appendingPathComponent("Tests/Witnesses/seaweedfs.sh")

    /// The program: named by VARVE_WEED, or where `./x test` puts it, or on the PATH; `nil` when it is missing.
    static let program: String? = {
        let environment = ProcessInfo.processInfo.environment
        let places =
            [environment["VARVE_WEED"]].compactMap { $0 }
            + [root.appendingPathComponent(".build/witnesses/bin/weed").path]
            + (environment["PATH"] ?? "").split(separator: ":").map { "\($0)/weed" }
        return places.first { FileManager.default.isExecutableFile(atPath: $0) }
    }()

    /// Whether it is here; where everything is required, it is taken to be.
    package static let isAvailable: Bool =
        program != nil || ProcessInfo.processInfo.environment["VARVE_REQUIRE"] == "all"

    /// Starts it, with an empty bucket.
    ///
    /// - Throws: When it is missing, or what it said when it did not begin to serve.
    package init() throws {
        guard let program = Seaweed.program else {
            throw Failure(
                description:
                    "SeaweedFS is missing: Tests/Witnesses/seaweedfs.sh --install .build/witnesses"
            )
        }
        directory = try TemporaryDirectory()
        process = Process()
        input = Pipe()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: "/bin/bash")
        process.arguments = [Seaweed.script.path, program, directory.path, bucket]
        process.standardInput = input
        process.standardOutput = output
        process.standardError = FileHandle.standardError
        try process.run()
        // The script says when it serves; one that ended has closed its output.
        var said = ""
        while !said.contains("\n") {
            let piece = output.fileHandleForReading.availableData
            guard !piece.isEmpty else {
                process.waitUntilExit()
                throw Failure(description: "SeaweedFS does not serve: \(said)")
            }
            said += String(decoding: piece, as: UTF8.self)
        }
        let words = said.split(whereSeparator: \.isWhitespace).map(String.init)
        guard words.count == 2, words[0] == "ready" else {
            throw Failure(description: "SeaweedFS does not serve: \(said)")
        }
        endpoint = words[1]
    }

    /// Writes a file of credentials for `varved`.
    package func credentials(_ key: String, _ secret: String, in folder: String) throws -> String {
        let path = "\(folder)/keys-\(UUID().uuidString)"
        let text = "[default]\naws_access_key_id = \(key)\naws_secret_access_key = \(secret)\n"
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o600],
            ofItemAtPath: path
        )
        return path
    }

    /// Ends it as a power cut would.
    package func stop() {
        guard process.isRunning else { return }
        // Its input ends and not by a signal: the threads of tests block those, and what they start inherits that.
        // Harmless: what cannot be closed is closed already.
        try? input.fileHandleForWriting.close()
        process.waitUntilExit()
    }

    deinit {
        stop()
    }
}
