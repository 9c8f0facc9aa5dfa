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
            Logs go to standard error, one event a line.

            EXAMPLES
              varved serve
              varved serve --state /srv/varve --log-format json
            """
    )

    @OptionGroup var place: StateOptions
    @OptionGroup var options: SettingsOptions

    func run() async throws {
        HostMemory.keepBuffers()
        let settings = try options.settings(state: place.path)
        let logger = Logger(label: "varved") { label in
            EventLog(
                label: label,
                format: EventLog.Format(rawValue: settings[.logFormat]) ?? .logfmt,
                level: Logger.Level(rawValue: settings[.logLevel]) ?? .info
            )
        }
        let daemon = try await Daemon(
            state: place.path,
            settings: settings,
            disk: HostDisk(),
            logger: logger
        )
        try await daemon.serve()
    }
}
