import Foundation
import TestKit
import Testing

/// A small file system of memory, mounted where a state directory stands; gone with its last owner.
private final class SmallDisk {
    /// Whether this process may mount; where everything is required, it is taken to.
    static let isAvailable: Bool = {
        if ProcessInfo.processInfo.environment["VARVE_REQUIRE"] == "all" { return true }
        guard geteuid() == 0, let directory = try? TemporaryDirectory() else { return false }
        // Where mounting is refused, the suite is disabled with that reason.
        return (try? SmallDisk(over: directory.path, megabytes: 1)) != nil
    }()

    private let path: String

    /// Mounts it over a directory, whose contents it takes over.
    init(over path: String, megabytes: Int) throws {
        let aside = path + ".aside"
        try DaemonProcess.system("mv", path, aside)
        try DaemonProcess.system("mkdir", path)
        try DaemonProcess.system(
            "mount",
            "-t",
            "tmpfs",
            "-o",
            "size=\(megabytes)m,mode=700",
            "none",
            path
        )
        self.path = path
        try DaemonProcess.system("cp", "-a", aside + "/.", path)
        try DaemonProcess.system("rm", "-rf", aside)
    }

    deinit {
        // What stays mounted goes with the mount namespace or the machine.
        _ = try? DaemonProcess.system("umount", "--lazy", path)
    }

    /// Takes all but so many mebibytes.
    func fill(allBut megabytes: Int) throws {
        var found = statvfs()
        guard statvfs(path, &found) == 0 else { throw CocoaError(.fileReadUnknown) }
        let free = Int(found.f_bavail) * Int(found.f_frsize) - megabytes << 20
        try DaemonProcess.system("fallocate", "-l", "\(free)", path + "/ballast")
    }

    func makeRoom() throws {
        try DaemonProcess.system("rm", path + "/ballast")
    }
}

/// Goal: a full disk is an error that says so; what was acknowledged stays; with room everything goes on.
///
/// Method: the state directory on a small disk that ballast fills, during an import and during a backup.
@Suite(.serialized, .enabled(if: SmallDisk.isAvailable, "needs root and the right to mount"))
struct FullDiskTests {
    @Test func `a disk that fills up during an import and a backup loses nothing`() throws {
        let daemon = try DaemonProcess()
        let disk = try SmallDisk(over: daemon.state, megabytes: 384)
        let source = daemon.work + "/source"
        try DaemonProcess.system(
            "bash",
            "-c",
            """
            mkdir '\(source)' && cd '\(source)'
            for i in $(seq 20); do head -c 4000000 /dev/urandom >large-$i; done
            for i in $(seq 200); do echo $i >small-$i; done
            """
        )
        try daemon.start()
        for name in ["home", "beside"] { try daemon.done("fs", "create", name) }
        try daemon.done("vault", "create", "main")
        try daemon.done("put", "-", "home:/precious", input: Data("precious".utf8))

        try disk.fill(allBut: 40)
        let full = try daemon.varve("import", source, "home:/in")
        #expect(full.status == 1, "\(full.errors)")
        for word in ["No space left on device", "Free space", daemon.state] {
            #expect(full.errors.contains(word), "\(full.errors)")
        }
        #expect(try daemon.done("cat", "home:/precious") == Data("precious".utf8))
        #expect(try daemon.varve("ls", "-R", "home:/").status == 0)
        let doctor = try daemon.varve("doctor")
        #expect(doctor.status == 0, "\(doctor.text)\(doctor.errors)")
        try disk.makeRoom()
        // At once: the refused writer is what looks whether there is room again.
        try daemon.done("import", source, "home:/in")
        try daemon.done("export", "home:/in", daemon.work + "/out")
        try DaemonProcess.system("diff", "-r", source, daemon.work + "/out")

        try disk.fill(allBut: 50)
        let backup = try daemon.varve("backup", "run", "home", "--vault", "main")
        #expect(backup.status == 1, "\(backup.errors)")
        for word in ["No space left on device", "Free space", "vaults/main"] {
            #expect(backup.errors.contains(word), "\(backup.errors)")
        }
        #expect(try daemon.done("--json", "backup", "list").line == "[\n\n]")
        #expect(try daemon.varve("vault", "verify", "main", "--read-data").status == 0)
        try daemon.done("put", "-", "beside:/written", input: Data("on the last bytes".utf8))
        try disk.makeRoom()
        let id = try daemon.done("backup", "run", "home", "--vault", "main").line
        try daemon.done(
            "restore",
            "home:/in",
            "--recovery-point",
            id,
            "--to",
            daemon.work + "/again"
        )
        try DaemonProcess.system("diff", "-r", source, daemon.work + "/again")
        #expect(try daemon.done("cat", "beside:/written") == Data("on the last bytes".utf8))
        #expect(try daemon.varve("doctor").complaint == "")
        #expect(daemon.stop() == 0)
    }

    @Test func `a daemon that starts on a full disk reads, and writes once there is room`() throws {
        let daemon = try DaemonProcess()
        let disk = try SmallDisk(over: daemon.state, megabytes: 128)
        try daemon.start()
        try daemon.done("fs", "create", "home")
        try daemon.done("put", "-", "home:/kept", input: Data("kept".utf8))
        daemon.kill()
        try disk.fill(allBut: 0)
        try daemon.start()
        #expect(try daemon.done("cat", "home:/kept") == Data("kept".utf8))
        let large = daemon.work + "/large"
        try Data(count: 90_000_000).write(to: URL(fileURLWithPath: large))
        let refused = try daemon.varve("put", large, "home:/large")
        #expect(refused.status == 1 && refused.errors.contains("Free space"), "\(refused.errors)")
        try disk.makeRoom()
        try daemon.done("put", large, "home:/large")
        #expect(try daemon.done("cat", "home:/large") == Data(count: 90_000_000))
        #expect(try daemon.done("cat", "home:/kept") == Data("kept".utf8))
        #expect(try daemon.varve("doctor").complaint == "")
    }
}
