import Foundation
import TestKit
import Testing

/// Regional file systems as their operator meets them: commands, exit codes, JSON.
@Suite(.serialized) struct ZoneCommandTests {
    private func started(_ zones: [String] = ["a", "b", "c"]) throws -> DaemonProcess {
        let daemon = try DaemonProcess()
        for zone in zones { try DaemonProcess.system("mkdir", daemon.work + "/" + zone) }
        let places = zones.map { "\($0)=\(daemon.work)/\($0)" }.joined(separator: ", ")
        try daemon.addSettings("zones: '\(places)'\n")
        try daemon.start()
        return daemon
    }

    private func object(_ data: Data) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    }

    private func array(_ data: Data) throws -> [[String: Any]] {
        try #require(try JSONSerialization.jsonObject(with: data) as? [[String: Any]])
    }

    @Test func `a zone that is lost is told by every command, and repaired by one`() throws {
        let daemon = try started()
        let id = try daemon.done("fs", "create", "home", "--regional").line
        try daemon.done("fs", "create", "one", "--one-zone", "b")
        try daemon.done("put", "-", "home:/before", input: Data("before".utf8))
        let calm = try daemon.varve("zone", "status")
        #expect(calm.status == 0 && calm.text.contains("in sync"), "\(calm.text)\(calm.errors)")
        let described = try object(try daemon.done("--json", "fs", "describe", "home"))
        #expect(described["zones"] as? [String] == ["a", "b", "c"])
        #expect(described["availabilityZone"] == nil && described["degraded"] == nil)
        let other = try object(try daemon.done("--json", "fs", "describe", "one"))
        #expect(other["zones"] == nil && other["availabilityZone"] as? String == "b")

        try DaemonProcess.system("mv", daemon.work + "/c", daemon.work + "/c.away")
        let probed = try daemon.varve("zone", "repair", "c")
        #expect(probed.status == 1 && probed.text.contains("out"), "\(probed.text)\(probed.errors)")
        try daemon.done("put", "-", "home:/during", input: Data("during".utf8))
        let status = try daemon.varve("--json", "zone", "status")
        #expect(status.status == 1, "\(status.errors)")
        let told = try #require(try array(status.output).first)
        #expect(told["fileSystem"] as? String == id && told["isDegraded"] as? Bool == true)
        #expect(told["mayWrite"] as? Bool == true)
        let zones = try #require(told["zones"] as? [[String: Any]])
        #expect(zones.map { $0["state"] as? String } == ["inSync", "inSync", "out"])
        #expect(zones[2]["reason"] is String && zones[2]["since"] is String)
        let listed = try daemon.varve("fs", "list")
        #expect(listed.text.contains("degraded") && listed.errors.contains("c is out"))
        #expect(try daemon.varve("doctor").status == 2)
        let places = try array(try daemon.done("--json", "zone", "list"))
        #expect(places.map { $0["isThere"] as? Bool } == [true, true, false])
        #expect(places.map { $0["inSync"] as? Int } == [1, 1, 0])

        try DaemonProcess.system("mv", daemon.work + "/c.away", daemon.work + "/c")
        let planned = try daemon.varve("--json", "zone", "repair", "c", "--dry-run")
        #expect(planned.status == 0)
        #expect(try object(planned.output)["isDryRun"] as? Bool == true)
        let repaired = try daemon.varve("--json", "zone", "repair", "c", "--fs", "home")
        // The daemon's own round may have come first.
        #expect(repaired.status == 0, "\(repaired.text)\(repaired.errors)")
        #expect(try daemon.varve("zone", "status", "home").status == 0)
        let scrubbed = try daemon.varve("--json", "zone", "scrub", "home", "--rate", "500MiB")
        #expect(scrubbed.status == 0, "\(scrubbed.errors)")
        let result = try #require(try array(scrubbed.output).first)
        #expect(result["isComplete"] as? Bool == true && result["lostCount"] as? Int == 0)
        #expect(try daemon.done("cat", "home:/during") == Data("during".utf8))
        #expect(daemon.stop() == 0)
        for zone in ["b", "c"] {
            try DaemonProcess.system(
                "diff",
                "-r",
                "--exclude=zone",
                daemon.work + "/a/" + id,
                daemon.work + "/\(zone)/" + id
            )
        }
    }

    @Test func `a deletion with a zone away ends with 3 and is finished later`() throws {
        let daemon = try started()
        let id = try daemon.done("fs", "create", "home", "--regional").line
        try DaemonProcess.system("mv", daemon.work + "/b", daemon.work + "/b.away")
        let deleted = try daemon.varve("--json", "fs", "delete", "home", "--yes")
        #expect(deleted.status == 3, "\(deleted.errors)")
        let away = try #require(try object(deleted.output)["away"] as? [[String: Any]])
        #expect(away.map { $0["zone"] as? String } == ["b"])
        #expect(try daemon.varve("fs", "list").text.contains("deleting"))
        #expect(try daemon.varve("fs", "describe", id).text.contains("zone 'b'"))
        #expect(try daemon.varve("doctor").text.contains("warning: file system \(id)"))
        try DaemonProcess.system("mv", daemon.work + "/b.away", daemon.work + "/b")
        #expect(try daemon.varve("zone", "repair", "b").status == 0)
        #expect(try daemon.done("--json", "fs", "list").line == "[\n\n]")
        #expect(try FileManager.default.contentsOfDirectory(atPath: daemon.work + "/b").isEmpty)
    }

    @Test func `what names no zone, or none of three, is refused by name`() throws {
        let daemon = try started()
        let zone = try daemon.varve("fs", "create", "x", "--one-zone", "d")
        #expect(zone.status == 1 && zone.errors.contains("a, b, c"), "\(zone.errors)")
        #expect(try daemon.varve("fs", "create", "x", "--one-zone", "a", "--regional").status == 64)
        let repair = try daemon.varve("zone", "repair", "d")
        #expect(repair.status == 1 && repair.errors.contains("there is no zone 'd'"))
        try daemon.done("fs", "create", "one")
        let one = try daemon.varve("zone", "repair", "a", "--fs", "one")
        #expect(one.status == 1 && one.errors.contains("one zone"), "\(one.errors)")
        #expect(try daemon.varve("zone", "scrub", "--rate", "0").status == 64)
        #expect(try daemon.varve("zone", "status").status == 0, "nothing is degraded")
        #expect(try daemon.done("--json", "zone", "status").line == "[\n\n]")
    }

    @Test func `a kill with a zone away loses nothing, and the zone comes back`() throws {
        let daemon = try started()
        let id = try daemon.done("fs", "create", "home", "--regional").line
        try DaemonProcess.system("mv", daemon.work + "/a", daemon.work + "/a.away")
        #expect(try daemon.varve("zone", "repair", "a").status == 1)
        for number in 0..<5 {
            try daemon.done("put", "-", "home:/\(number)", input: Data("\(number)".utf8))
        }
        daemon.kill()
        try daemon.start()
        for number in 0..<5 {
            #expect(try daemon.done("cat", "home:/\(number)") == Data("\(number)".utf8))
        }
        try DaemonProcess.system("mv", daemon.work + "/a.away", daemon.work + "/a")
        #expect(try daemon.varve("zone", "repair", "a").status == 0)
        #expect(daemon.stop() == 0)
        try DaemonProcess.system(
            "diff",
            "-r",
            "--exclude=zone",
            daemon.work + "/a/" + id,
            daemon.work + "/b/" + id
        )
    }
}
