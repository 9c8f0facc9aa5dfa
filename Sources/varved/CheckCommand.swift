import ArgumentParser
import ControlPlane
import FoundationEssentials
import LocalAPI
import Logging

/// `varved doctor`.
struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Check everything on disk while no daemon runs; exits 2 on damage.",
        discussion: """
            While one runs, ask it: 'varve doctor'. What does not open is told, and all the rest is checked.

            --renew-journal sets a journal.sqlite that does not open aside and begins an empty one: job runs and \
            access days are lost, no file data.

            EXAMPLES
              varved doctor
              varved doctor --renew-journal
              varved doctor --state /srv/varve --json
            """
    )

    @OptionGroup var place: StateOptions
    @OptionGroup var options: SettingsOptions

    @Flag(help: "Begin an empty journal in place of one that does not open, then check.")
    var renewJournal = false

    @Flag(help: "Print one JSON value.")
    var json = false

    func run() async throws {
        let settings = try options.settings(state: place.path)
        let logger = Logger(label: "varved") { label in
            EventLog(label: label, format: .logfmt, level: .error)
        }
        let check = OfflineCheck(state: place.path, settings: settings, logger: logger)
        if renewJournal {
            for file in try await check.renewJournal() { Terminal.note("set aside: \(file)") }
        }
        let report = try await check.run { _ in }
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
