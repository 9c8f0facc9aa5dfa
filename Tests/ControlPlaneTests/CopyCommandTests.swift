import Foundation
import LocalAPI
import TestKit
import Testing

/// Goal: recovery points are copied from vault to vault by the real programs, by hand and by a job.
@Suite(.serialized) struct CopyCommandTests {
    private struct World {
        let daemon: DaemonProcess
        var points: [String] = []

        init() throws {
            daemon = try DaemonProcess()
            let retention = """
                # Keeps the newest two, so that the rest is seen to go.
                format: 1
                kind: retention
                name: keep-two
                keep-last: 2
                """
            try World.write(retention, to: daemon.retention + "/keep-two.yaml")
            try World.write(World.job("newest", "keep-two"), to: daemon.jobs + "/copies.yaml")
            try daemon.start()
            try daemon.done("fs", "create", "home")
            try daemon.done("vault", "create", "main")
            // On another disk, as it were.
            let disk = daemon.work + "/disk"
            try FileManager.default.createDirectory(
                atPath: disk,
                withIntermediateDirectories: false
            )
            try FileManager.default.createSymbolicLink(
                atPath: daemon.state + "/vaults/second",
                withDestinationPath: disk
            )
            try daemon.done("vault", "create", "second")
            try backUp(0)
        }

        static func job(_ points: String, _ retention: String, source: String = "main") -> String {
            """
            # A second vault is for the day on which the first is gone.
            format: 1
            kind: job
            name: copies
            action: copy
            SourceBackupVaultName: \(source)
            TargetBackupVaultName: second
            Resources: ["*"]
            recovery-points: \(points)
            retention: \(retention)
            ScheduleExpression: "0 6 * * *"
            """
        }

        static func write(_ text: String, to path: String) throws {
            try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        }

        /// Changes a file and backs up; a day passes.
        mutating func backUp(_ number: Int) throws {
            try daemon.done("put", "-", "home:/note", input: Data("version \(number)\n".utf8))
            points.append(try daemon.done("backup", "run", "home", "--vault", "main").line)
            try daemon.done("clock", "advance", "1h")
        }

        func json<Value: Decodable>(_ type: Value.Type, _ words: String...) throws -> Value {
            let ended = try DaemonProcess.run(
                "varve",
                ["--socket", daemon.socket, "--json"] + words
            )
            return try JSONDecoder().decode(type, from: ended.output)
        }

        func listed(_ vault: String) throws -> [RecoveryPointDescription] {
            try json([RecoveryPointDescription].self, "backup", "list", "--vault", vault)
        }

        func copy(_ words: String...) throws -> DaemonProcess.Ended {
            try DaemonProcess.run(
                "varve",
                ["--socket", daemon.socket, "recovery-point", "copy"] + words
            )
        }
    }

    @Test func `a point is planned, copied, passed by, described and restored`() throws {
        var world = try World()
        let daemon = world.daemon
        let plan = try world.copy("--from", "main", "--to", "second", "--newest", "--dry-run")
        #expect(plan.status == 0, "\(plan.errors)")
        #expect(plan.text.contains(world.points[0]) && plan.text.contains("full"))
        #expect(plan.errors.contains("1 would be copied, 0 there already; nothing was copied"))
        #expect(try world.listed("second").isEmpty)
        let first = try world.json(
            CopyReport.self,
            "recovery-point",
            "copy",
            world.points[0],
            "--from",
            "main",
            "--to",
            "second",
            "--delete-after-days",
            "30"
        )
        #expect(first.copies.map(\.outcome) == [.copied] && !first.isPlan)
        let copy = try #require(first.copies.first?.copy)
        #expect(first.copies.first?.base == nil && copy != world.points[0])
        let there = try #require(try world.listed("second").first)
        let original = try #require(try world.listed("main").first)
        #expect(there.id == copy && there.fileSystemName == "home" && there.vault == "second")
        #expect(there.instant == original.instant && there.created == original.created)
        #expect(there.expires != nil && original.expires == nil)
        let details = try world.json(
            RecoveryPointDetails.self,
            "recovery-point",
            "describe",
            copy
        )
        #expect(details.copied != nil)
        #expect(details.labels["copyOf"]?.hasSuffix("/" + world.points[0]) == true)
        let described = try daemon.varve("recovery-point", "describe", copy)
        #expect(described.text.contains("copied") && described.text.contains("copyOf"))
        let again = try world.copy("--from", "main", "--to", "second", "--all")
        #expect(again.status == 0 && again.errors.contains("0 copied, 1 there already"))
        #expect(again.text.contains(copy))
        try world.backUp(1)
        let next = try world.json(
            CopyReport.self,
            "recovery-point",
            "copy",
            "--from",
            "main",
            "--to",
            "second",
            "--source",
            "home",
            "--newest"
        )
        #expect(next.copies.map(\.base) == [world.points[0]], "an increment of the one before")
        // The first vault burns, and the second one restores.
        try daemon.done("backup", "delete", world.points[0], world.points[1], "--vault", "main")
        try daemon.done("restore", "home:/", "--recovery-point", copy, "--to-new", "old")
        #expect(try daemon.done("cat", "old:/note") == Data("version 0\n".utf8))
        #expect(try daemon.varve("vault", "verify", "second", "--read-data").status == 0)
        #expect(try daemon.varve("doctor").complaint == "")
    }

