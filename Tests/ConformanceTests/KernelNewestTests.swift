import Foundation
import TestKit
import Testing

/// Goal: what NFSv4.2 has over 4.1 works with the Linux kernel's own client: holes, clones, copies, extended attributes.
///
/// Method: as `KernelMountTests`; the client's own counters tell which operations it sent.
@Suite(
    .serialized,
    .enabled(if: KernelClient.obstacle == nil, "\(KernelClient.obstacle ?? "")")
)
struct KernelNewestTests {
    @Test func `the kernel mounts a file system over NFSv4_2 and uses what is new`() throws {
        let daemon = try DaemonProcess(clock: nil)
        try daemon.start("--nfs", "0.0.0.0:0")
        for name in ["home", "other"] { try daemon.done("fs", "create", name) }
        try daemon.done("put", "-", "home:/file", input: Data("old".utf8))
        try daemon.done("snapshot", "create", "home", "first")
        try daemon.done("put", "-", "home:/file", input: Data("new".utf8))
        let run = try KernelClient.run(
            "newest.sh",
            environment: [
                "PORT": try daemon.nfsPort(), "EXPORT": try export("home", of: daemon),
                "OTHER": try export("other", of: daemon),
            ],
            version: "4.2"
        )
        let log = try daemon.logText()
        #expect(run.status == 0, "\(run.output)\n\(log)")
        #expect(run.output.contains("== done"), "\(run.output)")
        print(run.output)
        #expect(daemon.stop() == 0)
        #expect(try daemon.varved("doctor").status == 0)
    }

    /// Where the gateway has a file system.
    private func export(_ name: String, of daemon: DaemonProcess) throws -> String {
        let list = String(decoding: try daemon.done("fs", "list"), as: UTF8.self)
        let line = try #require(list.split(separator: "\n").first { $0.contains(name) })
        return "/" + String(try #require(line.firstMatch(of: /fs-[0-9a-f]{17}/)?.0))
    }
}
