import ArgumentParser
import Glibc
import LocalAPI
import VarveModel

/// `varve mount`.
struct MountCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mount",
        abstract: "Mount a file system, a directory of it, or its past, over NFS (root only).",
        discussion: """
            Asks the daemon where it serves, prints the mount command with the recommended options, and runs it: of \
            a mount target of the file system if one is available, of the gateway if not. With --at or --snapshot the moment is mounted, read-only. Other machines run the command that --dry-run \
            shows, with this machine's name in it.

            EXAMPLES
              sudo varve mount shared /mnt/shared
              sudo varve mount shared:/projects /mnt/projects --options noatime,nconnect=4
              sudo varve mount shared /mnt/yesterday --at -1d
              varve mount shared /mnt/shared --dry-run
            """
    )

    @OptionGroup var global: GlobalOptions
    @OptionGroup var past: MomentOptions

    @Option(
        help: ArgumentHelp(
            "More mount options, comma-separated (nfs(5)); each wins over a recommended one.",
            valueName: "list"
        )
    )
    var options: [String] = []

    @Flag(help: "Print the command, and do not run it.")
    var dryRun = false

    @Argument(help: ArgumentHelp("What to mount.", valueName: "FS[:/path]"))
    var place: String

    @Argument(help: "Where: a directory that is there.", transform: Parse.hostPath)
    var directory: [UInt8]

    func run() async throws {
        let plan = try await self.plan()
        if global.json {
            if !dryRun { try plan.mount() }
            return try Output.json(plan.description(isMounted: !dryRun))
        }
        Output.note("varve: by \(plan.way.words)")
        try Output.line(plan.program.line)
        if !dryRun { try plan.mount() }
    }

    private func plan() async throws -> MountPlan {
        let file = try reference()
        guard !file.components.contains(Array("..".utf8)) else {
            throw APIError(.usage, "'\(file.description)' holds '..': name the directory itself")
        }
        let client = global.client
        let found = try await client.call(
            Route.stat,
            FileRequest(file: file, moment: past.moment)
        )
        guard found.kind == "directory" else {
            throw APIError(
                .notDirectory,
                "'\(file.description)' is of kind \(found.kind)",
                remedy: "Mount the directory that holds it."
            )
        }
        let fileSystem = try await client.call(
            Route.describeFileSystem,
            FileSystemName(fileSystem: file.fileSystem)
        )
        let way = try await WayIn(to: fileSystem.id, client)
        let options = try MountOptions(way.nfs, isPast: !past.moment.isPresent, more: options)
        return MountPlan(
            way: way,
            options: options.text,
            path: way.root + (try await instant(client)) + file.components,
            directory: directory
        )
    }

    /// `FS` alone means its root.
    private func reference() throws -> FileReference {
        let bytes = ArgumentBytes.bytes(place)
        if FileReference.isReference(bytes) { return try FileReference(argument: bytes) }
        return FileReference(
            fileSystem: String(decoding: bytes, as: UTF8.self),
            path: EscapedBytes("/".utf8)
        )
    }

    /// Where the moment stands below the root; nothing for the present.
    private func instant(_ client: Client) async throws -> [[UInt8]] {
        let snapshots = Array(".snapshot".utf8)
        if let name = past.snapshot {
            guard !name.contains("/"), !name.hasPrefix("@") else {
                throw APIError(
                    .usage,
                    "the snapshot '\(name)' has no path: a name with '/' or '@' in front is none",
                    remedy: "Name its time with --at; 'varve snapshot list' has it."
                )
            }
            return [snapshots, Array(name.utf8)]
        }
        guard let at = past.at else { return [] }
        let now = try await client.call(Route.showClock, Nothing()).now.time
        // Whole seconds: an instant between two is found under the later one, and none is promised before it.
        let time = Timestamp(seconds: at.resolved(now: now).seconds)
        return [snapshots, Array("@\(TimeText(time).text)".utf8)]
    }
}

extension Moment {
    /// Whether it names no past.
    var isPresent: Bool { at == nil && snapshot == nil && recoveryPoint == nil }
}

/// A mount that is about to be made.
struct MountPlan: Sendable {
    /// What was, or would be, done; of a mount of the machine itself.
    struct Description: Codable {
        let source: EscapedBytes
        /// The mount target's id; `nil` for the gateway.
        let mountTarget: String?
        let directory: EscapedBytes
        let options: String
        let command: [EscapedBytes]
        let isMounted: Bool
    }

    let way: WayIn
    private let source: [UInt8]
    private let options: String
    private let directory: [UInt8]
    let program: SystemProgram

    init(way: WayIn, options: String, path: [[UInt8]], directory: [UInt8]) {
        self.way = way
        source =
            Array(MountPlan.host(way.nfs.host ?? "").utf8)
            + Array(path.isEmpty ? ":/".utf8 : ":".utf8)
            + path.flatMap { [UInt8(ascii: "/")] + $0 }
        self.options = options
        self.directory = directory
        program = SystemProgram(
            words: ["mount", "-t", "nfs4", "-o", options].map { Array($0.utf8) } + [
                source, directory,
            ]
        )
    }

    func description(isMounted: Bool) -> Description {
        Description(
            source: EscapedBytes(source),
            mountTarget: way.mountTarget,
            directory: EscapedBytes(directory),
            options: options,
            command: program.words.map { EscapedBytes($0) },
            isMounted: isMounted
        )
    }

    func mount() throws {
        try SystemProgram.requireRoot("mounting")
        try MountPlan.requireHelper()
        var found = stat()
        let isDirectory = (directory.map { CChar(bitPattern: $0) } + [0]).withUnsafeBufferPointer {
            buffer in
            guard let start = buffer.baseAddress else { return false }
            return stat(start, &found) == 0 && found.st_mode & S_IFMT == S_IFDIR
        }
        guard isDirectory else {
            let shown = EscapedBytes(directory).text
            throw APIError(
                .notDirectory,
                "'\(shown)' is no directory",
                remedy: "Make it: mkdir -p '\(shown)'"
            )
        }
        try program.run()
    }

    /// Whoever listens everywhere is reached by the loopback address; an IPv6 address stands in brackets (nfs(5)).
    private static func host(_ listening: String) -> String {
        switch listening {
        case "0.0.0.0": "127.0.0.1"
        case "::": "[::1]"
        default: listening.contains(":") ? "[\(listening)]" : listening
        }
    }

    /// mount(8) calls a helper of this name for NFS; without one it says no more than "bad option".
    private static func requireHelper() throws(APIError) {
        let path = getenv("PATH").map { String(cString: $0) } ?? ""
        let folders = ["/sbin", "/usr/sbin"] + path.split(separator: ":").map(String.init)
        guard !folders.contains(where: { access($0 + "/mount.nfs4", X_OK) == 0 }) else { return }
        throw APIError(
            .unsupported,
            "mount.nfs4 is missing: this machine mounts no NFS",
            remedy: "Install nfs-common (Debian) or nfs-utils (Fedora, RHEL)."
        )
    }
}
