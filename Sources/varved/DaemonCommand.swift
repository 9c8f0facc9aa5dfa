import ArgumentParser
import ControlPlane
import Glibc
import LocalAPI

/// `varved`: reads settings, joins the services, decides nothing.
struct DaemonCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "varved",
        abstract: "The daemon of Varve: file systems that keep their layers.",
        discussion: """
            EXAMPLES
              varved init
              varved serve
              varved serve --state /srv/varve --jobs /srv/Jobs --retention /srv/Retention
            """,
        version: Daemon.version,
        subcommands: [
            ServeCommand.self, InitCommand.self, CheckCommand.self, ConfigCommand.self,
        ]
    )

    /// Runs the command and ends the process.
    static func start() async {
        signal(SIGPIPE, SIG_IGN)
        // Whoever started us may ignore it, and the kernel would then keep no exit code of a hook.
        signal(SIGCHLD, SIG_DFL)
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
            Glibc.exit(ExitStatus.done.rawValue)
        } catch let error as APIError {
            Terminal.note("varved: \(error.message)")
            if !error.remedy.isEmpty { Terminal.note("        \(error.remedy)") }
            Glibc.exit(error.exitStatus.rawValue)
        } catch {
            exit(withError: error)
        }
    }
}

/// Lines for people.
enum Terminal {
    static func note(_ line: String) {
        put(line, 2)
    }

    static func say(_ line: String) {
        put(line, 1)
    }

    private static func put(_ line: String, _ descriptor: Int32) {
        // A terminal that takes nothing leaves nowhere to say so.
        _ = Array((line + "\n").utf8).withUnsafeBytes {
            write(descriptor, $0.baseAddress, $0.count)
        }
    }
}
