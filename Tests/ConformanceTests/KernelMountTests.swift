import Foundation
import Synchronization
import TestKit
import Testing

/// Goal: the Linux kernel's own NFS client mounts us and finds a file system.
///
/// Method: `varved` on this host, a Linux kernel as a process, and a script in it that does what users do and fails at the
/// first surprise.
@Suite(
    .serialized,
    .enabled(if: KernelClient.obstacle == nil, "\(KernelClient.obstacle ?? "")")
)
struct KernelMountTests {
    @Test(arguments: ["4.0", "4.1"]) func `the kernel mounts a file system and uses it`(
        version: String
    ) throws {
        let daemon = try DaemonProcess(clock: nil)
        try daemon.start("--nfs", "0.0.0.0:0")
        try daemon.done("fs", "create", "home")
        try expectDone(daemon, "first-mount.sh", ["VERSION": version])
    }

    @Test func `mounts over NFSv4_0 and NFSv4_1 share files and locks`() throws {
        let daemon = try DaemonProcess(clock: nil)
        try daemon.start("--nfs", "0.0.0.0:0")
        try daemon.done("fs", "create", "home")
        try expectDone(daemon, "two-versions.sh")
    }

    @Test func `the kernel sees the past below dot-snapshot, and cannot change it`() throws {
        let daemon = try DaemonProcess(clock: "2026-01-01T00:00:00Z")
        try daemon.start("--nfs", "0.0.0.0:0")
        try daemon.done("fs", "create", "home")
        try daemon.done("put", "-", "home:/file", input: Data("old".utf8))
        try daemon.done("snapshot", "create", "home", "first")
        try daemon.done("clock", "advance", "1m")
        try daemon.done("put", "-", "home:/file", input: Data("new".utf8))
        try daemon.done("clock", "advance", "1m")
        try expectDone(daemon, "past.sh", ["THEN": "2026-01-01T00:00:30Z"])
    }

    /// Goal: `kill -9` of the server while a client writes costs neither a byte, nor an open file, nor a lock.
    @Test(arguments: ["4.0", "4.1"]) func `the kernel goes on over a kill -9 of the server`(
        version: String
    ) throws {
        let daemon = try DaemonProcess(clock: nil)
        try daemon.start("--nfs", "0.0.0.0:0")
        try daemon.done("fs", "create", "home")
        let port = try daemon.nfsPort()
        // A directory that client and test both see, which /tmp is not.
        let signal = "/var/tmp/varve-signal-" + UUID().uuidString
        let files = FileManager.default
        try files.createDirectory(atPath: signal, withIntermediateDirectories: false)
        defer {
            // A leftover there harms nobody.
            try? files.removeItem(atPath: signal)
        }
        let environment = [
            "PORT": port, "EXPORT": try export(daemon), "SIGNAL": signal, "VERSION": version,
        ]
        let result = Mutex<Result<Witness.Run, any Error>?>(nil)
        let ended = DispatchGroup()
        DispatchQueue.global().async(group: ended) {
            let run = Result { try KernelClient.run("restart.sh", environment) }
            result.withLock { $0 = run }
        }
        while !files.fileExists(atPath: signal + "/now"),
            ended.wait(timeout: .now() + 0.05) == .timedOut
        {}
        daemon.kill()
        try daemon.start("--nfs", "0.0.0.0:" + port)
        _ = files.createFile(atPath: signal + "/again", contents: nil)
        ended.wait()
        let outcome = result.withLock { $0 }
        let run = try #require(outcome).get()
        let log = try daemon.logText()
        #expect(run.status == 0, "\(run.output)\n\(log)")
        #expect(run.output.contains("== done"), "\(run.output)")
        #expect(daemon.stop() == 0)
        #expect(try daemon.varved("doctor").status == 0)
    }

    /// Where the gateway has the daemon's one file system.
    private func export(_ daemon: DaemonProcess) throws -> String {
        let list = try daemon.done("fs", "list", "--json")
        let text = String(decoding: list, as: UTF8.self)
        return "/" + String(try #require(text.firstMatch(of: /fs-[0-9a-f]{17}/)?.0))
    }

    /// Runs a script on the daemon's one file system, and stops the daemon.
    private func expectDone(
        _ daemon: DaemonProcess,
        _ script: String,
        _ more: [String: String] = [:]
    ) throws {
        let own = ["PORT": try daemon.nfsPort(), "EXPORT": try export(daemon)]
        let run = try KernelClient.run(script, own.merging(more) { $1 })
        let log = try daemon.logText()
        #expect(run.status == 0, "\(run.output)\n\(log)")
        #expect(run.output.contains("== done"), "\(run.output)")
        #expect(daemon.stop() == 0)
    }
}
