import ArgumentParser
import ControlPlane
import FoundationEssentials
import LocalAPI

/// `varved config`.
struct ConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config",
        abstract: "Show the settings in force, and where each came from.",
        discussion: """
            EXAMPLES
              varved config --show
              varved config --show --state /srv/varve --log-level debug
            """
    )

    @OptionGroup var place: StateOptions
    @OptionGroup var options: SettingsOptions

    @Flag(help: "Show them (there is nothing else to do).")
    var show = false

    @Flag(help: "Print one JSON value.")
    var json = false

    func run() async throws {
        let settings = try options.settings(state: place.path)
        if json {
            var values: [String: [String: String]] = [:]
            for (name, value) in settings.values {
                values[name.rawValue] = ["value": value.text, "origin": value.origin]
            }
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            return Terminal.say(String(decoding: try encoder.encode(values), as: UTF8.self))
        }
        Terminal.say("state: \(place.path)")
        for name in SettingName.allCases {
            guard let value = settings.values[name] else { continue }
            Terminal.say("\(name.rawValue): \(value.text)   # \(value.origin)")
        }
    }
}
