import Foundation

/// A new, empty ext4 on a loop image, for one side of one round.
///
/// The image has no name once it is mounted, the loop device ends with the mount, and the mount with the process's
/// mount namespace: whatever ends the process, nothing stays.
struct LoopMount: Sendable {
    let directory: String

    /// 6 GiB: the largest round writes 1 GiB of data, or 1,000,000 files.
    private static let bytes = 6 << 30

    init(at directory: String, inodes: Int) throws {
        self.directory = directory
        let image = directory + ".ext4"
        try Program.run("fallocate", "-l", "\(LoopMount.bytes)", image)
        // Nothing is left to be initialised in the background while we measure.
        try Program.run(
            "mkfs.ext4",
            ["-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0,nodiscard"]
                + (inodes > 0 ? ["-N", "\(inodes + 10_000)"] : []) + [image]
        )
        try Program.run("mount", "-o", "loop", image, directory)
        try FileManager.default.removeItem(atPath: image)
        let device = try Program.run("findmnt", "-n", "-o", "SOURCE", "--mountpoint", directory)
        // Past the page cache of the disk below: what we drop is then dropped.
        try Program.run("losetup", "--direct-io=on", device)
    }

    func unmount() async throws {
        let open = try await Descriptors.left(beneath: directory)
        if open.isEmpty {
            try Program.run("umount", directory)
        } else {
            // It goes when they do, with this process at the latest; the figures are worth more.
            FileHandle.standardError.write(
                Data("still open: \(open.joined(separator: ", "))\n".utf8)
            )
            try Program.run("umount", "--lazy", directory)
        }
    }
}

/// The open files of this process.
enum Descriptors {
    /// Waits until none lies beneath a directory, ten seconds at most; answers what is left.
    ///
    /// A file system that has closed answers before its threads have let go of their last descriptors, and nothing
    /// tells when they have.
    static func left(beneath directory: String) async throws -> [String] {
        for _ in 0..<10_000 {
            let open = try all().filter { $0.hasPrefix(directory + "/") }
            if open.isEmpty { return [] }
            try await Task.sleep(for: .milliseconds(1))
        }
        return try all().filter { $0.hasPrefix(directory + "/") }
    }

    private static func all() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").compactMap { number in
            // One that was closed since it was listed has no name.
            try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/" + number)
        }
    }
}

/// A mount namespace of this process's own.
enum MountNamespace {
    private static let mark = "VARVE_BENCH_NAMESPACE"

    /// Starts this program again in a new namespace, unless it is in one.
    ///
    /// `unshare` of a running process would move one thread only.
    static func enter() throws {
        guard getuid() == 0 else {
            throw ProgramFailure(message: "--fresh mounts, so it needs root")
        }
        guard getenv(mark) == nil else { return }
        setenv(mark, "1", 1)
        let program = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let arguments = ["unshare", "--mount", program] + CommandLine.arguments.dropFirst()
        var strings = arguments.map { strdup($0) } + [nil]
        execvp("unshare", &strings)
        throw ProgramFailure(message: "unshare does not start: error \(errno)")
    }
}

struct ProgramFailure: Error, CustomStringConvertible {
    let message: String

    var description: String { message }
}

/// Programs of the machine.
enum Program {
    @discardableResult
    static func run(_ name: String, _ arguments: String...) throws -> String {
        try run(name, arguments)
    }

    /// Runs it to its end; answers its first line.
    @discardableResult
    static func run(_ name: String, _ arguments: [String]) throws -> String {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [name] + arguments
        process.standardOutput = output
        try process.run()
        let bytes = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw ProgramFailure(
                message: "'\(name) \(arguments.joined(separator: " "))' ended with "
                    + "\(process.terminationStatus)"
            )
        }
        let text = String(decoding: bytes, as: UTF8.self)
        return String(text.prefix { !$0.isNewline })
    }
}
