package import Foundation

/// The built `varved` on a throw-away state directory, and `varve` to talk to it: what end-to-end tests drive.
package final class DaemonProcess {
    /// What a program printed and how it ended.
    package struct Ended: Sendable {
        package let status: Int32
        package let output: Data
        package let errors: String

        /// Standard output as text.
        package var text: String { String(decoding: output, as: UTF8.self) }

        /// What it said if it did not end well, so that a failed expectation shows it; nothing if it did.
        package var complaint: String { status == 0 ? "" : "\(status): \(text)\(errors)" }
    }

    /// Why the daemon or a command did not do what the test needs.
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    private let directory: TemporaryDirectory
    private var process: Process?

    /// Where the daemon writes its log.
    package var log: String { directory.path + "/varved.log" }
    package var state: String { directory.path + "/state" }
    package var socket: String { state + "/varved.sock" }
    package var keyFile: String { directory.path + "/root.key" }
    /// Empty at first: the daemon's jobs.
    package var jobs: String { directory.path + "/Jobs" }
    package var retention: String { directory.path + "/Retention" }
    /// For the test's own files.
    package var work: String { directory.path + "/work" }

    /// The directory of the built programs: beside the test bundle.
    package static var binaries: String {
        if let named = ProcessInfo.processInfo.environment["VARVE_BINARIES"] { return named }
        return URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
            .deletingLastPathComponent().path
    }

    /// Makes a state directory; `start` runs the daemon on it.
    ///
    /// - Parameters:
    ///   - clock: Where its simulated clock begins; `nil` for the machine's own.
    ///   - rootKey: The file of a root key to begin with, as on a machine that takes over from another.
    /// - Throws: What `varved init` complained of.
    package init(clock: String? = "2026-01-01T00:00:00Z", rootKey: String? = nil) throws {
        directory = try TemporaryDirectory()
        if let rootKey {
            try FileManager.default.copyItem(
                atPath: rootKey,
                toPath: directory.path + "/root.key"
            )
        }
        for folder in [jobs, retention, work] {
            try FileManager.default.createDirectory(
                atPath: folder,
                withIntermediateDirectories: false
            )
        }
        let simulated = clock.map { ["--simulated-clock", $0] } ?? []
        let made = try Self.run(
            "varved",
            ["init", "--state", state, "--key-file", keyFile] + simulated
        )
        guard made.status == 0 else { throw Failure(description: "varved init: \(made.errors)") }
    }

    deinit {
        kill()
    }

    /// Adds lines to the settings that `varved init` wrote; the next start reads them.
    package func addSettings(_ lines: String) throws {
        let path = state + "/varve.yaml"
        let known =
            FileManager.default.fileExists(atPath: path)
            ? try String(contentsOfFile: path, encoding: .utf8) : ""
        try Data((known + lines).utf8).write(to: URL(fileURLWithPath: path))
    }

    /// The daemon's process, while it runs.
    package var processID: pid_t? { process?.processIdentifier }

    /// Starts the daemon and waits until it serves.
    ///
    /// - Parameter options: More of its options.
    /// - Throws: What it said when it ended instead.
    package func start(_ options: String...) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: Self.binaries + "/varved")
        // Many daemons run side by side: only a test that mounts has a listener, on a port of its own.
        let nfs = options.contains("--nfs") ? [] : ["--nfs", "off"]
        process.arguments =
            [
                "serve", "--state", state, "--jobs", jobs, "--retention", retention,
            ] + nfs + options
        _ = FileManager.default.createFile(atPath: log, contents: nil)
        process.standardError = FileHandle(forWritingAtPath: log)
        process.standardInput = FileHandle.nullDevice
        try process.run()
        self.process = process
        // The daemon says in its log when it serves; a dead one never will.
        while !["event=ready", "\"event\":\"ready\""].contains(where: try logText().contains) {
            guard process.isRunning else {
                throw Failure(description: "varved ended at its start: \(try logText())")
            }
            Thread.sleep(forTimeInterval: 0.01)
        }
    }

    /// Ends the daemon as power or the kernel would: SIGKILL.
    package func kill() {
        guard let process else { return }
        Foundation.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        self.process = nil
    }

    /// Ends the daemon as an operator would.
    ///
    /// - Returns: Its exit status.
    package func stop() -> Int32 {
        guard let process else { return 0 }
        process.terminate()
        process.waitUntilExit()
        self.process = nil
        return process.terminationStatus
    }

    /// Runs `varved VERB` on the state directory: `doctor`, or a `serve` that is expected to be refused.
    package func varved(
        _ verb: String,
        _ options: String...,
        within seconds: Int = 60
    ) throws -> Ended {
        // A daemon that serves where it should not is ended, and told apart by its status 124.
        try Self.run(
            "/usr/bin/timeout",
            ["\(seconds)", Self.binaries + "/varved", verb, "--state", state] + options
        )
    }

    package func logText() throws -> String {
        try String(contentsOfFile: log, encoding: .utf8)
    }

    /// Runs `varve` against this daemon.
    package func varve(_ arguments: String..., input: Data? = nil) throws -> Ended {
        try Self.run("varve", ["--socket", socket] + arguments, input: input)
    }

    /// Runs `varve`, which must succeed, and answers its output.
    @discardableResult
    package func done(_ arguments: String..., input: Data? = nil) throws -> Data {
        let ended = try Self.run("varve", ["--socket", socket] + arguments, input: input)
        guard ended.status == 0 else {
            throw Failure(
                description:
                    "varve \(arguments.joined(separator: " ")): \(ended.status): \(ended.errors)"
            )
        }
        return ended.output
    }

    /// Runs a command of the system, which must succeed, and answers its output.
    @discardableResult
    package static func system(_ arguments: String...) throws -> Data {
        let ended = try run("/usr/bin/env", arguments)
        guard ended.status == 0 else {
            throw Failure(description: "\(arguments.joined(separator: " ")): \(ended.errors)")
        }
        return ended.output
    }

    /// Runs a program to its end; one without a slash is one of ours.
    package static func run(
        _ program: String,
        _ arguments: [String],
        input: Data? = nil
    ) throws -> Ended {
        let scratch = try TemporaryDirectory()
        let process = Process()
        let path = program.contains("/") ? program : binaries + "/" + program
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        // Files, not pipes: a full pipe would stop a program that nobody reads yet.
        for name in ["in", "out", "err"] {
            let data = name == "in" ? input ?? Data() : Data()
            _ = FileManager.default.createFile(atPath: scratch.path + "/" + name, contents: data)
        }
        process.standardInput = FileHandle(forReadingAtPath: scratch.path + "/in")
        process.standardOutput = FileHandle(forWritingAtPath: scratch.path + "/out")
        process.standardError = FileHandle(forWritingAtPath: scratch.path + "/err")
        try process.run()
        process.waitUntilExit()
        return Ended(
            status: process.terminationStatus,
            output: try Data(contentsOf: URL(fileURLWithPath: scratch.path + "/out")),
            errors: try String(contentsOfFile: scratch.path + "/err", encoding: .utf8)
        )
    }
}
