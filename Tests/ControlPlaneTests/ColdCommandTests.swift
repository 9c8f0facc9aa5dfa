import Foundation
import LocalAPI
import TestKit
import Testing

/// Goal: the real programs move points to cold storage, show them, restore them and let them go.
@Suite(.serialized) struct ColdCommandTests {
    private struct World {
        let daemon: DaemonProcess
        let points: [String]

        private static let retention = """
            # What is over a month old is seldom asked for.
            format: 1
            kind: retention
            name: cold-after-30
            Lifecycle:
              MoveToColdStorageAfterDays: 30
              DeleteAfterDays: 120
            """

        /// Three points of `home`, a minute apart.
        init() throws {
            daemon = try DaemonProcess()
            try Data(World.retention.utf8).write(
                to: URL(fileURLWithPath: daemon.retention + "/cold-after-30.yaml")
            )
            try daemon.start()
            try daemon.done("fs", "create", "home")
            try daemon.done("vault", "create", "main")
            try daemon.done("mkdir", "home:/docs")
            var points: [String] = []
            for number in 0..<3 {
                try daemon.done("put", "-", "home:/docs/plan", input: Data("plan \(number)".utf8))
                points.append(try daemon.done("backup", "run", "home", "--vault", "main").line)
                try daemon.done("clock", "advance", "1m")
            }
            self.points = points
        }

        func json<Value: Decodable>(_ type: Value.Type, _ words: String...) throws -> Value {
            let ended = try DaemonProcess.run(
                "varve",
                ["--socket", daemon.socket, "--json"] + words
            )
            return try JSONDecoder().decode(type, from: ended.output)
        }

        func classes() throws -> [String] {
            try json([RecoveryPointDescription].self, "backup", "list", "home").map(\.storageClass)
        }

        func expire(_ words: String...) throws -> ExpiryReport {
            let ended = try DaemonProcess.run(
                "varve",
                ["--socket", daemon.socket, "--json", "backup", "expire", "--vault", "main"]
                    + ["--retention", "cold-after-30"] + words
            )
            #expect(ended.status == 0, "\(ended.errors)")
            return try JSONDecoder().decode(ExpiryReport.self, from: ended.output)
        }
    }

