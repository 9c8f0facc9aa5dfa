import ControlPlane
import LocalAPI
import Logging
import NFSServer
import ServiceLifecycle
import VarveModel

/// The NFS gateway, joined to the daemon: its listener is a service, and what it offers are the file systems that serve.
enum NFSFrontEnd {
    static let frontEnd = FrontEnd { surroundings in
        guard let address = surroundings.settings.nfs else { return nil }
        let logger = surroundings.logger
        let exports = Exports(root: .gateway)
        await surroundings.fileSystems.observe { exports.replace(with: $0) }
        let parts = ServerParts(
            exports: exports,
            identity: Array("varve-".utf8) + surroundings.identity.bytes,
            clock: surroundings.clock,
            log: { logger.warning("nfs", metadata: ["says": "\($0)"]) }
        )
        return NFSService(parts: parts, address: address, logger: logger)
    }
}

/// Serves NFS until the daemon is told to stop.
private struct NFSService: Service {
    let parts: ServerParts
    let address: ListenAddress
    let logger: Logger

    func run() async throws {
        let server = NFSServer(parts, host: address.host, port: address.port)
        let logger = logger
        do {
            try await cancelWhenGracefulShutdown {
                try await server.run { bound in
                    logger.notice(
                        "serving NFS",
                        metadata: [
                            "address": "\(bound)",
                            "access": "whoever reaches the address is who it says it is (AUTH_SYS)",
                        ]
                    )
                }
            }
        } catch {
            throw APIError(
                .failed,
                "listen for NFS on \(address): \(error)",
                remedy: "Name another address with --nfs or nfs in varve.yaml, or 'off'."
            )
        }
    }
}
