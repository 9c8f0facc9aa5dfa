import ControlPlane
import LocalAPI
import Logging
import NFSServer
import ServiceLifecycle
import VarveModel

/// NFS, joined to the daemon: the gateway where the settings say, and the mount targets, which serve also without it.
///
/// Its tasks are a service, and what it offers are the file systems that serve.
enum NFSFrontEnd {
    static let frontEnd = FrontEnd { surroundings in
        let lists = ExportLists()
        await surroundings.fileSystems.observe { lists.replace(with: $0) }
        let server = NFSServer(await parts(surroundings, lists.gateway), lists)
        // The gateway first: a mount target that is in its way waits, and does not keep the daemon from starting.
        try await openGateway(of: server, surroundings)
        await surroundings.mountTargets.serve(by: Listeners(server: server))
        return NFSService(server: server)
    }

    private static func openGateway(
        of server: NFSServer,
        _ surroundings: FrontEnd.Surroundings
    ) async throws(APIError) {
        guard let address = surroundings.settings.nfs else { return }
        do {
            let (host, port) = try await server.openGateway(host: address.host, port: address.port)
            surroundings.nfsPort.tell(port)
            surroundings.logger.notice(
                "serving NFS",
                metadata: [
                    "address": "\(host):\(port)",
                    "access": "whoever reaches the address is who it says it is (AUTH_SYS)",
                ]
            )
        } catch {
            throw APIError(
                .failed,
                "listen for NFS on \(address): \(error)",
                remedy: "Name another address with --nfs or nfs in varve.yaml, or 'off'."
            )
        }
    }

    private static func parts(
        _ surroundings: FrontEnd.Surroundings,
        _ exports: Exports
    ) async -> ServerParts {
        let logger = surroundings.logger
        let records = NFSClientRecords(memory: surroundings.memory)
        let realms = await surroundings.mountTargets.ids.map { Realm($0) } + [.gateway]
        var limits = ServerLimits()
        limits.requiresPrivilegedPorts = surroundings.settings.requiresPrivilegedNFSPorts
        return ServerParts(
            exports: exports,
            identity: Array("varve-".utf8) + surroundings.identity.bytes,
            clock: surroundings.clock,
            limits: limits,
            records: records,
            remembered: await records.clients(of: Set(realms), logger),
            time: { text in
                TimeParser.unix(text) ?? TimeParser.rfc3339(String(text.dropFirst()))
            },
            log: { logger.warning("nfs", metadata: ["says": "\($0)"]) }
        )
    }
}

/// The server's listeners, as the daemon opens and ends them.
private struct Listeners: MountTargetListeners {
    let server: NFSServer

    func open(
        _ target: MountTargetID,
        of fileSystem: FileSystemID,
        host: String,
        port: Int
    ) async throws {
        try await server.open(target, of: fileSystem, host: host, port: port)
    }

    func remove(_ target: MountTargetID) async {
        await server.remove(target)
    }
}

/// Clients that hold state, remembered in the daemon's own database.
private struct NFSClientRecords: ClientRecords {
    let memory: FrontEndMemory

    private static let prefix = "nfs-client:"

    /// Those that held state when the last daemon ended; those of mount targets that are gone are forgotten.
    func clients(of realms: Set<Realm>, _ logger: Logger) async -> Set<ClientName> {
        do {
            var clients: Set<ClientName> = []
            for name in try await memory.values(startingWith: Self.prefix).keys {
                if let client = Self.client(name, in: realms) {
                    clients.insert(client)
                } else {
                    await forget(name, logger)
                }
            }
            return clients
        } catch {
            // Clients open anew then, and lose the locks that somebody else took meanwhile.
            logger.error("NFS clients are forgotten", metadata: ["error": "\(error)"])
            return []
        }
    }

    /// Forgets a client of a mount target that is gone.
    private func forget(_ name: String, _ logger: Logger) async {
        do {
            try await memory.set(name, nil)
        } catch {
            // It is nobody's any more, and goes at another start.
            logger.warning("an NFS client stays written down", metadata: ["error": "\(error)"])
        }
    }

    func remember(_ client: ClientName) async throws {
        try await memory.set(Self.name(client), "1")
    }

    func forget(_ client: ClientName) async throws {
        try await memory.set(Self.name(client), nil)
    }

    /// `nfs-client:`, of a mount target's client the target and `:`, and the owner in hex.
    private static func name(_ client: ClientName) -> String {
        let realm = client.realm == .gateway ? "" : client.realm.name + ":"
        return prefix + realm + Hex.encode(client.owner)
    }

    private static func client(_ name: String, in realms: Set<Realm>) -> ClientName? {
        let parts = name.dropFirst(prefix.count)
            .split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        let realm = parts.count == 1 ? .gateway : MountTargetID(parts[0]).map { Realm($0) }
        guard let realm, realms.contains(realm), let owner = Hex.decode(parts[parts.count - 1])
        else { return nil }
        return ClientName(owner, in: realm)
    }
}

/// Serves NFS until the daemon is told to stop.
private struct NFSService: Service {
    let server: NFSServer

    func run() async throws {
        await cancelWhenGracefulShutdown { await server.run() }
    }
}