    @Test func `what cannot be copied is said, with what to do`() throws {
        let world = try World()
        let daemon = world.daemon
        let point = world.points[0]
        let itself = try world.copy(point, "--from", "main", "--to", "main")
        #expect(itself.status == 1 && itself.errors.contains("both the one to copy from"))
        let nowhere = try world.copy(point, "--from", "main", "--to", "third")
        #expect(nowhere.status == 1 && nowhere.errors.contains("there is no vault 'third'"))
        #expect(nowhere.errors.contains("varve vault create third"))
        let unknown = "rp-" + String(repeating: "0", count: 32)
        let none = try world.copy(point, unknown, "--from", "main", "--to", "second")
        #expect(none.status == 1 && none.errors.contains("has no recovery point \(unknown)"))
        let wrong = try world.copy("rp-12", "--from", "main", "--to", "second")
        #expect(wrong.status == 64, "\(wrong.errors)")
        let empty = try world.copy("--from", "second", "--to", "main", "--newest")
        #expect(empty.status == 1 && empty.errors.contains("'second' has no recovery point"))
        let nobody = try world.copy("--from", "main", "--to", "second", "--all", "--source", "x")
        #expect(nobody.status == 1 && nobody.errors.contains("no recovery point of 'x'"))
        #expect(try world.copy("--from", "main", "--to", "second").status == 64)
        #expect(
            try world.copy(point, "--from", "main", "--to", "second", "--all").status == 64
        )
        #expect(try world.listed("second").isEmpty)
        // A lock of the other vault, by its numbers.
        try daemon.done("vault", "lock", "second", "--min-retention", "30d")
        let short = try world.copy(
            point,
            "--from",
            "main",
            "--to",
            "second",
            "--delete-after-days",
            "7"
        )
        #expect(short.status == 1, "\(short.errors)")
        #expect(short.errors.contains("at least 30 days, and this one asks for 7"))
        #expect(short.errors.contains("1 refused"))
        try daemon.done("vault", "unlock", "second")
        // Damage: a bit in every kibibyte of the first vault's packs.
        #expect(daemon.stop() == 0)
        let packs = daemon.state + "/vaults/main/packs"
        for name in try FileManager.default.contentsOfDirectory(atPath: packs) {
            let url = URL(fileURLWithPath: packs + "/" + name)
            var bytes = try Data(contentsOf: url)
            for at in stride(from: 140, to: bytes.count, by: 1_024) { bytes[at] ^= 4 }
            try bytes.write(to: url)
        }
        try daemon.start()
        let damaged = try world.copy("--from", "main", "--to", "second", "--newest")
        #expect(damaged.status == 2, "\(damaged.errors)")
        #expect(
            damaged.errors.contains(point) && damaged.errors.contains("varve vault verify main")
        )
        #expect(try world.listed("second").isEmpty)
        let job = try daemon.varve("job", "run", "copies")
        #expect(job.status == 2 && job.text.hasPrefix("damaged: "), "\(job.text)")
    }

    @Test func `a job copies each day, and its retention goes by the age of the originals`() throws
    {
        var world = try World()
        let daemon = world.daemon
        let first = try daemon.varve("job", "run", "copies")
        #expect(first.status == 0, "\(first.text) \(first.errors)")
        #expect(first.text.contains("home: 1 copied, 0 there already"), "\(first.text)")
        let again = try daemon.varve("job", "run", "copies")
        #expect(again.text.contains("home: 0 copied, 1 there already"), "\(again.text)")
        for number in 1..<4 { try world.backUp(number) }
        // All that there are, but only those that stay.
        try World.write(World.job("all", "keep-two"), to: daemon.jobs + "/copies.yaml")
        let all = try daemon.varve("job", "run", "copies")
        #expect(all.text.contains("home: 2 copied, 1 there already"), "\(all.text)")
        #expect(all.text.contains("1 expired"), "\(all.text)")
        let kept = try world.listed("second").map(\.instant)
        #expect(kept == (try world.listed("main").map(\.instant)).suffix(2))
        let settled = try daemon.varve("job", "run", "copies")
        #expect(settled.text.contains("home: 0 copied, 2 there already"), "\(settled.text)")
        #expect(!settled.text.contains("expired"))
        let shown = try world.json([JobDescription].self, "job", "list")
        #expect(shown.map(\.action) == ["copy"] && shown.first?.vault == "second")
        #expect(shown.first?.source == "main")
        // By the clock: at six in the morning, also of a file system that is gone since.
        try world.backUp(4)
        try daemon.done("fs", "delete", "home", "--yes")
        try daemon.done("clock", "advance", "1d")
        let runs = try world.json([JobRunDescription].self, "job", "history", "--limit", "1")
        #expect(runs.first?.outcome == "done" && runs.first?.action == "copy", "\(runs)")
        #expect(runs.first?.message.contains("home: 1 copied") == true, "\(runs)")
        #expect(try world.listed("second").count == 2)
        // A vault that is not there.
        try World.write(
            World.job("all", "keep-two", source: "nowhere"),
            to: daemon.jobs + "/copies.yaml"
        )
        let absent = try daemon.varve("job", "run", "copies")
        #expect(absent.status == 1 && absent.text.contains("there is no vault 'nowhere'"))
        #expect(try daemon.varve("vault", "verify", "second", "--read-data").status == 0)
    }
}
