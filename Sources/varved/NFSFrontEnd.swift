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
        let records = NFSClientRecords(memory: surroundings.memory)
        var limits = ServerLimits()
        limits.requiresPrivilegedPorts = surroundings.settings.requiresPrivilegedNFSPorts
        let parts = ServerParts(
            exports: exports,
            identity: Array("varve-".utf8) + surroundings.identity.bytes,
            clock: surroundings.clock,
            limits: limits,
            records: records,
            remembered: await records.owners(logger),
            time: { text in
                TimeParser.unix(text) ?? TimeParser.rfc3339(String(text.dropFirst()))
            },
            log: { logger.warning("nfs", metadata: ["says": "\($0)"]) }
        )
        return NFSService(
            parts: parts,
            address: address,
            served: surroundings.nfsPort,
            logger: logger
        )
    }
}

/// Clients that hold state, remembered in the daemon's own database.
private struct NFSClientRecords: ClientRecords {
    let memory: FrontEndMemory

    private static let prefix = "nfs-client:"

    /// Those that held state when the last daemon ended.
    func owners(_ logger: Logger) async -> Set<[UInt8]> {
        do {
            let names = try await memory.values(startingWith: Self.prefix).keys
            return Set(names.compactMap { Hex.decode(String($0.dropFirst(Self.prefix.count))) })
        } catch {
            // Clients open anew then, and lose the locks that somebody else took meanwhile.
            logger.error("NFS clients are forgotten", metadata: ["error": "\(error)"])
            return []
        }
    }

    func remember(_ owner: [UInt8]) async throws {
        try await memory.set(Self.prefix + Hex.encode(owner), "1")
    }

    func forget(_ owner: [UInt8]) async throws {
        try await memory.set(Self.prefix + Hex.encode(owner), nil)
    }
}

/// Serves NFS until the daemon is told to stop.
private struct NFSService: Service {
    let parts: ServerParts
    let address: ListenAddress
    let served: ServedPort
    let logger: Logger

    func run() async throws {
        let server = NFSServer(parts, host: address.host, port: address.port)
        let (logger, served) = (logger, served)
        do {
            try await cancelWhenGracefulShutdown {
                try await server.run { host, port in
                    served.tell(port)
                    logger.notice(
                        "serving NFS",
                        metadata: [
                            "address": "\(host):\(port)",
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
