import Foundation
import TestKit
import Testing

/// The command line itself: help, JSON, pipes, terminals, odd names, long paths.
@Suite(.serialized) struct CommandLineTests {
    @Test func `every command has help with examples`() throws {
        let leaves = try Self.walk("varve", []) + Self.walk("varved", [])
        // The verbs that are promised; a command that is lost shows here.
        for verb in [
            "fs create", "fs list", "fs describe", "fs delete", "zone list", "zone status",
            "zone repair", "zone scrub", "import", "export", "ls", "cat",
            "put", "get", "rm", "mkdir", "mv", "ln", "chmod", "chown", "truncate", "setfattr",
            "stat", "du", "snapshot create", "snapshot list", "snapshot delete", "snapshot diff",
            "restore", "history", "backup run", "backup list", "vault create", "vault list",
            "vault verify", "job list", "job run", "job next", "job history", "job lint",
            "lifecycle plan", "lifecycle run", "lifecycle why", "lifecycle status",
            "lifecycle history", "lifecycle pin", "lifecycle unpin", "lifecycle pins", "doctor",
            "clock show",
            "clock advance", "mount", "umount", "serve", "init", "config", "archive keygen",
            "archive export", "archive import", "archive ls", "archive extract",
        ] {
            #expect(leaves.contains(verb), "\(verb) is missing")
        }
    }

    /// Looks at a command's help and at all beneath it; answers the commands that do something.
    private static func walk(_ program: String, _ words: [String]) throws -> [String] {
        let help = try DaemonProcess.run(program, words + ["--help"])
        let name = ([program] + words).joined(separator: " ")
        #expect(help.status == 0, "\(name)")
        #expect(help.text.contains("EXAMPLES"), "\(name): \(help.text)")
        let lines = help.text.split(separator: "\n", omittingEmptySubsequences: false)
        let examples = lines.drop { !$0.contains("EXAMPLES") }.dropFirst().prefix { !$0.isEmpty }
        #expect(examples.contains { $0.contains(program) }, "\(name): \(help.text)")
        guard let start = lines.firstIndex(where: { $0.hasPrefix("SUBCOMMANDS") }) else {
            return [words.joined(separator: " ")]
        }
        let names = lines[(start + 1)...].prefix { !$0.isEmpty }.compactMap { line in
            // A name begins after two spaces; what continues a description is further in.
            line.hasPrefix("  ") && !line.hasPrefix("   ")
                ? line.split(separator: " ").first.map(String.init) : nil
        }
        #expect(!names.isEmpty, "\(name)")
        return try names.flatMap { try walk(program, words + [$0]) }
    }

    /// A daemon with a file system that has a past, a vault with a point, and a job.
    private func world() throws -> DaemonProcess {
        let daemon = try DaemonProcess()
        let job = """
            # Shows what a job looks like.
            format: 1
            kind: job
            name: daily
            action: backup
            Resources: ["*"]
            TargetBackupVaultName: main
            ScheduleExpression: "0 2 * * *"
            missed: run-once
            """
        try Data(job.utf8).write(to: URL(fileURLWithPath: daemon.jobs + "/daily.yaml"))
        try daemon.start()
        try daemon.done("fs", "create", "home", "--tag", "team=video")
        try daemon.done("vault", "create", "main")
        try daemon.done("mkdir", "home:/empty")
        try daemon.done("put", "-", "home:/file", input: Data("text".utf8))
        try daemon.done("snapshot", "create", "home", "one")
        try daemon.done("clock", "advance", "1d")
        try daemon.done("put", "-", "home:/file", input: Data("other".utf8))
        return daemon
    }

