import Foundation
import TestKit
import Testing

/// The daemon as its operator meets it: settings, log, lock, socket, warnings.
@Suite(.serialized) struct DaemonTests {
    @Test(arguments: ["logfmt", "json"])
    func `every line of the log is one event in its format`(format: String) throws {
        let daemon = try DaemonProcess()
        try Data("# why\nformat: 1\nkind: job\nname: broken\nwhen: never\n".utf8)
            .write(to: URL(fileURLWithPath: daemon.jobs + "/broken.yaml"))
        try daemon.start("--log-format", format, "--log-level", "debug")
        try daemon.done("fs", "create", "with \"quotes\" = and \\")
        _ = try daemon.varve("cat", "nothing:/a\nb")
        #expect(daemon.stop() == 0)
        let lines = try daemon.logText().split(separator: "\n")
        #expect(lines.count > 4)
        for line in lines {
            let keys: Set<String>
            if format == "json" {
                let object = try JSONSerialization.jsonObject(with: Data(line.utf8))
                keys = Set((object as? [String: String] ?? [:]).keys)
            } else {
                keys = try #require(Self.logfmtKeys(String(line)), "\(line)")
            }
            #expect(keys.isSuperset(of: ["time", "level", "from", "event"]), "\(line)")
        }
        let text = try daemon.logText()
        // What stands unprotected is said at the start, and who may connect.
        for word in ["one zone", "kernel's word", "broken.yaml:"] {
            #expect(text.contains(word), "\(text)")
        }
    }

    /// The keys of a line of `key=value` and `key="value"`; `nil` when it is none.
    private static func logfmtKeys(_ line: String) -> Set<String>? {
        let pair = /([A-Za-z]+)=("(?:[^"\\]|\\.)*"|[^\s"=\\]+)( |$)/
        var keys: Set<String> = []
        var rest = line[...]
        while !rest.isEmpty {
            guard let match = rest.prefixMatch(of: pair) else { return nil }
            keys.insert(String(match.1))
            rest = rest[match.range.upperBound...]
        }
        return keys
    }

    @Test func `a mistake in a file of settings is told by file and line`() throws {
        let daemon = try DaemonProcess()
        let file = daemon.state + "/varve.yaml"
        try Data("keyFile: '\(daemon.keyFile)'\nlogLevle: info\n".utf8)
            .write(to: URL(fileURLWithPath: file))
        for verb in ["serve", "doctor"] {
            let refused = try daemon.varved(verb)
            #expect(refused.status == 64, "\(refused.errors)")
            #expect(refused.errors.contains("\(file):2: there is no setting 'logLevle'"))
            #expect(refused.errors.contains("The settings are: "), "\(refused.errors)")
        }
    }

    @Test func `config shows what is in force and where it came from`() throws {
        let daemon = try DaemonProcess()
        let shown = try daemon.varved("config", "--show", "--log-level", "debug")
        #expect(shown.status == 0)
        #expect(shown.text.contains("logLevel: debug   # flag"), "\(shown.text)")
        #expect(shown.text.contains("keyFile: \(daemon.keyFile)   # \(daemon.state)/varve.yaml:2"))
        #expect(shown.text.contains("keepSeconds: 24h   # default"), "\(shown.text)")
        let json = try daemon.varved("config", "--show", "--json")
        let values =
            try JSONSerialization.jsonObject(with: json.output) as? [String: [String: String]]
        #expect(values?["logFormat"]?["value"] == "logfmt")
    }

    @Test func `a key inside the state directory is a warning, at the start and by doctor`() throws
    {
        let daemon = try DaemonProcess()
        let inside = daemon.state + "/root.key"
        try DaemonProcess.system("cp", daemon.keyFile, inside)
        let offline = try daemon.varved("doctor", "--key-file", inside)
        #expect(offline.status == 0, "\(offline.errors)")
        #expect(offline.text.contains("warning: \(inside)"), "\(offline.text)")
        try daemon.start("--key-file", inside)
        #expect(try daemon.logText().contains("the root key lies in the state directory"))
        let asked = try daemon.varve("doctor")
        #expect(asked.status == 0 && asked.text.contains("warning: \(inside)"), "\(asked.text)")
    }

    @Test func `a second daemon and a check beside one are told whom to ask`() throws {
        let daemon = try DaemonProcess()
        try daemon.start()
        for verb in ["serve", "doctor"] {
            let refused = try daemon.varved(verb)
            #expect(refused.status == 1)
            for word in ["another daemon", daemon.state, "varve --socket \(daemon.socket)"] {
                #expect(refused.errors.contains(word), "\(refused.errors)")
            }
        }
        #expect(try daemon.varve("fs", "list").status == 0, "the first one serves on")
    }

    @Test func `a socket path that no socket can have, or that cannot be made, is named`() throws {
        let daemon = try DaemonProcess()
        let long = daemon.work + "/" + String(repeating: "s", count: 120)
        let refused = try daemon.varved("serve", "--socket", long)
        #expect(refused.status == 64)
        #expect(refused.errors.contains("Linux allows 107"), "\(refused.errors)")
        let client = try DaemonProcess.run("varve", ["--socket", long, "fs", "list"])
        #expect(client.status == 64 && client.errors.contains("Linux allows 107"))
        let nowhere = "/tmp/varve-there-is-no-such-directory/s"
        let unbound = try daemon.varved("serve", "--socket", nowhere)
        #expect(unbound.status == 1)
        #expect(unbound.errors.contains("listen on '\(nowhere)'"), "\(unbound.errors)")
        #expect(unbound.errors.contains("directory"), "\(unbound.errors)")
    }

    @Test func `without a daemon the client says how to start one`() throws {
        let daemon = try DaemonProcess()
        let alone = try daemon.varve("fs", "list")
        #expect(alone.status == 1)
        #expect(alone.errors.contains("no daemon answers on '\(daemon.socket)'"))
        #expect(alone.errors.contains("varved serve"), "\(alone.errors)")
        // A socket that a killed daemon left is no daemon either, and in nobody's way.
        try daemon.start()
        daemon.kill()
        let dead = try daemon.varve("fs", "list")
        #expect(dead.status == 1 && dead.errors.contains("Connection refused"), "\(dead.errors)")
        try daemon.start()
        #expect(try daemon.varve("fs", "list").status == 0)
    }

    @Test func `mistakes in policy files are told by file, line and remedy`() throws {
        let daemon = try DaemonProcess()
        let text = """
            # Backs up what a day changes.
            format: 1
            kind: job
            name: daily
            action: backup
            Resources: ["*"]
            TargetBackupVaultName: main
            SheduleExpression: "0 2 * * *"
            """
        let file = daemon.jobs + "/daily.yaml"
        try Data(text.utf8).write(to: URL(fileURLWithPath: file))
        try daemon.start()
        let lint = try daemon.varve("job", "lint")
        #expect(lint.status == 2)
        #expect(lint.text.contains("\(file):8: "), "\(lint.text)")
        #expect(lint.text.contains("ScheduleExpression"), "\(lint.text)")
        #expect(try daemon.logText().contains("daily.yaml:8"))
        // The daemon serves on, and takes the file once it is right.
        let right = text.replacing("Shedule", with: "Schedule") + "\nmissed: run-once\n"
        try Data(right.utf8).write(to: URL(fileURLWithPath: file))
        #expect(try daemon.varve("job", "lint").status == 0)
        #expect(try daemon.varve("job", "list").text.contains("daily"))
    }
}
