import Foundation
import LocalAPI
import TestKit
import Testing

/// Goal: recovery points are looked into, compared, held and restored in parts by the real programs.
@Suite(.serialized) struct RecoveryPointCommandTests {
    /// A file system `home` and two recovery points of it, a day apart.
    private struct World {
        let daemon: DaemonProcess
        let points: [String]
        let source: String

        init() throws {
            daemon = try DaemonProcess()
            try daemon.addKeepOne()
            try daemon.start()
            try daemon.done("fs", "create", "home")
            try daemon.done("vault", "create", "main")
            source = daemon.work + "/source"
            let script = """
                mkdir -p '\(source)/ann/mail/old' '\(source)/bob' && cd '\(source)'
                echo one >ann/plan.odt; echo two >bob/plan.odt; head -c 3000000 /dev/urandom >ann/large
                chmod 750 ann; if [ "$(id -u)" = 0 ]; then chown 1000:1000 ann; fi
                echo letter >ann/mail/old/1; ln -s ../plan.odt ann/mail/link; printf x >"$(printf 'caf\\xe9.odt')"
                """
            try DaemonProcess.system("bash", "-euc", script)
            try daemon.done("import", source, "home:/")
            let first = try daemon.done(
                "backup",
                "run",
                "home",
                "--vault",
                "main",
                "--delete-after-days",
                "1"
            ).line
            try daemon.done("clock", "advance", "1d")
            try daemon.done("put", "-", "home:/ann/plan.odt", input: Data("ONE\n".utf8))
            try daemon.done("mv", "home:/bob/plan.odt", "home:/bob/moved.odt")
            try daemon.done(
                "put",
                "-",
                "home:/ann/large",
                "--offset",
                "2000000",
                input: Data("patch".utf8)
            )
            points = [first, try daemon.done("backup", "run", "home", "--vault", "main").line]
        }

        func point(_ number: Int, _ path: String) -> String { points[number] + ":" + path }

        func lines(_ words: String...) throws -> Set<String> {
            let ended = try DaemonProcess.run("varve", ["--socket", daemon.socket] + words)
            #expect([0, 2].contains(ended.status), "\(words): \(ended.errors)")
            return Set(
                String(decoding: ended.output, as: UTF8.self).split(separator: "\n").map(
                    String.init
                )
            )
        }

        func json<Value: Decodable>(_ type: Value.Type, _ words: String...) throws -> Value {
            let ended = try DaemonProcess.run(
                "varve",
                ["--socket", daemon.socket, "--json"] + words
            )
            return try JSONDecoder().decode(type, from: ended.output)
        }
    }

