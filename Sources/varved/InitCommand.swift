import ArgumentParser
import ControlPlane
import Disk
import LocalAPI
import VarveModel

/// `varved init`.
struct InitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Make a state directory, and the root key where there is none.",
        discussion: """
            EXAMPLES
              varved init
              varved init --state /srv/varve --key-file /media/stick/root.key
              varved init --state /tmp/try --simulated-clock 2026-01-01T00:00:00Z
            """
    )

    @OptionGroup var place: StateOptions

    @Option(
        help:
            "The root key's file; kept when it is there. Default: /etc/varve/root.key for root, ~/.config/varve/root.key otherwise."
    )
    var keyFile: String?

    @Option(
        help: ArgumentHelp(
            "Mark it for ever as one with a simulated clock that begins here.",
            valueName: "time"
        )
    )
    var simulatedClock: String?

    func run() async throws {
        let state = place.path
        let key = keyFile.map { WorkingDirectory.absolute($0) } ?? RootKeyFile.defaultPath()
        var start: Timestamp?
        if let simulatedClock {
            guard
                let time = TimeParser.rfc3339(simulatedClock) ?? TimeParser.unix(simulatedClock)
                    ?? TimeParser.civil(simulatedClock)?.utc
            else {
                throw APIError(
                    .usage,
                    "'\(simulatedClock)' is no time",
                    remedy:
                        "Write 2026-01-01T00:00:00Z, or '2026-01-01 00:00:00', which is UTC here."
                )
            }
            guard time.seconds >= 0, time.seconds < 1 << 40 else {
                throw APIError(.usage, "a simulated clock begins in 1970 or later")
            }
            start = time
        }
        let isNew = try StateDirectory.create(
            at: state,
            keyFile: key,
            simulatedStart: start,
            on: HostDisk(),
            clock: WallClock()
        )
        Terminal.say(
            "State directory: \(state)\(start.map { ", its clock simulated from \(TimeText($0).text)" } ?? "")"
        )
        Terminal.say("Root key:        \(key)\(isNew ? "" : " (it was there)")")
        if isNew {
            Terminal.say(
                """

                Keep the root key: without it nothing that this daemon stores can ever be read again, by anybody.
                  - copy it to two places off this machine, one of them on paper: base64 \(key)
                  - never put it on the disk that holds the state directory or a vault
                  - a vault's directory and this key are all that a restore on another machine needs
                """
            )
        }
        Terminal.say(
            "\nStart: varved serve --state \(state)\(keyFile == nil ? "" : "   (varve.yaml there names the key file)")"
        )
    }
}
