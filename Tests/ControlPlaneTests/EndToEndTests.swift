import Foundation
import TestKit
import Testing

/// The programs as users run them, on a throw-away state directory.
@Suite(.serialized) struct EndToEndTests {
    @Test func `a tree comes back as it went in, and the past with it`() throws {
        let daemon = try DaemonProcess()
        try daemon.start()
        let source = daemon.work + "/source"
        let back = daemon.work + "/back"
        try DaemonProcess.system("mkdir", "-p", source + "/sub/deeper")
        try Data("first\n".utf8).write(to: URL(fileURLWithPath: source + "/note"))
        try Data(count: 3_000_000).write(to: URL(fileURLWithPath: source + "/sub/large"))
        try DaemonProcess.system("ln", source + "/note", source + "/sub/same")
        try DaemonProcess.system("ln", "-s", "../note", source + "/sub/link")

        try daemon.done("fs", "create", "home")
        try daemon.done("import", source, "home:/")
        #expect(try daemon.done("ls", "home:/sub") == Data("deeper\nlarge\nlink\nsame\n".utf8))
        #expect(try daemon.done("cat", "home:/note") == Data("first\n".utf8))
        try daemon.done("export", "home:/", back)
        try DaemonProcess.system("diff", "-r", "--no-dereference", source, back)

        try daemon.done("clock", "advance", "1h")
        try daemon.done("put", "-", "home:/note", input: Data("second\n".utf8))
        try daemon.done("rm", "-r", "home:/sub")
        #expect(try daemon.done("cat", "home:/note", "--at", "-30m") == Data("first\n".utf8))
        #expect(try daemon.varve("ls", "home:/sub").status == 1)
        try daemon.done("restore", "home:/sub", "--at", "-30m", "--in-place")
        try daemon.done("export", "home:/sub", back + "-sub", "--at", "now")
        try DaemonProcess.system("diff", "-r", "--no-dereference", source + "/sub", back + "-sub")
        #expect(daemon.stop() == 0)
    }

