import Foundation
import LocalAPI
import TestKit
import Testing

/// Goal: a vault's directory and its recovery kit alone restore on another machine, also after its key was wrapped anew.
@Suite(.serialized) struct VaultKeyCommandTests {
    private func backedUp() throws -> DaemonProcess {
        let daemon = try DaemonProcess()
        try daemon.start()
        try daemon.done("fs", "create", "home")
        try daemon.done("vault", "create", "main")
        try daemon.done("put", "-", "home:/note", input: Data("kept".utf8))
        try daemon.done("backup", "run", "home", "--vault", "main")
        return daemon
    }

    /// Adopts, and restores what the vault has.
    private func restore(_ directory: String, kit: String, rotated: Bool) throws {
        let new = try DaemonProcess()
        try new.start()
        try new.done("vault", "adopt", directory, "--recovery-kit", "-", input: Data(kit.utf8))
        let list = try new.done("--json", "backup", "list", "--vault", "main")
        let points = try JSONDecoder().decode([RecoveryPointDescription].self, from: list)
        let point = try #require(points.first)
        try new.done("restore", "home:/", "--recovery-point", point.id, "--to-new", "home")
        #expect(try new.done("cat", "home:/note") == Data("kept".utf8))
        // It stays over a restart, and life goes on there.
        #expect(new.stop() == 0)
        try new.start()
        try new.done("backup", "run", "home", "--vault", "main")
        #expect(try new.varve("vault", "verify", "main", "--read-data").status == 0)
        #expect(try new.varve("doctor").complaint == "")
        let again = try new.varve(
            "vault",
            "adopt",
            directory,
            "--recovery-kit",
            "-",
            input: Data(kit.utf8)
        )
        #expect(again.status == 1 && again.errors.contains("already"), "\(again.errors)")
        // The kit of the new machine opens it too.
        #expect(try new.done("vault", "recovery-kit", "main").text.contains(key(of: kit)))
    }

    /// The lines of the key.
    private func key(of kit: String) -> String {
        let lines = kit.split(separator: "\n", omittingEmptySubsequences: false)
        let start = lines.firstIndex { $0.hasPrefix("Root key:") } ?? 0
        return lines[(start + 1)..<(start + 3)].joined(separator: "\n")
    }

    @Test(arguments: [false, true])
    func `the kit alone restores on a new machine`(rotated: Bool) throws {
        let old = try backedUp()
        let first = try old.done("vault", "recovery-kit", "main").text
        #expect(first.contains("every file system and every vault"))
        let file = old.work + "/main.kit"
        if rotated {
            try old.done("vault", "rotate-key", "main")
            #expect(old.stop() == 0)
            try old.start()
            #expect(try old.varve("vault", "verify", "main", "--read-data").status == 0)
            try old.done("backup", "run", "home", "--vault", "main")
        }
        try old.done("vault", "recovery-kit", "main", "--output", file)
        let attributes = try FileManager.default.attributesOfItem(atPath: file)
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        let twice = try old.varve("vault", "recovery-kit", "main", "--output", file)
        #expect(twice.status == 1, "a kit is not written over")
        let kit = try String(contentsOfFile: file, encoding: .utf8)
        #expect((key(of: kit) == key(of: first)) == !rotated)
        let disk = old.work + "/disk"
        try DaemonProcess.system("cp", "-a", old.state + "/vaults/main", disk)
        #expect(old.stop() == 0)
        try DaemonProcess.system("rm", "-rf", old.state, old.keyFile, old.keyFile + ".d")
        func files() throws -> Data {
            try DaemonProcess.system(
                "find",
                disk,
                "-type",
                "f",
                "-not",
                "-path",
                "*/leases/*"
            )
        }
        let before = try files()
        try restore(disk, kit: kit, rotated: rotated)
        #expect(try files() == before, "the original stays as it is")
    }

    @Test func `what is no kit of this vault is refused by name`() throws {
        let old = try backedUp()
        try old.done("vault", "create", "other")
        let main = try old.done("vault", "recovery-kit", "main").text
        let other = try old.done("vault", "recovery-kit", "other").text
        try old.done("vault", "rotate-key", "main")
        let rotated = try old.done("vault", "recovery-kit", "main").text
        let directory = old.state + "/vaults/main"
        #expect(old.stop() == 0)
        let new = try DaemonProcess()
        try new.start()
        let mistyped = rotated.replacing("T1", with: "T2")
        let cases: [(kit: String, status: Int32, says: String)] = [
            (main, 1, "it was wrapped by root key rk-"), (mistyped, 64, "mistake"),
            ("", 64, "mistake"),
            (other, 1, "does not open"),
        ]
        for (kit, status, says) in cases {
            let refused = try new.varve(
                "vault",
                "adopt",
                directory,
                "--recovery-kit",
                "-",
                input: Data(kit.utf8)
            )
            #expect(refused.status == status && refused.errors.contains(says), "\(refused.errors)")
        }
        let nowhere = try new.varve(
            "vault",
            "adopt",
            new.work,
            "--recovery-kit",
            "-",
            input: Data(rotated.utf8)
        )
        #expect(nowhere.status == 1, "\(nowhere.errors)")
        #expect(try new.done("--json", "vault", "list").text.contains("main") == false)
        // A vault of another id with the same key is told apart by the paper.
        let wrong = try new.varve(
            "vault",
            "adopt",
            old.state + "/vaults/other",
            "--recovery-kit",
            "-",
            input: Data(main.utf8)
        )
        #expect(wrong.status == 1 && wrong.errors.contains("the kit is of"), "\(wrong.errors)")
        // In place: the directory lies among the vaults already.
        try DaemonProcess.system("cp", "-a", directory, new.state + "/vaults/")
        #expect(try new.varve("backup", "list").status == 3)
        try new.done(
            "vault",
            "adopt",
            new.state + "/vaults/main",
            "--recovery-kit",
            "-",
            input: Data(rotated.utf8)
        )
        #expect(try new.varve("backup", "list").status == 0)
    }

    @Test(.enabled(if: geteuid() == 0, "needs root"))
    func `only an administrator sees a key, or changes one`() throws {
        let daemon = try backedUp()
        let top = URL(fileURLWithPath: daemon.state).deletingLastPathComponent().path
        try DaemonProcess.system("chmod", "755", top)
        let words = [
            ["recovery-kit", "main"], ["rotate-key", "main"], ["unlock", "main"],
            ["lock", "main", "--min-retention", "7d"],
            ["adopt", "/", "--recovery-kit", "/dev/null"],
        ]
        for words in words {
            let refused = try DaemonProcess.run(
                "/usr/bin/setpriv",
                [
                    "--reuid=1234", "--regid=1234", "--clear-groups",
                    DaemonProcess.binaries + "/varve", "--socket", daemon.socket, "vault",
                ] + words
            )
            #expect(refused.status == 1 && refused.errors.contains("root"), "\(refused.errors)")
            #expect(!refused.text.contains("VARV"))
        }
    }
}

extension Data {
    fileprivate var text: String { String(decoding: self, as: UTF8.self) }
}
