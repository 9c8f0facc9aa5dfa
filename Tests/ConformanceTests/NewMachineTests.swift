import Foundation
import TestKit
import Testing

/// Goal: a vault's directory and the root key alone restore on another machine.
///
/// Method: the odd tree goes into a vault; another state directory, made with the same key, gets the vault's
/// directory; what it restores is compared with the tree by programs that are not ours.
@Suite(.serialized, .enabled(if: Witness.isAvailable, "rsync, getfattr or setfacl is missing"))
struct NewMachineTests {
    @Test(arguments: [false, true])
    func `a vault and the root key restore on a new machine`(controlIsLost: Bool) throws {
        let old = try DaemonProcess()
        let tree = old.work + "/tree"
        let planted = try Witness.run("Tests/Demo/plant-odd-tree.sh", [tree])
        #expect(planted.status == 0, "\(planted.output)")
        try old.start()
        try old.done("fs", "create", "odd")
        try old.done("import", tree, "odd:/")
        try old.done("vault", "create", "main")
        try old.done("backup", "run", "odd", "--vault", "main")
        #expect(old.stop() == 0)
        if controlIsLost {
            try DaemonProcess.system("rm", old.state + "/control.sqlite")
            #expect(try old.varved("serve").status == 2)
            let doctor = try old.varved("doctor")
            #expect(doctor.status == 2)
            // It says what to do, and that the vault is whole.
            for word in [
                "control.sqlite", "varved init --key-file", "vault main: 1 recovery points",
            ] {
                #expect(doctor.text.contains(word), "\(doctor.text)")
            }
        }

        let new = try DaemonProcess(rootKey: old.keyFile)
        try DaemonProcess.system("cp", "-a", old.state + "/vaults/main", new.state + "/vaults/")
        try DaemonProcess.system("rm", "-rf", old.state)
        try new.start()
        let list = try new.done("--json", "backup", "list")
        let points = try JSONSerialization.jsonObject(with: list) as? [[String: Any]]
        let point = try #require(points?.first)
        #expect(points?.count == 1)
        #expect(point["fileSystemName"] as? String == "odd")
        let id = try #require(point["id"] as? String)
        try new.done("restore", "odd:/", "--recovery-point", id, "--to-new", "odd")
        try new.done("export", "odd:/", new.work + "/exported")
        try new.done("restore", "odd:/", "--recovery-point", id, "--to", new.work + "/restored")
        for copy in ["/exported", "/restored"] {
            let judged = try Witness.run("Tests/Demo/witness.sh", [tree, new.work + copy])
            #expect(judged.status == 0, "\(copy): \(judged.output)")
        }
        #expect(try new.varve("vault", "verify", "main", "--read-data").status == 0)
        #expect(try new.varve("doctor").complaint == "")
        // Life goes on there: the next backup of the restored file system goes into the same vault.
        try new.done("backup", "run", "odd", "--vault", "main")
        try DaemonProcess.system("chmod", "-R", "u+rwX", tree, new.work)
    }

    @Test func `another key opens nothing, and says so`() throws {
        let old = try DaemonProcess()
        try old.start()
        try old.done("vault", "create", "main")
        #expect(old.stop() == 0)
        let new = try DaemonProcess()
        try DaemonProcess.system("cp", "-a", old.state + "/vaults/main", new.state + "/vaults/")
        try new.start()
        let list = try new.varve("backup", "list")
        #expect(list.status == 3)
        for word in ["main", "does not open under this root key", "that one's root key"] {
            #expect(list.errors.contains(word), "\(list.errors)")
        }
        #expect(try new.varve("doctor").status == 2)
    }
}
