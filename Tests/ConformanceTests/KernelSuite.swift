import Foundation
import Synchronization
import TestKit
import Testing

/// One run of `Tests/Kernel/suite.sh`: several scenarios in one kernel, the daemons that they mount, and who kills those daemons when the
/// scenarios ask for it.
final class KernelSuite {
    /// In the order in which they run: the first finds an empty file system.
    static let scenarios = [
        "first-mount", "past", "mount-command", "restart", "clone", "tree", "sqlite", "locks",
        "verify",
        "mapping", "unlinked", "renames", "directory", "storm", "full-disk", "two-clients",
        "mount-targets",
    ]
    /// What runs over a minor version: all of it in full; in CI a short pass of 4.0 and 4.2, which have one scenario more each.
    static func scenarios(over version: String, _ sizes: KernelSizes) -> [String] {
        switch version {
        case "4.0":
            let short = ["first-mount", "restart", "mount-targets"]
            return (sizes.isThorough ? scenarios : short) + ["two-versions"]
        case "4.2": return (sizes.isThorough ? scenarios : []) + ["newest"]
        default: return scenarios
        }
    }

    /// Those that are about what is left after a kill: files and locks of one way in, and of several, names that were changing, and what 4.2
    /// has over the others.
    private static let alwaysKilled: Set<String> = ["restart", "storm", "mount-targets", "newest"]

    /// Those in which a server of 4.0 is not killed: it keeps no replies over a restart, so a name that is made or removed just then is
    /// made or removed twice (`docs/nfs.md`); and the daemon of the past has a clock that stands still, by which its grace never ends.
    private static let spared: Set<String> = [
        "clone", "tree", "renames", "directory", "storm", "past", "mount-command",
    ]

    /// A directory that this host and the kernel both see, which `/tmp` is not.
    let shared: String
    let main: DaemonProcess
    private let first: Served
    private let past: Served
    private let small: Served?
    private let served: Served
    private let disk: LoopDisk?
    /// Of the mount targets of `one` and `two`.
    private let targets: [LoopbackAddress]
    private let sizes: KernelSizes
    private let version: String
    let scenarios: [String]

    /// A daemon, and where it serves its one file system.
    private struct Served {
        let daemon: DaemonProcess
        let port: String
        let export: String

        init(_ daemon: DaemonProcess, fileSystem: String = "home") throws {
            self.daemon = daemon
            port = try daemon.nfsPort()
            let described = try daemon.done("--json", "fs", "describe", fileSystem)
            let fields = try JSONSerialization.jsonObject(with: described) as? [String: Any]
            export = "/" + (try #require(fields?["id"] as? String))
        }

        func killAndStart() throws {
            daemon.kill()
            try daemon.start("--nfs", "0.0.0.0:" + port)
        }
    }

    /// Starts the daemons and makes what the scenarios take that run over a minor version.
    init(over version: String, sizes: KernelSizes) throws {
        self.version = version
        self.sizes = sizes
        scenarios = Self.scenarios(over: version, sizes)
        shared = "/var/tmp/varve-kernel-shared-" + UUID().uuidString
        try FileManager.default.createDirectory(
            atPath: shared,
            withIntermediateDirectories: false
        )
        main = try DaemonProcess(clock: nil)
        try main.start("--nfs", "0.0.0.0:0")
        try main.done("fs", "create", "home")
        try main.done("fs", "create", "first")
        targets = try Self.addTargets(to: main)
        served = try Served(main)
        first = try Served(main, fileSystem: "first")
        past = try Served(try Self.daemonWithPast())
        if scenarios.contains("full-disk") {
            let crowded = try DaemonProcess(clock: nil)
            disk = try LoopDisk(over: crowded.state, megabytes: 64)
            // What is removed there is gone at once, and its room comes back.
            try crowded.addSettings("keepSeconds: 0s\nkeepMinutes: 0s\nkeepHours: 0s\n")
            try crowded.start("--nfs", "0.0.0.0:0")
            try crowded.done("fs", "create", "home")
            small = try Served(crowded)
        } else {
            (disk, small) = (nil, nil)
        }
        if scenarios.contains("clone") { try plant() }
    }

