import Foundation
import TestKit
import Testing

/// Goal: `varve backup delete` takes one recovery point, gives its space back, and leaves the others whole.
///
/// Method: the real programs; two points of a tree that changed in between; one goes, whichever; the other is
/// restored and compared by diff.
@Suite(.serialized) struct DeleteBackupTests {
    /// A file system `home`, backed up into vault `main` as it was and as it became.
    private struct World {
        let daemon: DaemonProcess
        /// Ids, oldest first.
        let points: [String]
        /// A copy of the tree at each.
        let trees: [String]

        init() throws {
            daemon = try DaemonProcess()
            try daemon.start()
            try daemon.done("fs", "create", "home")
            try daemon.done("vault", "create", "main")
            let source = daemon.work + "/source"
            let script = """
                mkdir -p '\(source)/sub' && cd '\(source)'
                head -c 3000000 /dev/urandom >sub/goes; head -c 300000 /dev/urandom >stays; echo one >note
                ln note sub/link; ln -s ../note sub/symbolic
                """
            try DaemonProcess.system("bash", "-euc", script)
            var (ids, copies): ([String], [String]) = ([], [])
            for round in 0..<2 {
                if round == 1 {
                    let change =
                        "cd '\(source)' && rm sub/goes && echo two >note && head -c 200000 /dev/urandom >sub/comes"
                    try DaemonProcess.system("bash", "-euc", change)
                    try daemon.done("rm", "home:/sub/goes")
                    try daemon.done("clock", "advance", "1m")
                }
                try daemon.done("import", source, "home:/")
                ids.append(try daemon.done("backup", "run", "home", "--vault", "main").line)
                copies.append(daemon.work + "/copy-\(round)")
                try DaemonProcess.system("cp", "-a", source, copies[round])
            }
            (points, trees) = (ids, copies)
        }

        func listed() throws -> [String] {
            let list = try daemon.done("--json", "backup", "list", "home")
            let points = try JSONSerialization.jsonObject(with: list) as? [[String: Any]]
            return (points ?? []).compactMap { $0["id"] as? String }
        }

        func storedBytes() throws -> Int {
            let list = try daemon.done("--json", "vault", "list")
            let vaults = try JSONSerialization.jsonObject(with: list) as? [[String: Any]]
            return try #require(vaults?.first?["storedBytes"] as? Int)
        }

        func restore(_ number: Int, to name: String) throws -> DaemonProcess.Ended {
            try daemon.varve(
                "restore",
                "home:/",
                "--recovery-point",
                points[number],
                "--to",
                daemon.work + "/" + name
            )
        }
    }

    @Test(arguments: [0, 1])
    func `one point goes, the other restores byte for byte`(gone: Int) throws {
        let world = try World()
        let daemon = world.daemon
        #expect(try world.listed() == world.points)
        let before = try world.storedBytes()
        let deleted = try daemon.varve("backup", "delete", world.points[gone], "--vault", "main")
        #expect(deleted.status == 0, "\(deleted.errors)")
        #expect(deleted.output.isEmpty && deleted.errors.isEmpty)
        #expect(try world.listed() == [world.points[1 - gone]])
        // What it alone needed is given back: three megabytes of the first, a fifth of one of the second.
        let alone = gone == 0 ? 2_900_000 : 190_000
        #expect(try world.storedBytes() < before - alone)
        #expect(try world.restore(1 - gone, to: "back").status == 0)
        try DaemonProcess.system(
            "diff",
            "-r",
            "--no-dereference",
            world.trees[1 - gone],
            daemon.work + "/back"
        )
        let lost = try world.restore(gone, to: "lost")
        #expect(lost.status == 1 && lost.errors.contains(world.points[gone]), "\(lost.errors)")
        #expect(!FileManager.default.fileExists(atPath: daemon.work + "/lost"))
        let again = try daemon.varve("backup", "delete", world.points[gone], "--vault", "main")
        #expect(again.status == 1 && again.errors.contains(world.points[gone]), "\(again.errors)")
        #expect(try daemon.varve("vault", "verify", "main", "--read-data").status == 0)
        #expect(try daemon.varve("doctor").complaint == "")
    }

    @Test func `what would be kept for ever and a day is refused, and the daemon lives`() throws {
        let daemon = try DaemonProcess()
        try daemon.start()
        try daemon.done("fs", "create", "home")
        try daemon.done("vault", "create", "main")
        let far = String(Int64.max)
        let backup = try daemon.varve(
            "backup",
            "run",
            "home",
            "--vault",
            "main",
            "--delete-after-days",
            far
        )
        #expect(backup.status == 64, "\(backup.errors)")
        #expect(backup.errors.contains("36500"), "\(backup.errors)")
        let snapshot = try daemon.varve("snapshot", "create", "home", "x", "--expires", "36501d")
        #expect(snapshot.status == 64, "\(snapshot.errors)")
        try daemon.done("put", "-", "home:/note", input: Data("note".utf8))
        // Whether such a time is taken or refused: reading the file must not stop anybody.
        _ = try daemon.varve("touch", "--accessed", "@\(far)", "home:/note")
        #expect(try daemon.done("cat", "home:/note") == Data("note".utf8))
        try daemon.done("ls", "-l", "home:/")
    }

