import Foundation
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
    @Test func `the kernel mounts a file system over NFSv4_1 and uses it`() throws {
        let daemon = try DaemonProcess(clock: nil)
        try daemon.start("--nfs", "0.0.0.0:0")
        try daemon.done("fs", "create", "home")
        let list = try daemon.done("fs", "list", "--json")
        let text = String(decoding: list, as: UTF8.self)
        let id = try #require(text.firstMatch(of: /fs-[0-9a-f]{17}/)?.0)
        let run = try KernelClient.run(
            "first-mount.sh",
            ["PORT": try daemon.nfsPort(), "EXPORT": "/" + id]
        )
        #expect(run.status == 0, "\(run.output)\n\(try daemon.logText())")
        #expect(run.output.contains("== done"))
        #expect(daemon.stop() == 0)
    }
}
