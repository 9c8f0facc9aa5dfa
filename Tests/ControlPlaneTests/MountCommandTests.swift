import Foundation
import TestKit
import Testing

/// Goal: `varve mount` runs the right mount command, or says clearly why it does not.
///
/// Method: the real programs, and on PATH a `mount` and an `umount` that write down what they were called with.
@Suite(.serialized) struct MountCommandTests {
    private static let recommended =
        "vers=4.1,proto=tcp,port=PORT,hard,timeo=600,retrans=2,rsize=1048576,wsize=1048576"

    /// A daemon that serves NFS, with a file system `home` that holds `docs/file` and a snapshot `first`.
    private struct World {
        let daemon: DaemonProcess
        let id: String
        let port: String

        init(nfs: String = "127.0.0.1:0", settings: String = "") throws {
            daemon = try DaemonProcess()
            try daemon.addSettings(settings)
            try daemon.start("--nfs", nfs)
            id = try daemon.done("fs", "create", "home").line
            try daemon.done("mkdir", "home:/docs")
            try daemon.done("put", "-", "home:/docs/file", input: Data("text".utf8))
            try daemon.done("snapshot", "create", "home", "first")
            try daemon.done("clock", "advance", "1h")
            let line = try daemon.logText().split(separator: "\n").first {
                $0.contains("serving NFS")
            }
            let address = line.flatMap { $0.firstMatch(of: /address=\S*:(\d+)/) }
            port = address.map { String($0.1) } ?? ""
            for name in ["mount", "umount"] {
                let planted = daemon.work + "/" + name
                let script = """
                    #!/bin/sh
                    printf '%s\\n' \(name) "$@" >"$0.called"
                    exit ${ENDS:-0}
                    """
                try Data(script.utf8).write(to: URL(fileURLWithPath: planted))
                try DaemonProcess.system("chmod", "755", planted)
            }
        }

        /// Runs `varve` with the planted programs in front on PATH.
        func run(_ words: String..., ends: String = "0") throws -> DaemonProcess.Ended {
            try run(words, ends: ends)
        }

        func run(_ words: [String], ends: String = "0") throws -> DaemonProcess.Ended {
            try DaemonProcess.run(
                "/usr/bin/env",
                [
                    "PATH=\(daemon.work):/usr/bin:/bin", "ENDS=\(ends)",
                    DaemonProcess.binaries + "/varve", "--socket", daemon.socket,
                ] + words
            )
        }

        /// The words that a planted program was last called with; `nil` when it was not.
        func called(_ name: String) throws -> [String]? {
            let path = daemon.work + "/\(name).called"
            guard FileManager.default.fileExists(atPath: path) else { return nil }
            let text = try String(contentsOfFile: path, encoding: .utf8)
            // One that stayed would be taken for the next call's.
            try FileManager.default.removeItem(atPath: path)
            return text.split(separator: "\n").map(String.init)
        }

        func options(_ text: String) -> String { text.replacing("PORT", with: port) }
    }