    @Test func `the JSON of every verb that reads parses`() throws {
        let daemon = try world()
        let arrays: [[String]] = [
            ["fs", "list"], ["zone", "list"], ["zone", "status"], ["zone", "scrub"],
            ["ls", "home:/"], ["ls", "-R", "home:/"], ["ls", "home:/empty"],
            ["snapshot", "list", "home"], ["history", "home:/file"], ["backup", "list"],
            ["backup", "list", "home", "--vault", "main"], ["vault", "list"], ["job", "list"],
            ["job", "next", "daily", "--count", "3"], ["job", "history"], ["lifecycle", "pins"],
            ["lifecycle", "history"], ["lifecycle", "history", "home:/file"],
        ]
        let objects: [[String]] = [
            ["fs", "describe", "home"], ["stat", "home:/file"], ["stat", "home:/", "--at", "-1h"],
            ["du", "home:/"], ["vault", "verify", "main"], ["job", "lint"],
            ["lifecycle", "plan"], ["lifecycle", "why", "home:/file"],
            ["lifecycle", "status", "home"], ["doctor"],
            ["doctor", "home"], ["clock", "show"], ["snapshot", "diff", "home", "one"],
            ["restore", "home:/", "--snapshot", "one", "--in-place", "--dry-run"],
        ]
        for words in arrays + objects {
            let ended = try DaemonProcess.run(
                "varve",
                ["--socket", daemon.socket, "--json"] + words
            )
            #expect([0, 2].contains(ended.status), "\(words): \(ended.errors)")
            let value = try JSONSerialization.jsonObject(with: ended.output)
            #expect((value is [Any]) == arrays.contains(words), "\(words)")
            let plain = try DaemonProcess.run("varve", ["--socket", daemon.socket] + words)
            #expect(plain.status == ended.status, "\(words)")
        }
    }