    @Test func `points move by a retention, are looked into and restored, and go in the end`()
        throws
    {
        let world = try World()
        let daemon = world.daemon
        try daemon.done("clock", "advance", "31d")
        let plan = try world.expire("--dry-run")
        #expect(plan.judgements.map(\.movesToCold) == [true, true, false])
        #expect(try world.classes() == ["WARM", "WARM", "WARM"], "a plan changes nothing")
        let report = try world.expire()
        #expect(report.judgements.map(\.movesToCold) == [true, true, false])
        #expect(report.archivedBytes > 0 && report.staysWarm.isEmpty)
        #expect(try world.classes() == ["COLD", "COLD", "WARM"])

        let described = try world.json(
            RecoveryPointDetails.self,
            "recovery-point",
            "describe",
            world.points[0]
        )
        #expect(described.archive?.opensWithVaultKey == true)
        #expect(described.archive?.path?.hasSuffix("cold/\(world.points[0]).tar.zst.age") == true)
        let text = try daemon.varve("recovery-point", "describe", world.points[0]).text
        #expect(text.contains("COLD") && text.contains("the vault's own key"))
        let vault = try world.json(VaultDescription.self, "vault", "describe", "main")
        #expect(vault.coldPoints == 2 && vault.recoveryPoints == 3)

        let point = world.points[0]
        #expect(try daemon.done("recovery-point", "ls", point + ":/docs").line == "plan")
        #expect(try daemon.done("recovery-point", "cat", point + ":/docs/plan").line == "plan 0")
        #expect(try daemon.done("recovery-point", "find", point, "plan").line == "/docs/plan")
        try daemon.done("restore", "home:/docs", "--recovery-point", point, "--to", "home:/back")
        #expect(try daemon.done("cat", "home:/back/plan").line == "plan 0")
        try daemon.done("restore", "home:/docs", "--recovery-point", point, "--in-place")
        #expect(try daemon.done("cat", "home:/docs/plan").line == "plan 0")
        try daemon.done(
            "restore",
            "home:/docs/plan",
            "--recovery-point",
            point,
            "--to-existing",
            "home"
        )
        #expect(try daemon.varve("recovery-point", "diff", point, world.points[2]).status != 0)
        #expect(try daemon.varve("vault", "verify", "main", "--read-data").status == 0)

        try daemon.done("backup", "delete", point, "--vault", "main")
        try daemon.done("clock", "advance", "90d")
        #expect(
            try world.expire().judgements.map(\.keptBecause).map { $0 == nil } == [true, false]
        )
        #expect(try world.classes() == ["WARM"])
        #expect(try daemon.varve("vault", "verify", "main", "--read-data").status == 0)
    }

    @Test func `points that bear their own days move within the hour, and AWS's rule is kept`()
        throws
    {
        let world = try World()
        let daemon = world.daemon
        let refused = try daemon.varve(
            "backup",
            "run",
            "home",
            "--vault",
            "main",
            "--move-to-cold-storage-after-days",
            "10",
            "--delete-after-days",
            "99"
        )
        #expect(refused.status != 0 && refused.errors.contains("90"))
        let own = try daemon.done(
            "backup",
            "run",
            "home",
            "--vault",
            "main",
            "--move-to-cold-storage-after-days",
            "10",
            "--delete-after-days",
            "100"
        ).line
        try daemon.done("clock", "advance", "1h")
        try daemon.done("backup", "run", "home", "--vault", "main")
        let before = try world.json(RecoveryPointDetails.self, "recovery-point", "describe", own)
        #expect(before.point.storageClass == "WARM" && before.point.movesToCold != nil)
        try daemon.done("clock", "advance", "11d")
        let after = try world.json(RecoveryPointDetails.self, "recovery-point", "describe", own)
        #expect(after.point.storageClass == "COLD")
        #expect(try world.classes().count { $0 == "COLD" } == 1)
    }

    /// Goal: with recipients alone the daemon reads nothing back; whoever has the identity does, and the daemon never sees it.
    @Test func `an identity opens what only its recipient can read`() throws {
        let world = try World()
        let daemon = world.daemon
        let key = daemon.work + "/cold.key"
        try daemon.done("archive", "keygen", "--output", key)
        let text = try String(contentsOfFile: key, encoding: .utf8)
        let recipient = try #require(
            text.split(whereSeparator: \.isWhitespace).first { $0.hasPrefix("age1") }
        )
        let cold = daemon.work + "/cold"
        try FileManager.default.createDirectory(atPath: cold, withIntermediateDirectories: true)
        try daemon.done(
            "vault",
            "cold",
            "main",
            "--recipient",
            String(recipient),
            "--cold-directory",
            cold
        )
        let shown = try world.json(ColdStorageDescription.self, "vault", "cold", "main")
        #expect(!shown.usesVaultKey && shown.recipients == [String(recipient)])
        #expect(shown.directory == cold)
        try daemon.done("clock", "advance", "31d")
        #expect(try world.expire().staysWarm.isEmpty)
        #expect(try world.classes() == ["COLD", "COLD", "WARM"])
        let point = world.points[1]
        let refused = try daemon.varve("recovery-point", "cat", point + ":/docs/plan")
        #expect(refused.status != 0 && refused.errors.contains("--identity"))
        let words = ["recovery-point", "cat", point + ":/docs/plan", "--identity", key]
        let read = try DaemonProcess.run("varve", ["--socket", daemon.socket] + words)
        #expect(read.output == Data("plan 1".utf8), "\(read.errors)")
        let other = daemon.work + "/other.key"
        try daemon.done("archive", "keygen", "--output", other)
        #expect(
            try daemon.varve("recovery-point", "ls", point, "--identity", other).status != 0
        )
        try daemon.done(
            "restore",
            "home:/",
            "--recovery-point",
            point,
            "--identity",
            key,
            "--to-new",
            "restored"
        )
        #expect(try daemon.done("cat", "restored:/docs/plan").line == "plan 1")
        #expect(try daemon.varve("vault", "verify", "main", "--read-data").status == 0)
        #expect(try daemon.varve("vault", "cold", "main", "--recipient", "nobody").status != 0)
    }
}