    @Test func `the newest goes too, and the next backup is a full one`() throws {
        let world = try World()
        let daemon = world.daemon
        for (number, point) in world.points.reversed().enumerated() {
            let deleted = try daemon.done("--json", "backup", "delete", point, "--vault", "main")
            let answer = try JSONSerialization.jsonObject(with: deleted) as? [String: Any]
            #expect(answer?.isEmpty == true)
            #expect(try world.listed().count == 1 - number)
        }
        let next = try daemon.varve("backup", "run", "home", "--vault", "main")
        #expect(next.status == 0 && next.errors.hasPrefix("full: "), "\(next.errors)")
        #expect(daemon.stop() == 0)
        try daemon.start()
        #expect(try world.listed() == [next.output.line])
        let back = daemon.work + "/back"
        try daemon.done("restore", "home:/", "--recovery-point", next.output.line, "--to", back)
        try DaemonProcess.system("diff", "-r", "--no-dereference", world.trees[1], back)
    }

    private func delete(_ words: [String], of world: World) throws -> DaemonProcess.Ended {
        try DaemonProcess.run(
            "varve",
            ["--socket", world.daemon.socket, "backup", "delete"] + words + ["--vault", "main"]
        )
    }

    @Test func `several go at once, each refusal is told, and none hinders the others`() throws {
        let world = try World()
        let unknown = ["0", "1"].map { "rp-" + String(repeating: $0, count: 32) }
        let held = world.points[1]
        let daemon = world.daemon
        try daemon.done("recovery-point", "hold", "add", held, "audit", "--reason", "an audit")
        // One that is named twice goes once, and is no error the second time.
        let words = [unknown[0], world.points[0], unknown[1], world.points[1], world.points[0]]
        let first = try delete(words, of: world)
        #expect(first.status == 1)
        for told in unknown + [world.points[1]] {
            #expect(first.errors.contains(told), "\(told): \(first.errors)")
        }
        #expect(!first.errors.contains(world.points[0]), "\(first.errors)")
        #expect(try world.listed() == [world.points[1]])
        try daemon.done("recovery-point", "hold", "remove", held, "audit")
        let last = try delete(["--json", world.points[1], unknown[0]], of: world)
        let answer = try JSONSerialization.jsonObject(with: last.output)
        let report = try #require(answer as? [String: Any])
        #expect(report["deleted"] as? [String] == [world.points[1]])
        #expect((report["refused"] as? [[String: Any]])?.first?["id"] as? String == unknown[0])
        #expect(try world.listed().isEmpty)
        #expect(try world.storedBytes() == 0)
    }

    @Test func `a word that is no id keeps all the others from going`() throws {
        let world = try World()
        let refused = try delete([world.points[0], "home"], of: world)
        #expect(refused.status == 64 && refused.errors.contains("'home'"), "\(refused.errors)")
        #expect(try world.listed() == world.points)
    }

    @Test func `what is no point, or in no such vault, is refused and nothing goes`() throws {
        let world = try World()
        let daemon = world.daemon
        let unknown = "rp-" + String(repeating: "0", count: 32)
        let cases: [(words: [String], status: Int32, says: String)] = [
            ([unknown, "--vault", "main"], 1, unknown),
            (["--json", unknown, "--vault", "main"], 1, unknown),
            ([world.points[0], "--vault", "other"], 1, "there is no vault 'other'"),
            (["home", "--vault", "main"], 64, "'home' is no recovery point's id"),
            ([world.points[0]], 64, "--vault"), (["--vault", "main"], 64, "recovery-point"),
        ]
        for (words, status, says) in cases {
            let refused = try DaemonProcess.run(
                "varve",
                ["--socket", daemon.socket, "backup", "delete"] + words
            )
            #expect(refused.status == status, "\(words): \(refused.errors)")
            #expect(refused.errors.contains(says), "\(words): \(refused.errors)")
            #expect(refused.output.isEmpty, "\(words)")
        }
        #expect(try world.listed() == world.points)
        #expect(try world.restore(0, to: "back").status == 0)
    }

    @Test(.enabled(if: geteuid() == 0, "needs root"))
    func `only an administrator deletes`() throws {
        let world = try World()
        let daemon = world.daemon
        let top = URL(fileURLWithPath: daemon.state).deletingLastPathComponent().path
        try DaemonProcess.system("chmod", "755", top)
        let refused = try DaemonProcess.run(
            "/usr/bin/setpriv",
            [
                "--reuid=1234", "--regid=1234", "--clear-groups",
                DaemonProcess.binaries + "/varve", "--socket", daemon.socket, "backup", "delete",
                world.points[0], "--vault", "main",
            ]
        )
        #expect(refused.status == 1 && refused.errors.contains("root"), "\(refused.errors)")
        #expect(try world.listed() == world.points)
    }

    @Test(arguments: [false, true])
    func `a point whose manifest is damaged, or lost, can be deleted`(isLost: Bool) throws {
        let world = try DamagedWorld()
        try world.damage("vaults/main/manifests/*", isLost ? .remove : .flip(150))
        let daemon = world.daemon
        try daemon.start()
        #expect(try daemon.varve("backup", "list", "--vault", "main").status == 2)
        try daemon.done("backup", "delete", world.point, "--vault", "main")
        #expect(try daemon.varve("backup", "list", "--vault", "main").status == 0)
        #expect(try daemon.varve("vault", "verify", "main").status == 0)
    }
}
