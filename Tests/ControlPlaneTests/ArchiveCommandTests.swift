import Foundation
import TestKit
import Testing

/// `varve archive` as users run it.
@Suite(.serialized) struct ArchiveCommandTests {
    /// A daemon with a file system of a few files, and a key.
    private func world() throws -> (daemon: DaemonProcess, recipient: String) {
        let daemon = try DaemonProcess()
        try daemon.start()
        try daemon.done("fs", "create", "home")
        try daemon.done("mkdir", "-p", "home:/docs/old")
        try daemon.done("put", "-", "home:/docs/plan.txt", input: Data("the plan\n".utf8))
        try daemon.done("put", "-", "home:/docs/old/notes", input: Data("notes\n".utf8))
        try daemon.done("ln", "home:/docs/plan.txt", "home:/plan-too")
        var generator = SeededGenerator(seed: 5)
        try daemon.done("put", "-", "home:/large", input: Data(generator.bytes(3_000_000)))
        let made = try run(daemon, "archive", "keygen", "--output", key(daemon))
        #expect(made.status == 0, "\(made.errors)")
        let mode = try DaemonProcess.run("/usr/bin/stat", ["-c", "%a", key(daemon)])
        #expect(mode.text == "600\n")
        return (daemon, made.text.trimmingCharacters(in: .newlines))
    }

    private func key(_ daemon: DaemonProcess) -> String { daemon.work + "/key" }

    private func run(_ daemon: DaemonProcess, _ words: String...) throws -> DaemonProcess.Ended {
        try DaemonProcess.run("varve", ["--socket", daemon.socket] + words)
    }

