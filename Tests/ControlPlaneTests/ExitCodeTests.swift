import Foundation
import TestKit
import Testing

/// Goal: damage is told by exit code 2, whatever else went well or was refused; 3 is for what was only refused.
///
/// Method: the real programs on a state directory with one damage; each command that meets it.
@Suite(.serialized) struct ExitCodeTests {
    @Test func `a damaged file is left out, named, and told by 2`() throws {
        let world = try DamagedWorld()
        let daemon = world.daemon
        try world.damage("zones/local-a/\(world.first)/standard/*", .flip(20_000))
        try daemon.start()
        try daemon.done("snapshot", "create", "first", "now")
        let out = daemon.work + "/out"
        let commands: [[String]] = [
            ["export", "first:/", out], ["export", "--snapshot", "now", "first:/", out + "-past"],
            ["restore", "first:/", "--snapshot", "now", "--to", out + "-restored"],
            ["restore", "first:/", "--snapshot", "now", "--to-new", "again"],
        ]
        for words in commands {
            let ended = try run(daemon, words)
            #expect(ended.status == 2, "\(words): \(ended.errors)")
            #expect(ended.errors.contains("varve: damaged: large: "), "\(words): \(ended.errors)")
            let json = try run(daemon, ["--json"] + words.dropLast() + [words.last! + "-json"])
            #expect(json.status == 2, "\(words): \(json.errors)")
            let report = try JSONSerialization.jsonObject(with: json.output) as? [String: Any]
            let left = try #require(report?["left"] as? [[String: Any]])
            #expect(left.map { $0["isDamage"] as? Bool } == [true], "\(words)")
        }
        for copy in ["", "-past", "-restored"] {
            let small = try Data(contentsOf: URL(fileURLWithPath: out + copy + "/small"))
            #expect(small == DamagedWorld.small)
            #expect(!FileManager.default.fileExists(atPath: out + copy + "/large"))
        }
        #expect(try daemon.done("cat", "again:/small") == DamagedWorld.small)
        // All or nothing.
        for words in [
            ["cat", "first:/large"], ["get", "first:/large", out + "-got"],
            ["backup", "run", "first", "--vault", "other"], ["doctor"], ["doctor", "first"],
        ] {
            let ended = try run(daemon, words)
            #expect(ended.status == 2, "\(words): \(ended.text)\(ended.errors)")
        }
        #expect(!FileManager.default.fileExists(atPath: out + "-got"))
    }

    @Test func `a job that meets damage backs up the others, and tells it by 2`() throws {
        let world = try DamagedWorld()
        let daemon = world.daemon
        let job = """
            # A night's work.
            format: 1
            kind: job
            name: nightly
            action: backup
            Resources: ["*"]
            TargetBackupVaultName: other
            ScheduleExpression: "0 2 * * *"
            missed: run-once
            """
        try Data(job.utf8).write(to: URL(fileURLWithPath: daemon.jobs + "/nightly.yaml"))
        try world.damage("zones/local-a/\(world.first)/standard/*", .flip(20_000))
        try daemon.start()
        func points() throws -> Int {
            let list = try daemon.done("--json", "backup", "list", "second")
            return try #require(try JSONSerialization.jsonObject(with: list) as? [Any]).count
        }
        let before = try points()
        let ended = try run(daemon, ["--json", "job", "run", "nightly"])
        #expect(ended.status == 2, "\(ended.text)\(ended.errors)")
        let told = try JSONSerialization.jsonObject(with: ended.output) as? [String: Any]
        #expect(told?["outcome"] as? String == "damaged")
        #expect((told?["message"] as? String)?.hasPrefix("first: ") == true, "\(ended.text)")
        #expect(try points() == before + 1)
    }

