import ArgumentParser
import ControlPlane
import Disk
import FoundationEssentials
import LocalAPI
import Logging

/// `varved doctor`.
struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Check everything on disk while no daemon runs; exits 2 on damage.",
        discussion: """
            While one runs, ask it: 'varve doctor'.

            EXAMPLES
              varved doctor
              varved doctor --state /srv/varve --json
            """
    )

    @OptionGroup var place: StateOptions
    @OptionGroup var options: SettingsOptions

    @Flag(help: "Print one JSON value.")
    var json = false

    func run() async throws {
        let settings = try options.settings(state: place.path)
        let logger = Logger(label: "varved") { label in
            EventLog(label: label, format: .logfmt, level: .error)
        }
        let daemon = try await Daemon(
            state: place.path,
            settings: settings,
            disk: HostDisk(),
            logger: logger
        )
        let report = try await daemon.check { _ in }
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            Terminal.say(String(decoding: try encoder.encode(report), as: UTF8.self))
        } else {
            for line in report.checked { Terminal.say("checked \(line)") }
            for item in report.found {
                Terminal.say("\(item.kind): \(item.subject): \(item.message)")
                if !item.remedy.isEmpty { Terminal.say("  \(item.remedy)") }
            }
            if report.found.isEmpty { Terminal.say("nothing is wrong") }
        }
        if report.found.contains(where: { $0.kind != "warning" }) {
            throw ExitCode(ExitStatus.found.rawValue)
        }
    }
}
