import ArgumentParser
import ControlPlane
import Disk
import Logging

/// `varved serve`.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Run the daemon in the foreground until SIGTERM or SIGINT.",
        discussion: """
            Logs go to standard error, one event a line. Told to stop, it takes nothing new, lets what is in flight \
            end for ten seconds, and breaks off the rest unacknowledged; all that was acknowledged is kept.

            EXAMPLES
              varved serve
              varved serve --state /srv/varve --log-format json
            """
    )

    @OptionGroup var place: StateOptions
    @OptionGroup var options: SettingsOptions

    @Flag(help: "Vouch for a machine's clock more than a year ahead of the last run, this once.")
    var acceptClock = false

    func run() async throws {
        HostMemory.keepBuffers()
        HostFiles.raiseLimit()
        let settings = try options.settings(state: place.path)
        let logger = Logger(label: "varved") { label in
            EventLog(
                label: label,
                format: EventLog.Format(rawValue: settings[.logFormat]) ?? .logfmt,
                level: Logger.Level(rawValue: settings[.logLevel]) ?? .info
            )
        }
        try await Daemon.serve(
            state: place.path,
            settings: settings,
            disk: HostDisk(),
            acceptsClock: acceptClock,
            frontEnds: [NFSFrontEnd.frontEnd],
            logger: logger
        )
    }
}
