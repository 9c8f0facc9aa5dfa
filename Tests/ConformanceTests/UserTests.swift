import Foundation
import TestKit
import Testing

/// Goal: an ordinary user gets everything that a user may have: the demo, and imports and exports that list what
/// they could not do and exit 3.
///
/// Method: the real programs as another uid, with a home of its own, on a copy of what a user may read.
@Suite(
    .serialized,
    .enabled(if: Witness.isAvailable && geteuid() == 0, "needs root, rsync, getfattr and setfacl")
)
struct UserTests {
    private static let user = "23456"

    /// The programs, the scripts and the policies where any user may read them, and a home for one.
    private struct Place {
        let directory: TemporaryDirectory
        var programs: String { directory.path + "/repository/.build/release" }
        var home: String { directory.path + "/home" }

        init() throws {
            directory = try TemporaryDirectory()
            try DaemonProcess.system("chmod", "755", directory.path)
            let script = """
                mkdir -p '\(programs)' '\(directory.path)/lib' '\(directory.path)/repository/Tests'
                cp '\(DaemonProcess.binaries)/varve' '\(DaemonProcess.binaries)/varved' '\(programs)'
                cd '\(Witness.root.path)'
                cp -r Jobs Retention '\(directory.path)/repository' && cp -r Tests/Demo '\(directory.path)/repository/Tests'
                # Swift's libraries may lie in root's home.
                ldd '\(programs)/varved' '\(programs)/varve' | awk '/=> .*swift|Foundation|dispatch|Blocks|_Fou/ { print $3 }' |
                    sort -u | xargs -r cp -t '\(directory.path)/lib'
                chmod -R a+rX '\(directory.path)/repository' '\(directory.path)/lib'
                mkdir -m 700 '\(home)' && chown \(UserTests.user):\(UserTests.user) '\(home)'
                """
            let made = try Witness.run("/bin/bash", ["-euc", script])
            #expect(made.status == 0, "\(made.output)")
        }

        /// Runs a shell script as the user.
        func run(_ script: String) throws -> Witness.Run {
            try Witness.run(
                "/usr/bin/setpriv",
                [
                    "--reuid=\(UserTests.user)", "--regid=\(UserTests.user)", "--clear-groups",
                    "/usr/bin/env", "-i", "HOME=\(home)", "TMPDIR=\(home)", "PATH=/usr/bin:/bin",
                    "LD_LIBRARY_PATH=\(directory.path)/lib", "VARVE_BINARIES=\(programs)",
                    "/bin/bash", "-c", "cd '\(directory.path)/repository' && " + script,
                ]
            )
        }
    }

    @Test func `the demo runs as an ordinary user`() throws {
        let place = try Place()
        let demo = try place.run("Tests/Demo/demo.sh --small")
        #expect(demo.status == 0, "\(demo.output)")
        for word in [
            "not done: closed: open", "what may be read beside what may not",
            "the first recovery point in a host directory",
        ] {
            #expect(demo.output.contains(word), "\(demo.output)")
        }
    }

    @Test func `a user's daemon takes the defaults, and says what a user may not do`() throws {
        let place = try Place()
        let script = """
            set -eu; PATH="$VARVE_BINARIES:$PATH"; mkdir "$HOME/here"; cd "$HOME/here"
            varved init && [ -s "$HOME/.config/varve/root.key" ] && [ "$(stat -c %a "$HOME/.config/varve/root.key")" = 600 ]
            varved serve --nfs off 2>log & daemon=$!
            for _ in $(seq 500); do varve fs list >/dev/null 2>&1 && break; sleep 0.02; done
            varve fs create mine
            mkdir in && echo a >in/a && mkfifo in/fifo && echo b >in/b && chmod 000 in/b
            status=0; varve import in mine:/ || status=$?; echo "import $status"
            status=0; varve export mine:/ out || status=$?; echo "export $status"
            status=0; varve chown 0:0 mine:/a || status=$?; echo "chown $status"
            status=0; varve --as 0 ls mine:/ || status=$?; echo "as $status"
            varve doctor
            kill $daemon; wait $daemon; ls out
            """
        let ran = try place.run(script)
        #expect(ran.status == 0, "\(ran.output)")
        for word in [
            "import 3", "not done: b: open", "Permission denied", "export 0", "chown 1", "as 1",
            "nothing is wrong", "a\nfifo\n",
        ] {
            #expect(ran.output.contains(word), "\(word): \(ran.output)")
        }
    }

    @Test func `a stranger to the daemon streams, and hears what was left out`() throws {
        let place = try Place()
        let daemon = try DaemonProcess()
        try daemon.start()
        try daemon.done("fs", "create", "shared")
        try daemon.done("mkdir", "-m", "1777", "shared:/tmp")
        try daemon.done("put", "-", "shared:/tmp/roots", input: Data("roots".utf8))
        // More complaints than a pipe holds.
        let many = daemon.work + "/many"
        try DaemonProcess.system("bash", "-c", "mkdir '\(many)' && cd '\(many)' && touch {1..1500}")
        try daemon.done("import", many, "shared:/tmp/many")
        let top = URL(fileURLWithPath: daemon.state).deletingLastPathComponent().path
        try DaemonProcess.system("chmod", "755", top)
        let script = """
            set -eu; export VARVE_SOCKET='\(daemon.socket)'; PATH="$VARVE_BINARIES:$PATH"; cd "$HOME"
            mkdir in && echo a >in/a && echo b >in/b && chmod 000 in/b
            status=0; varve import in shared:/tmp/in || status=$?; echo "import $status"
            status=0; varve export shared:/tmp out || status=$?; echo "export $status"
            cat out/in/a out/roots
            status=0; varve import nowhere shared:/tmp/none || status=$?; echo "missing $status"
            """
        let ran = try place.run(script)
        #expect(ran.status == 0, "\(ran.output)")
        for word in ["./b: Cannot open: Permission denied", "import 3", "a\nroots", "missing "] {
            #expect(ran.output.contains(word), "\(word): \(ran.output)")
        }
        // Root's files come as the user's own: told, the first 200 by name.
        #expect(ran.output.contains("Cannot change ownership to uid 0"), "\(ran.output)")
        #expect(ran.output.contains("export 3"), "\(ran.output)")
        #expect(ran.output.contains("and 1"), "the list is cut: \(ran.output)")
        #expect(ran.output.contains("nowhere: Cannot open"), "\(ran.output)")
    }
}