    deinit {
        // A leftover there harms nobody.
        try? FileManager.default.removeItem(atPath: shared)
    }

    /// Two file systems `one` and `two` with a mount target each, and their names in `name`.
    private static func addTargets(to daemon: DaemonProcess) throws -> [LoopbackAddress] {
        try ["one", "two"].map { name in
            let address = try LoopbackAddress()
            try daemon.done("fs", "create", name)
            try daemon.done("put", "-", name + ":/name", input: Data((name + "\n").utf8))
            try daemon.done("mount-target", "create", name, "--address", address.text)
            return address
        }
    }

    /// Two file systems, of which `file` in one and `folder/file` in the other read `old` at the snapshot `first` and half a
    /// minute after the beginning, and read `new`.
    private static func daemonWithPast() throws -> DaemonProcess {
        let daemon = try DaemonProcess(clock: "2026-01-01T00:00:00Z")
        try daemon.start("--nfs", "0.0.0.0:0")
        for name in ["home", "other"] { try daemon.done("fs", "create", name) }
        try daemon.done("mkdir", "other:/folder")
        for place in ["home:/file", "other:/folder/file"] {
            try daemon.done("put", "-", place, input: Data("old".utf8))
        }
        for name in ["home", "other"] { try daemon.done("snapshot", "create", name, "first") }
        try daemon.done("clock", "advance", "1m")
        for place in ["home:/file", "other:/folder/file"] {
            try daemon.done("put", "-", place, input: Data("new".utf8))
        }
        try daemon.done("clock", "advance", "1m")
        return daemon
    }

    private func plant() throws {
        let numbers = [
            sizes.commits, sizes.repositoryFiles, sizes.treeFiles, sizes.directoryEntries,
        ]
        let planted = try Witness.run("Tests/Kernel/plant.sh", [shared] + numbers.map { "\($0)" })
        try #require(planted.status == 0, "\(planted.output)")
        try main.done("import", shared + "/many", "home:/directory")
    }

    /// The scenarios in whose middle a server is killed.
    var killed: [String] {
        scenarios.filter { name in
            guard version != "4.0" || !Self.spared.contains(name) else { return false }
            return sizes.isThorough || Self.alwaysKilled.contains(name)
        }
    }

    /// How often a server is killed in all.
    var kills: Int {
        let times = ["storm": sizes.stormKills, "sqlite": 2]
        return killed.reduce(0) { $0 + times[$1, default: 1] }
    }