    @Test func `jobs run by the clock, and a restart remembers them`() throws {
        let daemon = try DaemonProcess()
        let job = """
            # Keeps what a day changes; here it shows that a schedule is kept.
            format: 1
            kind: job
            name: daily
            action: backup
            Resources: ["*"]
            TargetBackupVaultName: main
            ScheduleExpression: "0 2 * * *"
            ScheduleExpressionTimezone: UTC
            missed: run-once
            """
        try Data(job.utf8).write(to: URL(fileURLWithPath: daemon.jobs + "/daily.yaml"))
        try daemon.start()
        try daemon.done("fs", "create", "home")
        try daemon.done("vault", "create", "main")
        try daemon.done("put", "-", "home:/a", input: Data("x".utf8))
        #expect(try daemon.varve("job", "lint").status == 0)
        let advanced = try daemon.varve("clock", "advance", "2d")
        #expect(advanced.text.contains("2026-01-02T02:00:00Z  daily  done"), "\(advanced)")
        let before = try daemon.done("clock", "show")
        #expect(daemon.stop() == 0)
        try daemon.start()
        #expect(try daemon.done("clock", "show") == before)
        #expect(try daemon.done("cat", "home:/a") == Data("x".utf8))
        let points = try daemon.varve("--json", "backup", "list", "home")
        let list = try #require(
            try JSONSerialization.jsonObject(with: points.output) as? [[String: Any]]
        )
        #expect(list.count == 2)
        #expect(list.map { $0["isFull"] as? Bool } == [true, false])
        let id = try #require(list.first?["id"] as? String)
        try daemon.done("restore", "home:/", "--recovery-point", id, "--to-new", "again")
        #expect(try daemon.done("cat", "again:/a") == Data("x".utf8))
        #expect(try daemon.varve("vault", "verify", "main", "--read-data").status == 0)
        #expect(try daemon.varve("doctor").complaint == "")
        let history = try daemon.varve("job", "history", "daily")
        #expect(history.text.split(separator: "\n").count == 3, "\(history.text)")
    }

    @Test func `two daemons on one state directory: the second says so`() throws {
        let daemon = try DaemonProcess()
        try daemon.start()
        let second = try DaemonProcess.run("varved", ["serve", "--state", daemon.state])
        #expect(second.status == 1)
        #expect(second.errors.contains("another daemon"), "\(second.errors)")
        let check = try DaemonProcess.run("varved", ["doctor", "--state", daemon.state])
        #expect(check.status == 1)
        #expect(daemon.stop() == 0)
        let alone = try DaemonProcess.run("varved", ["doctor", "--state", daemon.state])
        #expect(alone.status == 0, "\(alone.errors)")
    }

    @Test func `a normal state directory refuses to move its clock`() throws {
        let daemon = try DaemonProcess(clock: nil)
        try daemon.start()
        let refused = try daemon.varve("clock", "advance", "1h")
        #expect(refused.status == 1)
        #expect(refused.errors.contains("--simulated-clock"), "\(refused.errors)")
    }

    @Test func `exit codes say what became of it`() throws {
        let daemon = try DaemonProcess()
        try daemon.start()
        try daemon.done("fs", "create", "home")
        #expect(try daemon.varve("frobnicate").status == 64)
        #expect(try daemon.varve("ls", "no-reference").status == 64)
        #expect(try daemon.varve("restore", "home:/", "--at", "now").status == 64)
        #expect(try daemon.varve("fs", "delete", "home").status == 64, "unconfirmed")
        let missing = try daemon.varve("cat", "home:/missing")
        #expect(missing.status == 1)
        #expect(missing.errors.hasPrefix("varve: "), "\(missing.errors)")
        try daemon.done("snapshot", "create", "home", "one")
        #expect(try daemon.varve("snapshot", "diff", "home", "one").status == 0)
        try daemon.done("mkdir", "home:/d")
        #expect(try daemon.varve("snapshot", "diff", "home", "one").status == 2)
        #expect(try daemon.varve("--json", "fs", "list").status == 0)
        try daemon.done("fs", "delete", "home", "--yes")
        #expect(try daemon.varve("ls", "home:/").status == 1)
    }

    @Test func `a name of any bytes is kept`() throws {
        let daemon = try DaemonProcess()
        try daemon.start()
        try daemon.done("fs", "create", "home")
        let source = daemon.work + "/odd"
        let back = daemon.work + "/back"
        try DaemonProcess.system(
            "bash",
            "-c",
            "mkdir '\(source)' && cd '\(source)' && echo x > $'n\\xff\\n%41' && echo y > $(printf 'a%.0s' {1..255})"
        )
        try daemon.done("import", source, "home:/")
        try daemon.done("export", "home:/", back)
        try DaemonProcess.system("diff", "-r", source, back)
        let cat = try DaemonProcess.run(
            "/bin/bash",
            [
                "-c",
                "'\(DaemonProcess.binaries)/varve' --socket '\(daemon.socket)' cat $'home:/n\\xff\\n%41'",
            ]
        )
        #expect(cat.text == "x\n", "\(cat.errors)")
    }

    @Test(.enabled(if: geteuid() == 0, "needs root"))
    func `others act as themselves, and stream what the daemon must not open`() throws {
        let daemon = try DaemonProcess()
        try daemon.start()
        try daemon.done("fs", "create", "home")
        try daemon.done("mkdir", "-m", "1777", "home:/tmp")
        try daemon.done("put", "-", "home:/secret", input: Data("s".utf8))
        try daemon.done("chmod", "600", "home:/secret")
        let top = URL(fileURLWithPath: daemon.state).deletingLastPathComponent().path
        try DaemonProcess.system("chmod", "755", top, daemon.work)
        try DaemonProcess.system(
            "bash",
            "-c",
            "mkdir -m 777 '\(daemon.work)/out' && mkdir '\(daemon.work)/in' && echo mine > '\(daemon.work)/in/f'"
        )
        func other(_ arguments: String...) throws -> DaemonProcess.Ended {
            try DaemonProcess.run(
                "/usr/bin/setpriv",
                [
                    "--reuid=1234", "--regid=1234", "--clear-groups",
                    DaemonProcess.binaries + "/varve", "--socket", daemon.socket,
                ]
                    + arguments
            )
        }
        #expect(try other("cat", "home:/secret").status == 1)
        #expect(try other("mkdir", "home:/mine").status == 1)
        #expect(try other("fs", "create", "x").errors.contains("root"))
        #expect(try other("--as", "0", "ls", "home:/").status == 1)
        let imported = try other("import", daemon.work + "/in", "home:/tmp/in")
        #expect([0, 3].contains(imported.status), "\(imported.errors)")
        #expect(try daemon.done("cat", "home:/tmp/in/f") == Data("mine\n".utf8))
        let text = String(
            decoding: try daemon.done("--json", "stat", "home:/tmp/in/f"),
            as: UTF8.self
        )
        #expect(text.contains("\"uid\" : 1234"), "\(text)")
        let exported = try other("export", "home:/tmp/in", daemon.work + "/out/in")
        #expect([0, 3].contains(exported.status), "\(exported.errors)")
        #expect(
            try Data(contentsOf: URL(fileURLWithPath: daemon.work + "/out/in/f"))
                == Data("mine\n".utf8)
        )
        #expect(try daemon.varve("--as", "1234", "mkdir", "home:/tmp/theirs").status == 0)
    }
}
