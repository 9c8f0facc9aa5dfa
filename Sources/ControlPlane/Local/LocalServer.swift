private import Glibc
import Hummingbird
import LocalAPI
import Logging
import ServiceLifecycle

/// Serves the local API on the state directory's Unix socket.
struct LocalServer: Service {
    let responder: RouterResponder<PeerContext>
    let socket: String
    /// The state directory; when the socket is in it, others may pass through, and see nothing else.
    let state: String
    let logger: Logger

    /// Bytes of `sun_path` in unix(7), without its NUL.
    private static let socketPathBytesMax = 107

    func run() async throws {
        guard socket.utf8.count <= LocalServer.socketPathBytesMax else {
            throw APIError(
                .usage,
                "the socket path '\(socket)' has \(socket.utf8.count) bytes; "
                    + "Linux allows \(LocalServer.socketPathBytesMax)",
                remedy: "Name a shorter one with --socket."
            )
        }
        // A daemon that was killed leaves its socket; the state directory's lock says that nobody has it.
        unlink(socket)
        if socket.hasPrefix(state + "/"), chmod(state, 0o711) != 0 {
            logger.error("others cannot reach the socket", metadata: ["state": "\(state)"])
        }
        var quiet = logger
        quiet.logLevel = max(logger.logLevel, .warning)
        let (socket, logger) = (socket, logger)
        let application = Application(
            responder: responder,
            configuration: ApplicationConfiguration(
                address: .unixDomainSocket(path: socket),
                serverName: "varved"
            ),
            onServerRunning: { _ in
                // Every local user may connect: each acts as itself, by the kernel's word.
                if chmod(socket, 0o666) != 0 {
                    logger.error("others cannot connect", metadata: ["socket": "\(socket)"])
                }
                logger.notice("ready", metadata: ["socket": "\(socket)"])
            },
            logger: quiet
        )
        try await application.run()
        unlink(socket)
    }
}