    /// Runs the scenarios.
    ///
    /// - Returns: How they ended, and how often a server was killed.
    func run() throws -> (run: Witness.Run, kills: Int) {
        let environment = try self.environment()
        let (scenarios, version) = (scenarios, version)
        let result = Mutex<Result<Witness.Run, any Error>?>(nil)
        let ended = DispatchGroup()
        DispatchQueue.global().async(group: ended) {
            let run = Result {
                try KernelClient.run(
                    "suite.sh",
                    scenarios,
                    environment: environment,
                    version: version
                )
            }
            result.withLock { $0 = run }
        }
        var kills = 0
        while ended.wait(timeout: .now() + 0.05) == .timedOut {
            for (signal, server) in [("kill", served), ("kill-past", past), ("kill-small", small)] {
                guard let server else { continue }
                let path = shared + "/" + signal
                guard FileManager.default.fileExists(atPath: path) else { continue }
                try server.killAndStart()
                try FileManager.default.removeItem(atPath: path)
                kills += 1
            }
        }
        let outcome = result.withLock { $0 }
        return (try #require(outcome).get(), kills)
    }

    private func environment() throws -> [String: String] {
        [
            "PORT": served.port, "EXPORT": served.export, "SHARED": shared,
            "PORT_first_mount": first.port, "EXPORT_first_mount": first.export,
            "PORT_past": past.port, "EXPORT_past": past.export, "THEN": "2026-01-01T00:00:30Z",
            "PORT_mount_command": past.port, "EXPORT_mount_command": past.export,
            "MOUNT_LIVE": try mountCommand(), "MOUNT_PAST": try mountCommand("--snapshot", "first"),
            "PORT_mount_targets": served.port,
            "EXPORT_mount_targets": try Served(main, fileSystem: "one").export,
            "TARGETS": targets.map(\.text).joined(separator: " "),
            "PORT_full_disk": small?.port ?? "", "EXPORT_full_disk": small?.export ?? "",
            "PORT_newest": past.port, "EXPORT_newest": past.export,
            "OTHER": try Served(past.daemon, fileSystem: "other").export,
            "KILLS": killed.joined(separator: " "), "LEASE": sizes.isThorough ? "1" : "0",
            "TRANSACTIONS": "\(sizes.transactions)", "LOCK_ROUNDS": "\(sizes.lockRounds)",
            "VERIFY_MIB": "\(sizes.verifiedMebibytes)", "MAPPED_ROUNDS": "\(sizes.mappedRounds)",
            "STORM_KILLS": "\(sizes.stormKills)", "STORM_ROUNDS": "\(sizes.stormRounds)",
            "RENAMES": "\(sizes.renames)", "ENTRIES": "\(sizes.directoryEntries)",
            "LISTINGS": "\(sizes.directoryListings)",
            "SECONDS_MAX": sizes.isThorough ? "7200" : "600", "MEMORY": "512M",
        ]
    }

    /// What `varve mount` would do: its options, a blank, and what is behind the host's name.
    private func mountCommand(_ options: String...) throws -> String {
        let said = try DaemonProcess.run(
            "varve",
            [
                "--socket", past.daemon.socket, "--json", "mount", "other:/folder", "/mnt",
                "--dry-run",
            ]
                + options
        )
        let fields = try JSONSerialization.jsonObject(with: said.output) as? [String: Any]
        let source = try #require(fields?["source"] as? String, "\(said.errors)")
        let given = try #require(fields?["options"] as? String)
        return given + " " + String(try #require(source.split(separator: ":").dropFirst().first))
    }

    /// Stops the daemons, each of which must end well and leave nothing damaged.
    func stop() throws {
        for server in [served, past, small].compactMap({ $0 }) {
            #expect(server.daemon.stop() == 0)
            let doctor = try server.daemon.varved("doctor")
            #expect(doctor.status == 0, "\(doctor.text)\(doctor.errors)")
        }
    }
}

/// An address of this host that a kernel of ours has a way to by its tap device; gone with its last owner.
final class LoopbackAddress {
    let text: String

    init() throws {
        // Of RFC 1918, beside those of the tap devices.
        let numbers = (0..<2).map { _ in UInt8.random(in: 1...254) }
        text = "10.216.\(numbers[0]).\(numbers[1])"
        try DaemonProcess.system("ip", "address", "add", text + "/32", "dev", "lo")
    }

    deinit {
        // What stays goes with the network namespace or the machine.
        _ = try? DaemonProcess.system("ip", "address", "delete", text + "/32", "dev", "lo")
    }
}

/// A small ext4 in a file, mounted where a state directory stands; gone with its last owner.
final class LoopDisk {
    private let path: String

    /// Mounts it over a directory, whose contents it takes over.
    init(over path: String, megabytes: Int) throws {
        self.path = path
        let script = """
            set -eu; truncate -s \(megabytes)M "$1.image"; mkfs.ext4 -q "$1.image"
            mv "$1" "$1.aside"; mkdir -m 700 "$1"; mount -o loop "$1.image" "$1"
            rmdir "$1/lost+found"; cp -a "$1.aside/." "$1"; rm -r "$1.aside"
            """
        try DaemonProcess.system("bash", "-c", script, "bash", path)
    }

    deinit {
        // What stays mounted goes with the mount namespace or the machine.
        _ = try? DaemonProcess.system("umount", "--lazy", path)
    }
}
