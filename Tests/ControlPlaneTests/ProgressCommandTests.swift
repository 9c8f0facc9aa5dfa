import Foundation
import LocalAPI
import TestKit
import Testing

/// How the real programs show how far they are.
@Suite struct ProgressCommandTests {
    private static func world() throws -> DaemonProcess {
        let daemon = try DaemonProcess()
        try daemon.start()
        try daemon.done("fs", "create", "home")
        try daemon.done("vault", "create", "main")
        var random = SeededGenerator(seed: 12)
        for number in 0..<4 {
            try daemon.done("put", "-", "home:/f\(number)", input: Data(random.bytes(300_000)))
        }
        return daemon
    }

    @Test func `as lines of JSON on standard error, beside one value on standard output`() throws {
        let daemon = try Self.world()
        let run = try daemon.varve(
            "backup",
            "run",
            "home",
            "--vault",
            "main",
            "--json",
            "--progress",
            "json"
        )
        #expect(run.status == 0, "\(run.errors)")
        let point = try JSONDecoder().decode(RecoveryPointDescription.self, from: run.output)
        let lines = try run.errors.split(separator: "\n").map {
            try JSONDecoder().decode(ProgressRecord.self, from: Data($0.utf8))
        }
        let last = try #require(lines.last)
        #expect(lines.allSatisfy { $0.phase == "backing up" })
        #expect(last.bytes == 1_200_000 && last.bytesTotal == 1_200_000)
        #expect(last.done == 5 && last.total == 5 && point.files == 5)
        // A restore knows the point's own figures.
        let restored = try daemon.varve(
            "restore",
            "home:/",
            "--recovery-point",
            point.id,
            "--to-new",
            "again",
            "--progress",
            "json"
        )
        #expect(restored.status == 0, "\(restored.errors)")
        let records = restored.errors.split(separator: "\n").compactMap {
            // Not all lines are progress: a summary for people comes last.
            try? JSONDecoder().decode(ProgressRecord.self, from: Data($0.utf8))
        }
        #expect(records.allSatisfy { $0.bytesTotal == 1_200_000 && $0.total == 5 })
        // Nothing is shown where standard error is no terminal, and nobody asked.
        let quiet = try daemon.varve("backup", "run", "home", "--vault", "main", "--json")
        #expect(quiet.status == 0 && quiet.errors.isEmpty, "\(quiet.errors)")
        #expect(daemon.stop() == 0)
    }

    @Test func `as a line on a terminal, no wider than it, which is gone at the end`() throws {
        let daemon = try Self.world()
        let varve = DaemonProcess.binaries + "/varve --socket \(daemon.socket)"
        func onTerminal(_ command: String, columns: Int) throws -> String {
            let text = "stty cols \(columns); \(varve) \(command)"
            let ended = try DaemonProcess.run("/usr/bin/script", ["-qec", text, "/dev/null"])
            #expect(ended.status == 0, "\(ended.text)")
            return ended.text
        }
        let shown = try onTerminal("backup run home --vault main", columns: 100)
        let pieces = shown.components(separatedBy: "\r\u{1B}[K")
        #expect(pieces.count >= 3, "\(pieces)")
        let line = try #require(pieces.first { $0.hasPrefix("backing up") }, "\(pieces)")
        #expect(line.contains("5 of 5") && line.contains("of 1.1 MiB"), "\(line)")
        // The line is taken away before the result, which is the point's id alone.
        #expect(pieces.last?.hasPrefix("rp-") == true, "\(pieces)")
        // Another vault: where nothing changed, nothing is copied, and no line is shown.
        let other = try daemon.varve("vault", "create", "other")
        #expect(other.status == 0, "\(other.errors)")
        let narrow = try onTerminal("backup run home --vault other", columns: 24)
            .components(separatedBy: "\r\u{1B}[K").filter { $0.hasPrefix("backing up") }
        #expect(!narrow.isEmpty && narrow.allSatisfy { $0.count < 24 }, "\(narrow)")
        let none = try onTerminal("backup run home --vault main --progress none", columns: 100)
        #expect(!none.contains("backing up") && !none.contains("\u{1B}"), "\(none)")
        #expect(daemon.stop() == 0)
    }

    @Test func `a job that comes more often than can be shown is named`() throws {
        let daemon = try DaemonProcess()
        let job = """
            # Comes often.
            format: 1
            kind: job
            name: minutely
            action: snapshot
            Resources: ["*"]
            ScheduleExpression: "* * * * *"
            """
        try Data(job.utf8).write(to: URL(fileURLWithPath: daemon.jobs + "/minutely.yaml"))
        try daemon.start()
        let week = try daemon.varve("job", "next", "--json")
        let found = try JSONDecoder().decode([JobDue].self, from: week.output)
        #expect(found.count == 1_000)
        #expect(week.errors == "varve: 'minutely' comes more often: the first 1000 are shown\n")
        let few = try daemon.varve("job", "next", "--count", "3")
        #expect(few.text.split(separator: "\n").count == 4 && few.errors.isEmpty)
        #expect(daemon.stop() == 0)
    }
}