    @Test func `a dry run says what a restore in place would do, and does nothing`() throws {
        let daemon = try world()
        try daemon.done("rm", "-r", "home:/empty")
        try daemon.done("put", "-", "home:/new", input: Data("new".utf8))
        let words = ["restore", "home:/", "--snapshot", "one", "--in-place"]
        let socket = ["--socket", daemon.socket]
        let plan = try DaemonProcess.run("varve", socket + words + ["--dry-run"])
        #expect(plan.status == 0, "\(plan.errors)")
        #expect(plan.text == "+ /empty\nM /file  (data, attributes)\n- /new\n", "\(plan.text)")
        #expect(try daemon.done("cat", "home:/file") == Data("other".utf8))
        let one = try DaemonProcess.run(
            "varve",
            socket + ["restore", "home:/file", "--snapshot", "one", "--in-place", "--dry-run"]
        )
        #expect(one.text == "M /file  (data, attributes)\n", "\(one.text)\(one.errors)")
        _ = try DaemonProcess.run("varve", socket + words)
        #expect(try daemon.done("cat", "home:/file") == Data("text".utf8))
        #expect(try daemon.done("ls", "home:/") == Data("empty\nfile\n".utf8))
        let to = daemon.work + "/x"
        let elsewhere = try daemon.varve(
            "restore",
            "home:/",
            "--at",
            "now",
            "--to",
            to,
            "--dry-run"
        )
        #expect(
            elsewhere.text == "+ /\n+ /empty\n+ /file\n",
            "\(elsewhere.text)\(elsewhere.errors)"
        )
        #expect(!FileManager.default.fileExists(atPath: to))
    }

    @Test func `a reader that goes away ends the command without a word`() throws {
        let daemon = try DaemonProcess()
        try daemon.start()
        try daemon.done("fs", "create", "home")
        try daemon.done("put", "-", "home:/big", input: Data(count: 8_000_000))
        let varve = "'\(DaemonProcess.binaries)/varve' --socket '\(daemon.socket)'"
        let ended = try DaemonProcess.run(
            "/bin/bash",
            ["-c", "\(varve) cat home:/big | head -c 10 >/dev/null; echo ${PIPESTATUS[0]}"]
        )
        #expect(ended.text == "141\n", "\(ended.text)")
        #expect(ended.errors.isEmpty, "\(ended.errors)")
    }

    @Test func `a terminal shows odd names and is not moved by them`() throws {
        let daemon = try DaemonProcess()
        try daemon.start()
        try daemon.done("fs", "create", "home")
        try daemon.done("put", "-", "home:/a\u{1B}[31m\nb", input: Data("x".utf8))
        let varve = "'\(DaemonProcess.binaries)/varve' --socket '\(daemon.socket)'"
        func terminal(_ words: String) throws -> DaemonProcess.Ended {
            try DaemonProcess.run("/usr/bin/script", ["-qec", "\(varve) \(words)", "/dev/null"])
        }
        #expect(try daemon.done("ls", "home:/") == Data("a\u{1B}[31m\nb\n".utf8))
        let listed = try terminal("ls home:/")
        #expect(listed.text.contains("a%1B[31m%0Ab"), "\(listed.text)")
        let missed = try terminal("cat $'home:/c\\e[31m'")
        #expect(missed.status == 1)
        #expect(!missed.text.contains("\u{1B}[31m"), "\(missed.text)")
        // Names that people choose are refused at once.
        #expect(try daemon.varve("fs", "create", "a\u{1B}b").status == 64)
        #expect(try daemon.varve("snapshot", "create", "home", "a\nb").status == 64)
        // Long work shows how far it is on a terminal, and leaves no line behind.
        let work = try terminal("doctor")
        #expect(work.text.contains("\r\u{1B}[K"), "\(work.text)")
        #expect(work.text.hasSuffix("nothing is wrong\r\n"), "\(work.text)")
    }

    @Test func `a path far longer than a kernel takes works from end to end`() throws {
        let daemon = try DaemonProcess()
        try daemon.start()
        try daemon.done("fs", "create", "home")
        func path(_ depth: Int) -> String {
            "home:" + String(repeating: "/" + String(repeating: "d", count: 200), count: depth)
        }
        // 8,000 bytes; Linux's own calls take 4,095.
        let deep = path(40)
        try daemon.done("mkdir", "-p", deep)
        try daemon.done("put", "-", deep + "/file", input: Data("deep".utf8))
        #expect(try daemon.done("cat", deep + "/file") == Data("deep".utf8))
        #expect(try daemon.done("ls", deep) == Data("file\n".utf8))
        #expect(try daemon.varve("stat", deep + "/file").status == 0)
        try daemon.done("export", "home:/", daemon.work + "/out")
        try daemon.done("import", daemon.work + "/out", "home:/again")
        try daemon.done("rm", "-r", path(1))
        // Longer still: an error that says so, and no broken connection.
        let long = try daemon.varve("put", "-", path(400), input: Data("x".utf8))
        #expect(long.status == 1 && long.errors.contains("too long"), "\(long.errors.suffix(300))")
        let name = try daemon.varve("mkdir", "home:/" + String(repeating: "n", count: 256))
        #expect(name.status == 1 && name.errors.contains("255"), "\(name.errors)")
    }

    @Test func `an empty file system answers everything`() throws {
        let daemon = try DaemonProcess()
        try daemon.start()
        #expect(try daemon.done("fs", "list").isEmpty)
        #expect(try daemon.done("--json", "fs", "list").line == "[\n\n]")
        try daemon.done("fs", "create", "home")
        try daemon.done("vault", "create", "main")
        #expect(try daemon.done("ls", "-R", "home:/").isEmpty)
        #expect(try daemon.done("--json", "ls", "home:/").line == "[]")
        try daemon.done("export", "home:/", daemon.work + "/out")
        try daemon.done("import", daemon.work + "/out", "home:/in")
        try daemon.done("rm", "-r", "home:/in")
        let id = try daemon.done("backup", "run", "home", "--vault", "main").line
        try daemon.done("restore", "home:/", "--recovery-point", id, "--to-new", "again")
        #expect(try daemon.done("ls", "again:/").isEmpty)
        #expect(try daemon.varve("doctor").complaint == "")
    }

    @Test func `a directory of more names than are sorted comes whole`() throws {
        let names = ProcessInfo.processInfo.environment["VARVE_FULL"] == nil ? 2_500 : 120_000
        let daemon = try DaemonProcess()
        try daemon.start()
        try daemon.done("fs", "create", "home")
        let source = daemon.work + "/many"
        try DaemonProcess.system(
            "bash",
            "-c",
            "mkdir '\(source)' && cd '\(source)' && seq \(names) | xargs touch"
        )
        try daemon.done("import", source, "home:/many")
        let listed = try daemon.varve("ls", "-R", "home:/")
        let found = listed.text.split(separator: "\n").map(String.init)
        let wanted = ["many"] + (1...names).map { "many/\($0)" }
        #expect(found.sorted() == wanted.sorted())
        #expect((found == wanted.sorted()) == (names < 50_000))
        let json = try JSONSerialization.jsonObject(
            with: try daemon.done("--json", "ls", "home:/many")
        )
        #expect((json as? [[String: Any]])?.count == names)
    }
}
