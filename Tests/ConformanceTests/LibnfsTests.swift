import Foundation
import TestKit
import Testing

/// Goal: a second client of NFSv4.0 that we did not write reads us: libnfs, whose NFSv4 is 4.0.
///
/// Method: its tools list and copy; a script on the library makes, links, renames, changes and removes, and writes a little into what is there.
/// Making files and writing much is left to the kernel's client: libnfs 4.0.0 creates with OPEN4_SHARE_ACCESS_READ, cannot encode a WRITE of
/// 4 KiB, and counts neither a LOCK nor a refused OPEN for its owner.
@Suite(.enabled(if: Libnfs.isAvailable, "root runs nfs-ls: apt-get install libnfs-utils"))
struct LibnfsTests {
    @Test func `libnfs lists, reads, copies and changes over NFSv4_0`() throws {
        let daemon = try DaemonProcess(clock: nil)
        try daemon.start("--nfs", "127.0.0.1:0")
        try daemon.done("fs", "create", "home")
        let bytes = Data((0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7 >> 3) })
        try daemon.done("put", "-", "home:/file", input: bytes)
        let list = String(decoding: try daemon.done("fs", "list", "--json"), as: UTF8.self)
        let name = String(try #require(list.firstMatch(of: /fs-[0-9a-f]{17}/)?.0))
        let server = "nfs://127.0.0.1/"
        let query = "?version=4&nfsport=\(try daemon.nfsPort())"
        let gateway = try Witness.run("/usr/bin/nfs-ls", [server + query])
        #expect(gateway.status == 0 && gateway.output.contains(name), "\(gateway.output)")
        let listing = try Witness.run("/usr/bin/nfs-ls", [server + name + query])
        #expect(listing.status == 0, "\(listing.output)")
        #expect(listing.output.contains(/3000000 file/), "\(listing.output)")
        let copy = daemon.work + "/copy"
        let copied = try Witness.run(
            "/usr/bin/nfs-cp",
            [server + name + "/file" + query, copy]
        )
        #expect(copied.status == 0, "\(copied.output)")
        #expect(try Data(contentsOf: URL(fileURLWithPath: copy)) == bytes)
        let missing = try Witness.run("/usr/bin/nfs-cat", [server + name + "/none" + query])
        #expect(missing.output.contains("NFS4ERR_NOENT"), "\(missing.output)")
        let changed = try Witness.run("Tests/Witnesses/libnfs.py", [server + name + query])
        #expect(changed.status == 0, "\(changed.output)")
        var after = bytes
        after.replaceSubrange(1_000..<1_017, with: Data("written by libnfs".utf8))
        #expect(try daemon.done("cat", "home:/file") == after)
        #expect(String(decoding: try daemon.done("ls", "home:/"), as: UTF8.self).contains("file"))
        #expect(daemon.stop() == 0)
    }
}

/// The tools of libnfs; as root they speak from ports below 1024.
private enum Libnfs {
    /// Whether they are here; where everything is required, they are taken to be.
    static let isAvailable: Bool =
        ProcessInfo.processInfo.environment["VARVE_REQUIRE"] == "all"
        || (getuid() == 0 && FileManager.default.isExecutableFile(atPath: "/usr/bin/nfs-ls"))
}