    @Test(.enabled(if: geteuid() == 0, "needs root"))
    func `a streamed export tells damage by 2 beside what tar was refused`() throws {
        let world = try DamagedWorld()
        let daemon = world.daemon
        try daemon.start()
        try daemon.done("chmod", "644", "first:/small", "first:/large")
        try daemon.done("chmod", "755", "first:/")
        let top = URL(fileURLWithPath: daemon.state).deletingLastPathComponent().path
        try DaemonProcess.system("chmod", "755", top, daemon.work)
        let out = daemon.work + "/out"
        try DaemonProcess.system("mkdir", "-m", "777", out)
        func export(to name: String) throws -> DaemonProcess.Ended {
            try DaemonProcess.run(
                "/usr/bin/setpriv",
                [
                    "--reuid=1234", "--regid=1234", "--clear-groups",
                    DaemonProcess.binaries + "/varve", "--socket", daemon.socket, "export",
                    "first:/", "\(out)/\(name)",
                ]
            )
        }
        // Root's files come as the user's own: that is refused, and no damage.
        let whole = try export(to: "whole")
        #expect(whole.status == 3, "\(whole.errors)")
        #expect(whole.text.hasPrefix("2 files, 2 directories, 0 others"), "\(whole.text)")
        #expect(daemon.stop() == 0)
        try world.damage("zones/local-a/\(world.first)/standard/*", .flip(20_000))
        try daemon.start()
        let torn = try export(to: "torn")
        #expect(torn.status == 2, "\(torn.errors)")
        #expect(torn.errors.contains("varve: damaged: large: "), "\(torn.errors)")
        #expect(torn.errors.contains("Cannot change ownership"), "\(torn.errors)")
        let small = try Data(contentsOf: URL(fileURLWithPath: out + "/torn/small"))
        #expect(small == DamagedWorld.small)
    }

    @Test func `damage far into a file is told by 2 behind the bytes before it`() throws {
        let daemon = try DaemonProcess()
        try daemon.start()
        try daemon.done("fs", "create", "home")
        var generator = SeededGenerator(seed: 1)
        let bytes = Data(generator.bytes(4_000_000))
        try daemon.done("put", "-", "home:/far", input: bytes)
        #expect(daemon.stop() == 0)
        let script = """
            set -eu; segment=$(ls '\(daemon.state)'/zones/local-a/fs-*/standard/* | head -n 1)
            printf 'damage' | dd of="$segment" bs=1 seek=3500000 conv=notrunc status=none
            """
        try DaemonProcess.system("bash", "-c", script)
        try daemon.start()
        let cat = try daemon.varve("cat", "home:/far")
        #expect(cat.status == 2, "\(cat.errors)")
        #expect(cat.output.count >= 1 << 20 && cat.output.count < bytes.count)
        #expect(cat.output == bytes.prefix(cat.output.count))
        #expect(cat.errors.contains("segment"), "\(cat.errors)")
        let get = try daemon.varve("get", "home:/far", daemon.work + "/far")
        #expect(get.status == 2, "\(get.errors)")
        #expect(!FileManager.default.fileExists(atPath: daemon.work + "/far"))
        #expect(!FileManager.default.fileExists(atPath: daemon.work + "/far.varve-part"))
    }

    /// Goal: wherever the maps of a recovery point are damaged, at their roots or below, restore ends with 2.
    ///
    /// Method: one byte after another of its pack of map nodes, from the first chunk to the last.
    @Test func `a recovery point whose listings are damaged is told by 2`() throws {
        let world = try DamagedWorld()
        let daemon = world.daemon
        let folder = daemon.state + "/vaults/main/packs"
        let nodes = try #require(
            try FileManager.default.contentsOfDirectory(atPath: folder).first { name in
                // docs/formats/vault.md: byte 112 of a pack is 1 when it holds map nodes.
                try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)"))[112] == 1
            }
        )
        let pack = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(nodes)"))
        let chunks = 128..<pack.suffix(24).prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
        let step = max(1, chunks.count / 6)
        for offset in stride(from: chunks.lowerBound, to: chunks.upperBound, by: step) {
            try world.heal()
            try world.damage("vaults/main/packs/" + nodes, .flip(offset))
            try daemon.start()
            for target in [["--to", daemon.work + "/out-\(offset)"], ["--to-new", "again"]] {
                let restore = try run(
                    daemon,
                    ["restore", "first:/", "--recovery-point", world.point] + target
                )
                #expect(restore.status == 2, "byte \(offset): \(restore.errors)")
                #expect(restore.errors.contains("packs/" + nodes), "\(restore.errors)")
            }
            #expect(try daemon.varve("vault", "verify", "main").status == 2)
            #expect(daemon.stop() == 0)
        }
    }

    private func run(
        _ daemon: DaemonProcess,
        _ words: [String]
    ) throws -> DaemonProcess.Ended {
        try DaemonProcess.run("varve", ["--socket", daemon.socket] + words)
    }
}