    @Test(.enabled(if: geteuid() == 0, "needs root"))
    func `it runs mount with the recommended options, and says so`() throws {
        let world = try World()
        let at = world.daemon.work
        let ended = try world.run("mount", "home", at)
        #expect(ended.status == 0, "\(ended.errors)")
        let options = world.options(Self.recommended)
        let source = "127.0.0.1:/\(world.id)"
        #expect(
            try world.called("mount") == ["mount", "-t", "nfs4", "-o", options, source, at]
        )
        #expect(ended.text == "mount -t nfs4 -o \(options) \(source) \(at)\n")
        let umount = try world.run("umount", at)
        #expect(umount.status == 0 && umount.text == "umount \(at)\n", "\(umount.errors)")
        #expect(try world.called("umount") == ["umount", at])
        #expect(try world.run("umount", "--lazy", at).status == 0)
        #expect(try world.called("umount") == ["umount", "--lazy", at])
        // It ends as they do.
        let failed = try world.run("mount", "home", at, ends: "32")
        #expect(failed.status == 1 && failed.errors.contains("mount ended with exit code 32"))
        #expect(try world.run("umount", at, ends: "1").status == 1)
    }

    /// Goal: what the documentation has users copy is what the command would do.
    ///
    /// Method: the manifest for Kubernetes and the line for fstab, read out of docs/operating.md, beside what `varve mount` prints.
    @Test
    func `the documentation's manifest and its fstab line mount with the recommended options`()
        throws
    {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let text = try String(
            contentsOf: root.appendingPathComponent("docs/operating.md"),
            encoding: .utf8
        )
        let manifest = try #require(
            text.components(separatedBy: "```yaml\n").map { $0.components(separatedBy: "```")[0] }
                .first { $0.contains("kind: PersistentVolume\n") }
        )
        // Two documents, of which Kubernetes takes what is indented below a key.
        let documents = manifest.components(separatedBy: "\n---\n").map(Self.scalars)
        try #require(documents.count == 2)
        let (volume, claim) = (documents[0], documents[1])
        for document in documents {
            #expect(document["apiVersion"] == "v1")
            #expect(document["spec.accessModes"] == "[ReadWriteMany]")
            #expect(
                document["spec.storageClassName"] == "\"\"",
                "none is to make a volume of its own"
            )
        }
        #expect(volume["kind"] == "PersistentVolume" && claim["kind"] == "PersistentVolumeClaim")
        #expect(volume["metadata.name"] == claim["spec.volumeName"])
        #expect(volume["spec.capacity.storage"] == claim["spec.resources.requests.storage"])
        #expect(volume["spec.persistentVolumeReclaimPolicy"] == "Retain")
        #expect(volume["spec.nfs.server"]?.isEmpty == false)
        let path = try #require(volume["spec.nfs.path"])
        #expect(path.wholeMatch(of: /\/fs-[0-9a-f]{17}/) != nil, "\(path)")

        let recommended = Self.recommended.split(separator: ",").map(String.init)
            .filter { !$0.hasPrefix("port=") }
        let options = try #require(volume["spec.mountOptions"])
        #expect(options == "[" + recommended.joined(separator: ", ") + "]")
        let fstab = try #require(text.firstMatch(of: /`HOST:(\S+) \S+ nfs4 (\S+) 0 0`/))
        #expect(String(fstab.1).wholeMatch(of: /\/fs-[0-9a-f]{17}/) != nil)
        #expect(String(fstab.2) == (recommended + ["_netdev"]).joined(separator: ","))
        // What is recommended is what the command says: the other tests of this suite.
        let world = try World()
        let said = try world.run("mount", "home", "/mnt", "--dry-run")
        #expect(said.text.contains(world.options(Self.recommended)), "\(said.text)\(said.errors)")
        #expect(world.daemon.stop() == 0)
    }

    /// The plain values of a YAML document, by their keys from the top, `a.b.c`.
    private static func scalars(_ document: String) -> [String: String] {
        var (above, found): ([(indent: Int, key: String)], [String: String]) = ([], [:])
        for line in document.split(separator: "\n") {
            let indent = line.prefix { $0 == " " }.count
            let words = line.split(separator: ":", maxSplits: 1)
            guard words.count == 2 || line.hasSuffix(":") else { continue }
            above.removeAll { $0.indent >= indent }
            let key = words[0].trimmingCharacters(in: .whitespaces)
            let value = (words.count == 2 ? words[1] : "").components(separatedBy: " #")[0]
                .trimmingCharacters(in: .whitespaces)
            if value.isEmpty {
                above.append((indent, key))
            } else {
                found[(above.map(\.key) + [key]).joined(separator: ".")] = value
            }
        }
        return found
    }

    @Test func `a dry run shows the command and runs nothing`() throws {
        let world = try World()
        let shown = try world.run("mount", "home:/docs", "/mnt/my docs", "--dry-run")
        let options = world.options(Self.recommended)
        #expect(
            shown.text
                == "mount -t nfs4 -o \(options) 127.0.0.1:/\(world.id)/docs '/mnt/my docs'\n",
            "\(shown.errors)"
        )
        let json = try world.run("--json", "mount", "home:/docs", "/mnt", "--dry-run")
        let fields = try JSONSerialization.jsonObject(with: json.output) as? [String: Any]
        #expect(fields?["source"] as? String == "127.0.0.1:/\(world.id)/docs")
        #expect(fields?["directory"] as? String == "/mnt")
        #expect(fields?["options"] as? String == options)
        #expect(fields?["isMounted"] as? Bool == false)
        #expect((fields?["command"] as? [String])?.first == "mount")
        let gone = try world.run("--json", "umount", "/mnt", "--dry-run")
        let undone = try JSONSerialization.jsonObject(with: gone.output) as? [String: Any]
        #expect(undone?["command"] as? [String] == ["umount", "/mnt"])
        #expect(try world.called("mount") == nil && world.called("umount") == nil)
    }

    @Test func `the past is mounted below dot-snapshot, read-only`() throws {
        let world = try World()
        func source(_ words: String...) throws -> String {
            let ended = try DaemonProcess.run(
                "varve",
                ["--socket", world.daemon.socket, "mount", "home:/docs", "/mnt", "--dry-run"]
                    + words
            )
            #expect(ended.text.contains("wsize=1048576,ro "), "\(ended.text)\(ended.errors)")
            return String(ended.text.split(separator: " ").dropLast().last ?? "")
        }
        let root = "127.0.0.1:/\(world.id)/.snapshot"
        #expect(try source("--snapshot", "first") == root + "/first/docs")
        let time = "2026-01-01T00:30:00Z"
        #expect(try source("--at", time) == root + "/@\(time)/docs")
        #expect(try source("--at", "-15m") == root + "/@2026-01-01T00:45:00Z/docs")
        let none = try world.run("mount", "home", "/mnt", "--dry-run", "--snapshot", "none")
        #expect(none.status == 1 && none.errors.contains("no snapshot 'none'"), "\(none.errors)")
        let before = ["--dry-run", "--at", "2020-01-01T00:00:00Z"]
        let early = try world.run(["mount", "home", "/mnt"] + before)
        #expect(early.status == 1 && early.errors.contains("is kept"), "\(early.errors)")
    }

    @Test func `own options win over recommended ones`() throws {
        let world = try World()
        let shown = try world.run(
            "mount",
            "home",
            "/mnt",
            "--dry-run",
            "--options",
            "noatime,nfsvers=4.2,soft",
            "--options",
            "rsize=65536"
        )
        let options =
            "proto=tcp,port=PORT,timeo=600,retrans=2,wsize=1048576,"
            + "noatime,nfsvers=4.2,soft,rsize=65536"
        #expect(shown.text.contains(" \(world.options(options)) "), "\(shown.text)\(shown.errors)")
    }

    @Test func `noresvport stands only where the daemon takes any port`() throws {
        let privileged = try World()
        let refused = try privileged.run(
            "mount",
            "home",
            "/mnt",
            "--dry-run",
            "--options",
            "noresvport"
        )
        #expect(refused.status == 64, "\(refused.errors)")
        #expect(refused.errors.contains("nfsPorts: any"), "\(refused.errors)")
        let open = try World(settings: "nfsPorts: any\n")
        let shown = try open.run("mount", "home", "/mnt", "--dry-run")
        #expect(shown.text.contains(",noresvport "), "\(shown.text)\(shown.errors)")
    }

    @Test func `it mounts from where the daemon listens`() throws {
        let everywhere = try World(nfs: "0.0.0.0:0")
        let shown = try everywhere.run("mount", "home", "/mnt", "--dry-run")
        #expect(shown.text.contains(" 127.0.0.1:/fs-"), "\(shown.text)\(shown.errors)")
        let six = try World(nfs: "[::1]:0")
        let bracketed = try six.run("mount", "home", "/mnt", "--dry-run")
        #expect(bracketed.text.contains(" [::1]:/fs-"), "\(bracketed.text)\(bracketed.errors)")
        #expect(bracketed.text.contains(",proto=tcp6,"), "\(bracketed.text)")
    }

    @Test func `what cannot be mounted is refused with the reason`() throws {
        let world = try World()
        let cases: [([String], Int32, String)] = [
            (["none", "/mnt"], 1, "none"), (["home:/none", "/mnt"], 1, "no 'none'"),
            (["home:/docs/file", "/mnt"], 1, "of kind file"),
            (["home:/docs/..", "/mnt"], 64, "holds '..'"),
        ]
        for (words, status, said) in cases {
            let ended = try DaemonProcess.run(
                "varve",
                ["--socket", world.daemon.socket, "mount", "--dry-run"] + words
            )
            #expect(ended.status == status, "\(words): \(ended.errors)")
            #expect(ended.errors.contains(said), "\(words): \(ended.errors)")
        }
        let off = try World(nfs: "off")
        let ended = try off.run("mount", "home", "/mnt", "--dry-run")
        #expect(ended.status == 1 && ended.errors.contains("nfs: off"), "\(ended.errors)")
    }

    @Test(.enabled(if: geteuid() == 0, "needs root"))
    func `who is not root, has no directory or no mount_nfs4 is told so`() throws {
        let world = try World()
        let work = world.daemon.work
        let missing = try world.run("mount", "home", work + "/none")
        #expect(missing.status == 1 && missing.errors.contains("mkdir -p"), "\(missing.errors)")

        let top = URL(fileURLWithPath: world.daemon.state).deletingLastPathComponent().path
        try DaemonProcess.system("chmod", "755", top, work)
        let varve = [DaemonProcess.binaries + "/varve", "--socket", world.daemon.socket]
        let user = ["--reuid=1234", "--regid=1234", "--clear-groups"] + varve
        for words in [["mount", "home", work], ["umount", work]] {
            let ended = try DaemonProcess.run("/usr/bin/setpriv", user + words)
            #expect(ended.status == 1 && ended.errors.contains("for root"), "\(ended.errors)")
            let dry = try DaemonProcess.run("/usr/bin/setpriv", user + words + ["--dry-run"])
            #expect(dry.status == 0, "\(dry.errors)")
        }

        // In a mount namespace of its own, where the helper is a file that nobody can run.
        let script = """
            set -eu; for helper in /sbin/mount.nfs4 /usr/sbin/mount.nfs4; do
                [ ! -e "$helper" ] || mount --bind /dev/null "$(readlink -f "$helper")"
            done; exec "$@"
            """
        let without = try DaemonProcess.run(
            "/usr/bin/unshare",
            ["--mount", "bash", "-c", script, "bash"] + varve + ["mount", "home", work]
        )
        #expect(without.status == 1, "\(without.text)")
        #expect(without.errors.contains("mount.nfs4 is missing"), "\(without.errors)")
        #expect(without.errors.contains("nfs-common"), "\(without.errors)")
    }
}