    @Test func `points are listed, described, read and searched without restoring them`() throws {
        let world = try World()
        let daemon = world.daemon
        #expect(
            try world.json([RecoveryPointDescription].self, "recovery-point", "list", "home").map(
                \.id
            ) == world.points
        )
        let described = try world.json(
            RecoveryPointDetails.self,
            "recovery-point",
            "describe",
            world.points[1]
        )
        #expect(described.point.id == world.points[1] && !described.point.isFull)
        #expect(described.labels["name"] == "home" && described.statistics["bytesRead"] != nil)
        #expect(
            try daemon.varve("recovery-point", "describe", world.points[0]).text.contains("full")
        )

        #expect(
            try daemon.done("recovery-point", "ls", world.point(0, "/ann"))
                == Data("large\nmail\nplan.odt\n".utf8)
        )
        #expect(
            try world.lines("recovery-point", "ls", "-R", world.point(0, "/ann/mail"))
                == ["link", "old", "old/1"]
        )
        let entries = try world.json([FileEntry].self, "recovery-point", "ls", world.points[0])
        #expect(Set(entries.map(\.name.text)) == ["ann", "bob", "caf%E9.odt"])
        let link = try world.json(
            [FileEntry].self,
            "recovery-point",
            "ls",
            world.point(0, "/ann/mail/link")
        )
        #expect(link.map(\.target?.text) == ["../plan.odt"])

        for (number, text) in [(0, "one\n"), (1, "ONE\n")] {
            #expect(
                try daemon.done("recovery-point", "cat", world.point(number, "/ann/plan.odt"))
                    == Data(text.utf8)
            )
        }
        let large = try Data(contentsOf: URL(fileURLWithPath: world.source + "/ann/large"))
        #expect(try daemon.done("recovery-point", "cat", world.point(0, "/ann/large")) == large)
        var patched = large
        patched.replaceSubrange(2_000_000..<2_000_005, with: Data("patch".utf8))
        #expect(try daemon.done("recovery-point", "cat", world.point(1, "/ann/large")) == patched)

        let found = try world.json(
            [FileEntry].self,
            "recovery-point",
            "find",
            world.points[0],
            "*.odt"
        )
        #expect(Set(found.map(\.name.text)) == ["/ann/plan.odt", "/bob/plan.odt", "/caf%E9.odt"])
        #expect(
            try world.lines("recovery-point", "find", world.points[1], "/bob/*") == [
                "/bob/moved.odt"
            ]
        )
        #expect(try world.lines("recovery-point", "find", world.point(1, "/ann/mail")).count == 3)
    }

    @Test func `two points are compared, and what is no file or point is refused`() throws {
        let world = try World()
        let daemon = world.daemon
        let diff = try daemon.varve("recovery-point", "diff", world.points[0], world.points[1])
        #expect(diff.status == 2)
        #expect(
            diff.text == """
                M /ann/large  (data, attributes)
                M /ann/plan.odt  (data, attributes)
                + /bob/moved.odt
                - /bob/plan.odt

                """
        )
        #expect(
            try daemon.varve("recovery-point", "diff", world.points[0], world.points[0]).status == 0
        )
        let unknown = "rp-" + String(repeating: "0", count: 32)
        let cases: [(words: [String], status: Int32, says: String)] = [
            (["cat", world.point(0, "/ann")], 1, "directory"),
            (["cat", world.point(0, "/none")], 1, "none"), (["ls", unknown], 1, unknown),
            (["ls", "home:/"], 64, "rp-"), (["find", world.points[0], "a/b"], 1, "a/b"),
            (["diff", world.points[0], unknown], 1, unknown),
            (["describe", world.points[0], "--vault", "other"], 1, "other"),
        ]
        for (words, status, says) in cases {
            let refused = try DaemonProcess.run(
                "varve",
                ["--socket", daemon.socket, "recovery-point"] + words
            )
            #expect(refused.status == status, "\(words): \(refused.errors)")
            #expect(refused.errors.contains(says), "\(words): \(refused.errors)")
        }
    }

    @Test func `holds keep points from expiry and deletion, also over a restart`() throws {
        let world = try World()
        let daemon = world.daemon
        try daemon.done("clock", "advance", "2d")
        // The clock's own round has expired the first point's time already, unless it is held.
        let listed = try world.json(
            [RecoveryPointDescription].self,
            "recovery-point",
            "list",
            "home"
        ).map(\.id)
        #expect(listed == [world.points[1]])
        let third = try daemon.done(
            "backup",
            "run",
            "home",
            "--vault",
            "main",
            "--delete-after-days",
            "1"
        ).line
        // The clock stands between commands: points of one moment would be ordered by their ids.
        try daemon.done("clock", "advance", "1m")
        try daemon.done("backup", "run", "home", "--vault", "main")
        try daemon.done(
            "recovery-point",
            "hold",
            "add",
            third,
            "case 17",
            "--reason",
            "counsel asked"
        )
        let again = try daemon.varve(
            "recovery-point",
            "hold",
            "add",
            third,
            "case 17",
            "--reason",
            "x"
        )
        #expect(again.status == 1 && again.errors.contains("already"), "\(again.errors)")
        #expect(
            try daemon.varve("recovery-point", "hold", "add", third, "x").status == 64,
            "no reason"
        )
        try daemon.done("clock", "advance", "2d")
        #expect(daemon.stop() == 0)
        try daemon.start()
        let refused = try daemon.varve("backup", "delete", third, "--vault", "main")
        #expect(refused.status == 1 && refused.errors.contains("case 17"), "\(refused.errors)")
        let held = try world.json([HeldPoint].self, "recovery-point", "hold", "list")
        #expect(held.map(\.id) == [third] && held.first?.holds.map(\.reason) == ["counsel asked"])

        let plan = try world.json(
            ExpiryReport.self,
            "backup",
            "expire",
            "--vault",
            "main",
            "--retention",
            "keep-one",
            "--dry-run"
        )
        #expect(plan.judgements.map(\.keptBecause) == [nil, "held by 'case 17'", "keep-last"])
        #expect(
            try daemon.varve("backup", "expire", "--vault", "main", "--dry-run").text.contains(
                "case 17"
            )
        )
        try daemon.done("recovery-point", "hold", "remove", third, "case 17")
        let done = try world.json(
            ExpiryReport.self,
            "backup",
            "expire",
            "--vault",
            "main",
            "--retention",
            "keep-one"
        )
        #expect(done.judgements.map(\.keptBecause) == [nil, nil, "keep-last"])
        #expect(
            try world.json([RecoveryPointDescription].self, "backup", "list", "home").count == 1
        )
        #expect(
            try daemon.varve("backup", "expire", "--vault", "main", "--retention", "none").status
                == 1
        )
        #expect(try daemon.varve("vault", "verify", "main", "--read-data").status == 0)
    }

    @Test
    func `parts are restored to a new, an existing and the same file system, and to the host`()
        throws
    {
        let world = try World()
        let daemon = world.daemon
        let point = world.points[0]
        try daemon.done(
            "restore",
            "home:/",
            "--recovery-point",
            point,
            "--to-new",
            "again",
            "--include",
            "*.odt"
        )
        #expect(
            try world.lines("ls", "-R", "again:/")
                == ["ann", "ann/plan.odt", "bob", "bob/plan.odt", "caf\u{FFFD}.odt"]
        )
        let items = daemon.work + "/items"
        try Data("ann/mail\nnot/there\n".utf8).write(to: URL(fileURLWithPath: items))
        let partly = try daemon.varve(
            "restore",
            "home:/",
            "--recovery-point",
            point,
            "--to-existing",
            "again",
            "--items-from",
            items
        )
        #expect(partly.status == 3 && partly.errors.contains("not/there"), "\(partly.errors)")
        let directory = try #require(partly.text.split(separator: "\n").first.map(String.init))
        #expect(directory.hasPrefix("/aws-backup-restore_2026-01-02T"), "\(directory)")
        #expect(
            try world.lines("ls", "-R", "again:" + directory)
                == ["ann", "ann/mail", "ann/mail/link", "ann/mail/old", "ann/mail/old/1"]
        )
        let before = try world.lines("ls", "again:/")
        let nothing = try daemon.varve(
            "restore",
            "home:/",
            "--recovery-point",
            point,
            "--to-existing",
            "again",
            "--include",
            "*.none"
        )
        #expect(nothing.status == 1 && nothing.errors.contains("selected"), "\(nothing.errors)")
        #expect(try world.lines("ls", "again:/") == before, "nothing is left of it")
        let present = try daemon.varve(
            "restore",
            "home:/",
            "--at",
            "now",
            "--in-place",
            "--include",
            "ann"
        )
        #expect(present.status == 64, "\(present.errors)")
        let deep = try daemon.varve(
            "--json",
            "restore",
            "home:/ann/mail/old",
            "--recovery-point",
            point,
            "--to-existing",
            "again"
        )
        let report = try JSONDecoder().decode(RestoreReport.self, from: deep.output)
        let second = try #require(report.directory?.text)
        #expect(try world.lines("ls", "again:\(second)/ann/mail/old") == ["1"])
        let top = try world.json([FileEntry].self, "ls", "-l", "again:/")
        #expect(top.first { "/" + $0.name.text == second }?.mode == "0700")
        let above = try world.json([FileEntry].self, "ls", "-l", "again:\(second)")
        let source = try world.json([FileEntry].self, "ls", "-l", "home:/")
        let ann = try #require(source.first { $0.name.text == "ann" })
        #expect(ann.mode == "0750" && above.map(\.mode) == ["0750"])
        #expect(above.map(\.uid) == [ann.uid])
        let out = try daemon.varve(
            "restore",
            "home:/ann/../bob",
            "--recovery-point",
            point,
            "--to-existing",
            "again"
        )
        #expect(out.status == 64 && out.errors.contains("'..'"), "\(out.errors)")
        #expect(try world.json([FileEntry].self, "ls", "again:/").count == top.count)

        let snapshots = try world.lines("snapshot", "list", "home")
        let unselected = try daemon.varve(
            "restore",
            "home:/",
            "--recovery-point",
            point,
            "--in-place",
            "--include",
            "*.none"
        )
        #expect(unselected.status == 1, "\(unselected.errors)")
        #expect(try world.lines("snapshot", "list", "home") == snapshots, "nothing is to be undone")

        let deepest = daemon.work + "/deepest"
        let path = Data([UInt8](repeating: UInt8(ascii: "/"), count: 4_096) + [UInt8(ascii: "x")])
        try path.write(to: URL(fileURLWithPath: deepest))
        let refused = try daemon.varve(
            "restore",
            "home:/",
            "--recovery-point",
            point,
            "--to-existing",
            "again",
            "--items-from",
            deepest
        )
        #expect(refused.status == 64 && refused.errors.contains("4096"), "\(refused.errors)")

        let back = daemon.work + "/back"
        try daemon.done(
            "restore",
            "home:/",
            "--recovery-point",
            point,
            "--to",
            back,
            "--include",
            "/ann/mail",
            "--include",
            "/bob/*"
        )
        try DaemonProcess.system(
            "diff",
            "-r",
            "--no-dereference",
            world.source + "/bob",
            back + "/bob"
        )
        try DaemonProcess.system(
            "diff",
            "-r",
            "--no-dereference",
            world.source + "/ann/mail",
            back + "/ann/mail"
        )
        #expect(!FileManager.default.fileExists(atPath: back + "/ann/large"))

        let plan = try world.json(
            RestoreReport.self,
            "restore",
            "home:/bob",
            "--recovery-point",
            point,
            "--in-place",
            "--dry-run"
        ).plan
        #expect(
            plan?.differences.map { $0.sign + $0.path.text } == [
                "-/bob/moved.odt", "+/bob/plan.odt",
            ]
        )
        #expect(try world.lines("ls", "home:/bob") == ["moved.odt"], "a plan changes nothing")
        let placed = try world.json(
            RestoreReport.self,
            "restore",
            "home:/bob",
            "--recovery-point",
            point,
            "--in-place"
        )
        #expect(try world.lines("ls", "home:/bob") == ["plan.odt"])
        #expect(try daemon.done("cat", "home:/ann/plan.odt") == Data("ONE\n".utf8))
        try daemon.done(
            "restore",
            "home:/bob",
            "--snapshot",
            try #require(placed.undo),
            "--in-place"
        )
        #expect(try world.lines("ls", "home:/bob") == ["moved.odt"])
    }

    @Test
    func `a time comes from the history, or from the nearest recovery point, and is told which`()
        throws
    {
        let world = try World()
        let daemon = world.daemon
        let live = try world.json(
            RestoreReport.self,
            "restore",
            "home:/",
            "--at",
            "-1h",
            "--to",
            daemon.work + "/live",
            "--include",
            "/ann/plan.odt"
        )
        #expect(live.origin?.kind == "history")
        #expect(
            try String(contentsOfFile: daemon.work + "/live/ann/plan.odt", encoding: .utf8)
                == "one\n"
        )
        // What the window has left behind, though the file system is there.
        try daemon.done(
            "recovery-point",
            "hold",
            "add",
            world.points[0],
            "kept",
            "--reason",
            "read below"
        )
        try daemon.done("clock", "advance", "60d")
        let late = daemon.work + "/late"
        let ended = try daemon.varve(
            "restore",
            "home:/ann/plan.odt",
            "--at",
            "2026-01-01T12:00:00Z",
            "--to",
            late
        )
        #expect(ended.status == 0 && ended.errors.contains("is kept"), "\(ended.errors)")
        #expect(ended.errors.contains("from recovery point \(world.points[0])"), "\(ended.errors)")
        #expect(try String(contentsOfFile: late, encoding: .utf8) == "one\n")
        try daemon.done("fs", "delete", "home", "--yes")
        for (at, number, text) in [
            ("2026-01-01T12:00:00Z", 0, "one\n"), ("2026-01-03T00:00:00Z", 1, "ONE\n"),
        ] {
            let to = daemon.work + "/old-\(number)"
            let report = try world.json(
                RestoreReport.self,
                "restore",
                "home:/ann/plan.odt",
                "--at",
                at,
                "--to",
                to
            )
            #expect(
                report.origin?.kind == "recovery-point"
                    && report.origin?.name == world.points[number]
            )
            #expect(report.origin?.reason?.isEmpty == false)
            #expect(try String(contentsOfFile: to, encoding: .utf8) == text)
        }
        let words = try daemon.varve(
            "restore",
            "home:/",
            "--at",
            "2026-01-01T12:00:00Z",
            "--to-new",
            "old"
        )
        #expect(
            words.status == 0 && words.errors.contains("from recovery point \(world.points[0])"),
            "\(words.errors)"
        )
        let early = try daemon.varve(
            "restore",
            "home:/",
            "--at",
            "2025-12-31T00:00:00Z",
            "--to-new",
            "older"
        )
        #expect(early.status == 1 && early.errors.contains("no recovery point"), "\(early.errors)")
    }

    /// Goal: what does not read may be the nearest point; nothing is turned back on a guess.
    @Test func `a nearer point that does not read is named, and none is restored in place`()
        throws
    {
        let world = try World()
        let daemon = world.daemon
        try daemon.done(
            "recovery-point",
            "hold",
            "add",
            world.points[0],
            "kept",
            "--reason",
            "read below"
        )
        try daemon.done("clock", "advance", "60d")
        let manifest = "\(daemon.state)/vaults/main/manifests/\(world.points[1]).manifest"
        var bytes = try Data(contentsOf: URL(fileURLWithPath: manifest))
        bytes[150] ^= 1
        try bytes.write(to: URL(fileURLWithPath: manifest))
        let late = daemon.work + "/late"
        let at = "2026-01-03T00:00:00Z"
        let ended = try daemon.varve("restore", "home:/ann/plan.odt", "--at", at, "--to", late)
        #expect(ended.status == 0, "\(ended.errors)")
        #expect(ended.errors.contains("from recovery point \(world.points[0])"), "\(ended.errors)")
        #expect(ended.errors.contains("manifests/\(world.points[1])"), "\(ended.errors)")
        #expect(try String(contentsOfFile: late, encoding: .utf8) == "one\n")
        let inPlace = try daemon.varve("restore", "home:/ann/plan.odt", "--at", at, "--in-place")
        #expect(inPlace.status == 2, "\(inPlace.errors)")
        #expect(inPlace.errors.contains("manifests/\(world.points[1])"), "\(inPlace.errors)")
        #expect(try daemon.done("cat", "home:/ann/plan.odt") == Data("ONE\n".utf8))
    }
}
