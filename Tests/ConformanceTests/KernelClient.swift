import Foundation
import TestKit

/// A Linux kernel as a process, with its own NFS client: what mounts us there we did not write.
enum KernelClient {
    /// Why it cannot run here; `nil` when it can.
    ///
    /// Where everything is required, it is taken to be there.
    static let obstacle: String? = {
        guard ProcessInfo.processInfo.environment["VARVE_REQUIRE"] != "all" else { return nil }
        if getuid() != 0 { return "root makes tap devices" }
        let files = FileManager.default
        if !files.fileExists(atPath: "/dev/net/tun") { return "/dev/net/tun is missing" }
        for program in ["/usr/bin/linux.uml", "/sbin/mount.nfs4", "/bin/busybox"]
        where !files.isExecutableFile(atPath: program) {
            return
                "\(program) is missing: apt-get install user-mode-linux nfs-common kmod busybox-static"
        }
        return nil
    }()

    /// Runs a script of `Tests/Kernel` in a kernel of its own.
    ///
    /// - Parameters:
    ///   - script: Its name.
    ///   - arguments: What it is called with.
    ///   - environment: What it finds.
    ///   - version: The minor version that it mounts with; it finds it as `VERSION`.
    /// - Returns: How it ended, and all that it said.
    /// - Throws: When it could not be started.
    static func run(
        _ script: String,
        _ arguments: [String] = [],
        environment: [String: String],
        version: String = "4.1"
    ) throws -> Witness.Run {
        let environment = environment.merging(["VERSION": version]) { own, _ in own }
        let names = environment.keys.sorted().joined(separator: " ")
        let assignments = environment.map { "\($0.key)=\($0.value)" } + ["KERNEL_ENV=\(names)"]
        let kernel = Witness.root.appendingPathComponent("Tests/Kernel/kernel-client.sh").path
        let path = Witness.root.appendingPathComponent("Tests/Kernel/" + script).path
        return try Witness.run("/usr/bin/env", assignments + [kernel, path] + arguments)
    }
}

extension DaemonProcess {
    /// The port that NFS is served on, once the log tells it.
    func nfsPort() throws -> String {
        // The listener is a service beside the local one: which of the two is ready first is nobody's business.
        while true {
            let line = try logText().split(separator: "\n").first { $0.contains("serving NFS") }
            if let line, let port = line.firstMatch(of: /address=\S*:(\d+)/)?.1 {
                return String(port)
            }
            Thread.sleep(forTimeInterval: 0.01)
        }
    }
}