    @Test func `a tree goes out into an archive, is listed, and comes back in part and whole`()
        throws
    {
        let (daemon, recipient) = try world()
        let archive = daemon.work + "/home.tar.zst.age"
        let exported = try run(
            daemon,
            "--json",
            "archive",
            "export",
            "home:/",
            archive,
            "--recipient",
            recipient
        )
        #expect(exported.status == 0, "\(exported.errors)")
        let report = try JSONSerialization.jsonObject(with: exported.output) as? [String: Any]
        #expect(report?["files"] as? Int == 3)
        let again = try run(
            daemon,
            "archive",
            "export",
            "home:/",
            archive,
            "--recipient",
            recipient
        )
        #expect(again.status == 1 && again.errors.contains("exists"), "\(again.errors)")
        // Neither listing nor extracting needs the daemon.
        #expect(daemon.stop() == 0)
        let listed = try run(daemon, "archive", "ls", archive, "docs", "--identity", key(daemon))
        #expect(
            listed.text.split(separator: "\n").sorted()
                == ["docs", "docs/old", "docs/old/notes", "docs/plan.txt"],
            "\(listed.text)\(listed.errors)"
        )
        let long = try run(daemon, "--json", "archive", "ls", archive, "--identity", key(daemon))
        let entries = try JSONSerialization.jsonObject(with: long.output) as? [[String: Any]]
        #expect(entries?.count == 7)
        #expect(entries?.contains { $0["firstName"] != nil } == true)
        let back = daemon.work + "/back"
        let one = try run(
            daemon,
            "archive",
            "extract",
            archive,
            "plan-too",
            "docs/plan.txt",
            "--to",
            back,
            "--identity",
            key(daemon)
        )
        #expect(one.status == 0, "\(one.errors)")
        try DaemonProcess.system("bash", "-c", "[ '\(back)/docs/plan.txt' -ef '\(back)/plan-too' ]")
        let none = try run(
            daemon,
            "archive",
            "extract",
            archive,
            "no/such",
            "--to",
            back,
            "--identity",
            key(daemon)
        )
        #expect(none.status == 1 && none.errors.contains("has no 'no/such'"), "\(none.errors)")
        try daemon.start()
        let made = try run(
            daemon,
            "archive",
            "import",
            archive,
            "--to-new",
            "again",
            "--identity",
            key(daemon)
        )
        #expect(made.status == 0 && made.text.hasPrefix("fs-"), "\(made.errors)")
        #expect(try daemon.done("cat", "again:/plan-too") == Data("the plan\n".utf8))
        try daemon.done("export", "home:/", daemon.work + "/a")
        try daemon.done("export", "again:/", daemon.work + "/b")
        try DaemonProcess.system("diff", "-r", daemon.work + "/a", daemon.work + "/b")
    }

    @Test func `a dry run lists what an import replaces, and changes nothing`() throws {
        let (daemon, recipient) = try world()
        let archive = daemon.work + "/home.tar.zst.age"
        try daemon.done("archive", "export", "home:/docs", archive, "--recipient", recipient)
        try daemon.done("mkdir", "-p", "home:/other/plan.txt")
        try daemon.done("put", "-", "home:/docs/plan.txt", input: Data("changed\n".utf8))
        let plan = try run(
            daemon,
            "archive",
            "import",
            archive,
            "home:/docs",
            "--identity",
            key(daemon),
            "--dry-run"
        )
        #expect(plan.status == 0, "\(plan.errors)")
        #expect(
            plan.text.split(separator: "\n").sorted() == [
                "M old/notes  (file in place of file)", "M plan.txt  (file in place of file)",
            ]
        )
        #expect(try daemon.done("cat", "home:/docs/plan.txt") == Data("changed\n".utf8))
        let free = try run(
            daemon,
            "archive",
            "import",
            archive,
            "home:/free",
            "--identity",
            key(daemon),
            "--dry-run"
        )
        #expect(free.status == 0 && free.text.isEmpty, "\(free.text)\(free.errors)")
        let inTheWay = try run(
            daemon,
            "archive",
            "import",
            archive,
            "home:/other",
            "--identity",
            key(daemon),
            "--path",
            "plan.txt",
            "--dry-run"
        )
        #expect(inTheWay.text == "M plan.txt  (file in place of directory)\n", "\(inTheWay.text)")
        let done = try run(
            daemon,
            "archive",
            "import",
            archive,
            "home:/docs",
            "--identity",
            key(daemon)
        )
        #expect(done.status == 0, "\(done.errors)")
        #expect(try daemon.done("cat", "home:/docs/plan.txt") == Data("the plan\n".utf8))
    }

    @Test func `a past moment and a recovery point are archived as they were`() throws {
        let (daemon, recipient) = try world()
        try daemon.done("vault", "create", "main")
        let point = String(
            decoding: try daemon.done("backup", "run", "home", "--vault", "main"),
            as: UTF8.self
        ).trimmingCharacters(in: .newlines)
        try daemon.done("clock", "advance", "1h")
        try daemon.done("put", "-", "home:/docs/plan.txt", input: Data("later\n".utf8))
        for (name, moment) in [
            ("now", []), ("past", ["--at", "-30m"]), ("point", ["--recovery-point", point]),
        ] {
            let archive = "\(daemon.work)/\(name).tar.zst.age"
            let ended = try DaemonProcess.run(
                "varve",
                ["--socket", daemon.socket, "archive", "export", "home:/docs", archive]
                    + ["--recipient", recipient] + moment
            )
            #expect(ended.status == 0, "\(name): \(ended.errors)")
            let to = daemon.work + "/" + name
            let out = try run(
                daemon,
                "archive",
                "extract",
                archive,
                "--to",
                to,
                "--identity",
                key(daemon)
            )
            #expect(out.status == 0, "\(name): \(out.errors)")
            let text = try String(contentsOfFile: to + "/plan.txt", encoding: .utf8)
            #expect(text == (name == "now" ? "later\n" : "the plan\n"))
        }
    }

    @Test func `passphrases come from files, and the wrong key is said to be it`() throws {
        let (daemon, recipient) = try world()
        let archive = daemon.work + "/p.tar.zst.age"
        let phrase = daemon.work + "/phrase"
        try Data("correct horse\nignored".utf8).write(to: URL(fileURLWithPath: phrase))
        try daemon.done(
            "archive",
            "export",
            "home:/docs",
            archive,
            "--passphrase-file",
            phrase
        )
        let listed = try run(daemon, "archive", "ls", archive, "--passphrase-file", phrase)
        #expect(listed.status == 0, "\(listed.errors)")
        try Data("battery staple\n".utf8).write(to: URL(fileURLWithPath: phrase))
        let wrong = try run(daemon, "archive", "ls", archive, "--passphrase-file", phrase)
        #expect(wrong.status == 1 && wrong.errors.contains("passphrase"), "\(wrong.errors)")
        let identity = try run(daemon, "archive", "ls", archive, "--identity", key(daemon))
        #expect(
            identity.status == 1 && identity.errors.contains("--passphrase"),
            "\(identity.errors)"
        )
        for words in [
            [], ["--recipient", recipient, "--passphrase-file", phrase],
            ["--recipient", "age1nonsense"], ["--recipient", recipient, "--level", "30"],
        ] {
            let ended = try DaemonProcess.run(
                "varve",
                ["--socket", daemon.socket, "archive", "export", "home:/", archive + "2"] + words
            )
            #expect(ended.status == 64, "\(words): \(ended.errors)")
        }
        #expect(!FileManager.default.fileExists(atPath: archive + "2"))
        // No terminal here: said, not waited for.
        let asked = try DaemonProcess.run(
            "/usr/bin/setsid",
            [
                "--wait", DaemonProcess.binaries + "/varve", "archive", "ls", archive,
                "--passphrase",
            ]
        )
        #expect(asked.status == 64 && asked.errors.contains("terminal"), "\(asked.errors)")
    }

    @Test func `damage is told by 2, and the rest comes out`() throws {
        let (daemon, recipient) = try world()
        let archive = daemon.work + "/d.tar.zst.age"
        try daemon.done("archive", "export", "home:/", archive, "--recipient", recipient)
        let script = """
            set -eu; cp '\(archive)' '\(archive).flip'; cp '\(archive)' '\(archive).cut'
            printf 'damage' | dd of='\(archive).flip' bs=1 seek=2000000 conv=notrunc status=none
            truncate -s -100000 '\(archive).cut'
            """
        try DaemonProcess.system("bash", "-c", script)
        let cut = try run(daemon, "archive", "ls", archive + ".cut", "--identity", key(daemon))
        #expect(cut.status == 2 && cut.errors.contains("cut short"), "\(cut.errors)")
        let to = daemon.work + "/to"
        let torn = try run(
            daemon,
            "archive",
            "extract",
            archive + ".flip",
            "--to",
            to,
            "--identity",
            key(daemon)
        )
        #expect(torn.status == 2, "\(torn.errors)")
        #expect(torn.errors.contains("varve: damaged: large: "), "\(torn.errors)")
        #expect(!FileManager.default.fileExists(atPath: to + "/large"))
        let imported = try run(
            daemon,
            "archive",
            "import",
            archive + ".flip",
            "home:/in",
            "--identity",
            key(daemon)
        )
        #expect(imported.status == 2, "\(imported.errors)")
        #expect(imported.errors.contains("varve: damaged: large: "), "\(imported.errors)")
        #expect(try daemon.varve("stat", "home:/in/large").status == 1)
    }

    private func names(_ path: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: path).sorted()
    }

    /// Goal: an archive never takes the place of what came there while it was written.
    @Test func `a file that comes meanwhile is not replaced, and nothing else is left`() throws {
        let (daemon, recipient) = try world()
        let place = daemon.work + "/place"
        // The recipients come through a FIFO: until they do, the command waits behind its first look at the name.
        let ended = try DaemonProcess.run(
            "/usr/bin/timeout",
            [
                "120", "/bin/bash", "-c",
                """
                mkdir '\(place)' && cd '\(place)' && mkfifo ../fifo
                '\(DaemonProcess.binaries)/varve' --socket '\(daemon.socket)' archive export home:/ a --recipients-file ../fifo &
                exec 3>../fifo && echo mine > a && echo '\(recipient)' >&3 && exec 3>&- && wait $!
                """,
            ]
        )
        #expect(ended.status == 1 && ended.errors.contains("'a' exists"), "\(ended.errors)")
        #expect(try names(place) == ["a"])
        #expect(try String(contentsOfFile: place + "/a", encoding: .utf8) == "mine\n")
    }

    @Test func `an export that fails leaves nothing`() throws {
        let (daemon, recipient) = try world()
        let place = daemon.work + "/place"
        try DaemonProcess.system("mkdir", place)
        // The disk takes 1 MiB of a file.
        let script =
            "(trap '' XFSZ; ulimit -f 1024; exec '\(DaemonProcess.binaries)/varve' --socket '\(daemon.socket)'"
            + " archive export home:/ '\(place)/a' --recipient \(recipient)) 2>&1 | cat >&2; exit ${PIPESTATUS[0]}"
        let ended = try DaemonProcess.run("/bin/bash", ["-c", script])
        #expect(ended.status == 1 && ended.errors.contains("write '"), "\(ended.errors)")
        #expect(try names(place) == [])
    }

    @Test func `an identity is kept whole or not at all, and never in another file's place`() throws
    {
        let daemon = try DaemonProcess()
        let place = daemon.work + "/keys"
        try DaemonProcess.system("mkdir", place)
        let keygen = "'\(DaemonProcess.binaries)/varve' archive keygen --output"
        // The disk takes no byte of a file.
        let full = try DaemonProcess.run(
            "/bin/bash",
            [
                "-c",
                "(trap '' XFSZ; ulimit -f 0; exec \(keygen) '\(place)/key') 2>&1 | cat >&2; exit ${PIPESTATUS[0]}",
            ]
        )
        #expect(full.status == 1, "\(full.errors)")
        #expect(!full.errors.contains("age1") && !full.errors.contains("SECRET"), "\(full.errors)")
        #expect(try names(place) == [])
        let made = try run(daemon, "archive", "keygen", "--output", place + "/key")
        #expect(made.status == 0, "\(made.errors)")
        let before = FileManager.default.contents(atPath: place + "/key")
        let again = try run(daemon, "archive", "keygen", "--output", place + "/key")
        #expect(again.status == 1 && again.errors.contains("exists"), "\(again.errors)")
        #expect(again.text.isEmpty, "no recipient of an identity that nobody has")
        #expect(FileManager.default.contents(atPath: place + "/key") == before)
        #expect(try names(place) == ["key"])
    }

    @Test func `a secret that stands in the wrong place is not repeated`() throws {
        let daemon = try DaemonProcess()
        let key = daemon.work + "/key"
        try DaemonProcess.system(
            DaemonProcess.binaries + "/varve",
            "archive",
            "keygen",
            "--output",
            key
        )
        let text = try String(contentsOfFile: key, encoding: .utf8)
        let secret = try #require(text.split(separator: "\n").last).dropFirst(16)
        for words in [["--recipients-file", key], ["--recipient", "AGE-SECRET-KEY-1" + secret]] {
            let ended = try DaemonProcess.run(
                "varve",
                ["--socket", daemon.socket, "archive", "export", "home:/", key + ".age"] + words
            )
            #expect(ended.status == 64 && ended.errors.contains("secret identity"))
            #expect(!ended.errors.contains(secret.prefix(6)), "\(ended.errors)")
        }
    }

    @Test func `a part is imported alone, and nothing at all when it is not there`() throws {
        let (daemon, recipient) = try world()
        let archive = daemon.work + "/home.tar.zst.age"
        try daemon.done("archive", "export", "home:/", archive, "--recipient", recipient)
        let identity = ["--identity", key(daemon)]
        let paths = ["--path", "docs/old", "--path", "plan-too"]
        let ended = try DaemonProcess.run(
            "varve",
            ["--socket", daemon.socket, "archive", "import", archive, "home:/part"] + paths
                + identity
        )
        #expect(ended.status == 0, "\(ended.errors)")
        #expect(try daemon.done("cat", "home:/part/docs/old/notes") == Data("notes\n".utf8))
        #expect(try daemon.done("cat", "home:/part/plan-too") == Data("the plan\n".utf8))
        #expect(try daemon.varve("stat", "home:/part/docs/plan.txt").status == 1)
        #expect(try daemon.varve("stat", "home:/part/large").status == 1)
        for options in [["--dry-run"], []] {
            let none = try DaemonProcess.run(
                "varve",
                ["--socket", daemon.socket, "archive", "import", archive, "home:/none"]
                    + ["--path", "no/such"] + identity + options
            )
            #expect(none.status == 1 && none.errors.contains("has no 'no/such'"), "\(none.errors)")
        }
        #expect(try daemon.varve("stat", "home:/none").status == 1, "not even the directory")
    }

    @Test(.enabled(if: geteuid() == 0, "needs root"))
    func `whoever is not root archives what they may read, into a file of their own`() throws {
        let (daemon, recipient) = try world()
        try daemon.done("put", "-", "home:/docs/secret", input: Data("s".utf8))
        try daemon.done("chmod", "600", "home:/docs/secret")
        let top = URL(fileURLWithPath: daemon.state).deletingLastPathComponent().path
        try DaemonProcess.system("chmod", "755", top, daemon.work)
        try DaemonProcess.system("mkdir", "-m", "777", daemon.work + "/mine")
        let archive = daemon.work + "/mine/a.tar.zst.age"
        let ended = try DaemonProcess.run(
            "/usr/bin/setpriv",
            [
                "--reuid=1234", "--regid=1234", "--clear-groups",
                DaemonProcess.binaries + "/varve", "--socket", daemon.socket, "archive", "export",
                "home:/docs", archive, "--recipient", recipient,
            ]
        )
        #expect(ended.status == 3, "\(ended.errors)")
        #expect(ended.errors.contains("secret"), "\(ended.errors)")
        let owner = try DaemonProcess.run("/usr/bin/stat", ["-c", "%u", archive])
        #expect(owner.text == "1234\n")
        let listed = try run(daemon, "archive", "ls", archive, "--identity", key(daemon))
        #expect(listed.text.contains("plan.txt") && !listed.text.contains("secret"))
    }
}
