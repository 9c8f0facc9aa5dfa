private import Glibc
import Hummingbird
import LocalAPI
import Logging
import NIOCore
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

    /// Refuses a path that no socket can have, before anything is opened for it.
    static func check(socket: String) throws(APIError) {
        guard socket.utf8.count > socketPathBytesMax else { return }
        throw APIError(
            .usage,
            "the socket path '\(socket)' has \(socket.utf8.count) bytes; "
                + "Linux allows \(socketPathBytesMax)",
            remedy: "Name a shorter one with --socket, or with socket in varve.yaml."
        )
    }

    func run() async throws {
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
                logger.notice(
                    "ready",
                    metadata: [
                        "socket": "\(socket)",
                        "access": "every local user, each as itself by the kernel's word",
                    ]
                )
            },
            logger: quiet
        )
        do {
            try await application.run()
        } catch let error as NIOCore.IOError {
            throw APIError(
                .failed,
                "listen on '\(socket)': \(error)",
                remedy: "Check that its directory is there and that varved may write to it."
            )
        }
        unlink(socket)
    }
}
