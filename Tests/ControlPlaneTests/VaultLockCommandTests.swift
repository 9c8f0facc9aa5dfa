import Foundation
import LocalAPI
import TestKit
import Testing

/// Goal: a lock is placed, shown, and holds against every way in which the real programs delete recovery points.
@Suite(.serialized) struct VaultLockCommandTests {
    private static func json<Value: Decodable>(
        _ type: Value.Type,
        of daemon: DaemonProcess,
        _ words: String...
    ) throws -> Value {
        let ended = try DaemonProcess.run("varve", ["--socket", daemon.socket, "--json"] + words)
        return try JSONDecoder().decode(type, from: ended.output)
    }

    private func locked() throws -> (daemon: DaemonProcess, points: [String]) {
        let daemon = try DaemonProcess()
        try daemon.addKeepOne()
        try daemon.start()
        try daemon.done("fs", "create", "home")
        try daemon.done("vault", "create", "main")
        var points: [String] = []
        for number in 0..<3 {
            try daemon.done("put", "-", "home:/note", input: Data("\(number)".utf8))
            points.append(
                try daemon.done(
                    "backup",
                    "run",
                    "home",
                    "--vault",
                    "main",
                    "--delete-after-days",
                    "\(number + 1)"
                ).line
            )
            try daemon.done("clock", "advance", "1m")
        }
        return (daemon, points)
    }

    @Test func `a governance lock keeps points from hand, expiry and rule until it is lifted`()
        throws
    {
        let (daemon, points) = try locked()
        let plan = try Self.json(
            LockReport.self,
            of: daemon,
            "vault",
            "lock",
            "main",
            "--min-retention",
            "1w",
            "--dry-run"
        )
        #expect(plan.isPlan && plan.kept == 3 && plan.keptForEver == 0)
        #expect(try Self.json([VaultDescription].self, of: daemon, "vault", "list")[0].lock == nil)
        try daemon.done("vault", "lock", "main", "--min-retention", "7d", "--max-retention", "1y")
        let listed = try Self.json([VaultDescription].self, of: daemon, "vault", "list")[0]
        #expect(listed.locked == true && listed.lock?.mode == "governance")
        let described = try Self.json(
            VaultDescription.self,
            of: daemon,
            "vault",
            "describe",
            "main"
        )
        #expect(described.lock?.minRetentionDays == 7 && described.lock?.maxRetentionDays == 365)
        #expect(try daemon.varve("vault", "describe", "main").text.contains("governance, 7 to 365"))
        #expect(try daemon.varve("vault", "list").text.contains("governance"))

        for days in ["6", "366"] {
            let short = try daemon.varve(
                "backup",
                "run",
                "home",
                "--vault",
                "main",
                "--delete-after-days",
                days
            )
            #expect(short.status == 1)
            #expect(
                short.errors.contains(
                    "at least 7 and at most 365 days, and this one asks for \(days)"
                ),
                "\(short.errors)"
            )
        }
        let forEver = try daemon.varve("backup", "run", "home", "--vault", "main")
        #expect(forEver.status == 1 && forEver.errors.contains("for ever"), "\(forEver.errors)")

        try daemon.done("clock", "advance", "1d")
        try daemon.done("clock", "advance", "1d")
        // The hourly round has run, and these have expired but for the lock.
        let deleted = try daemon.varve("backup", "delete", points[0], "--vault", "main")
        #expect(deleted.status == 1 && deleted.errors.contains("lock"), "\(deleted.errors)")
        for words in [[], ["--retention", "keep-one"]] as [[String]] {
            let ended = try DaemonProcess.run(
                "varve",
                ["--socket", daemon.socket, "--json", "backup", "expire", "--vault", "main"] + words
            )
            let report = try JSONDecoder().decode(ExpiryReport.self, from: ended.output)
            #expect(report.judgements.count == 3)
            #expect(report.judgements.allSatisfy { $0.keptBecause?.contains("lock") == true })
        }
        #expect(daemon.stop() == 0)
        try daemon.start()
        #expect(try daemon.varve("backup", "delete", points[0], "--vault", "main").status == 1)
        for _ in 0..<6 { try daemon.done("clock", "advance", "1d") }
        let left = try Self.json(
            [RecoveryPointDescription].self,
            of: daemon,
            "backup",
            "list",
            "home"
        )
        #expect(left.map(\.id) == [points[2]], "the newest of its source")
        #expect(try daemon.varve("vault", "verify", "main", "--read-data").status == 0)

        try daemon.done("backup", "run", "home", "--vault", "main", "--delete-after-days", "30")
        try daemon.done("vault", "unlock", "main")
        #expect(try daemon.varve("vault", "unlock", "main").status == 1)
        try daemon.done("backup", "delete", points[2], "--vault", "main")
        #expect(try daemon.varve("doctor").complaint == "")
    }

    @Test
    func `a compliance lock outlives its grace period, restarts and the state of its daemon`()
        throws
    {
        let (daemon, points) = try locked()
        let short = try daemon.varve(
            "vault",
            "lock",
            "main",
            "--min-retention",
            "30d",
            "--changeable-for",
            "2d"
        )
        #expect(short.status == 1 && short.errors.contains("3 to 36500"), "\(short.errors)")
        func lock() throws {
            try daemon.done(
                "vault",
                "lock",
                "main",
                "--min-retention",
                "30d",
                "--changeable-for",
                "3d"
            )
        }
        try lock()
        try daemon.done("vault", "unlock", "main")
        try lock()
        for _ in 0..<3 { try daemon.done("clock", "advance", "1d") }
        let described = try Self.json(
            VaultDescription.self,
            of: daemon,
            "vault",
            "describe",
            "main"
        )
        #expect(described.lock?.isFinal == true && described.lock?.mode == "compliance")
        // Nothing of the lock is in the daemon's own state.
        #expect(daemon.stop() == 0)
        for name in ["journal.sqlite", "control.sqlite"] {
            #expect(FileManager.default.fileExists(atPath: daemon.state + "/" + name))
        }
        let new = try DaemonProcess(rootKey: daemon.keyFile)
        try DaemonProcess.system("cp", "-a", daemon.state + "/vaults/main", new.state + "/vaults/")
        try new.start()
        let tries = [
            ["vault", "unlock", "main"], ["vault", "lock", "main", "--min-retention", "29d"],
            ["backup", "delete", points[0], "--vault", "main"],
        ]
        for words in tries {
            let refused = try DaemonProcess.run("varve", ["--socket", new.socket] + words)
            #expect(refused.status == 1 && refused.errors.contains("lock"), "\(refused.errors)")
        }
        let stronger = ["vault", "lock", "main", "--min-retention", "31d"]
        let unasked = try DaemonProcess.run("varve", ["--socket", new.socket] + stronger)
        #expect(unasked.status == 1 && unasked.errors.contains("--final"), "\(unasked.errors)")
        try new.done("vault", "lock", "main", "--min-retention", "31d", "--final")
        #expect(
            try Self.json(VaultDescription.self, of: new, "vault", "describe", "main").lock?.isFinal
                == true
        )
        try DaemonProcess.system(
            "rm",
            new.state + "/vaults/main/lock",
            new.state + "/vaults/main/lock.copy"
        )
        let gone = try new.varve("vault", "verify", "main")
        #expect(gone.status == 2 && gone.text.contains("lock.copy"), "\(gone.text)")
        #expect(try new.varve("backup", "delete", points[0], "--vault", "main").status == 2)
        try new.done("vault", "verify", "main", "--repair")
        #expect(try new.varve("vault", "unlock", "main").status == 1)
    }
}
