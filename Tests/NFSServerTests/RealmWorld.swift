import FileSystemEngine
import NFSWire
import Synchronization
import VarveModel

@testable import NFSServer

/// One server over two file systems: a gateway, two mount targets of the first and one of the second.
struct RealmWorld {
    static let targets = (
        first: MountTargetID("fsmt-00000000000000001"),
        beside: MountTargetID("fsmt-00000000000000002"),
        other: MountTargetID("fsmt-00000000000000003")
    )

    let clock: SimulatedClock
    let records = RememberedClients()
    let one: FileSystem
    let two: FileSystem
    let lists = ExportLists()

    static func make() async throws -> RealmWorld {
        let clock = SimulatedClock(NFSWorld.start)
        return RealmWorld(
            clock: clock,
            one: try await open(clock),
            two: try await open(clock)
        )
    }

    private init(clock: SimulatedClock, one: FileSystem, two: FileSystem) {
        (self.clock, self.one, self.two) = (clock, one, two)
        lists.replace(with: [one, two])
    }

    private static func open(_ clock: SimulatedClock) async throws -> FileSystem {
        let fileSystem = try await FileSystem.create(NFSWorld.configuration(clock))
        let changes = AttributeChanges(permissions: 0o777)
        _ = try await fileSystem.setAttributes(.root, changes, as: .root)
        return fileSystem
    }

    /// The gateway of a server that has just started.
    func start() -> ServerParts {
        ServerParts(
            exports: lists.gateway,
            identity: Array("test".utf8),
            clock: clock,
            records: records,
            remembered: records.clients
        )
    }

    /// A mount target beside a gateway.
    func target(
        _ id: MountTargetID?,
        of fileSystem: FileSystem,
        beside gateway: ServerParts
    ) throws -> ServerParts {
        guard let id else { throw NFSStatus.invalid }
        return ServerParts(
            Realm(id),
            beside: gateway,
            exports: lists.add(id, of: fileSystem.id)
        )
    }

    func close() async {
        await one.close()
        await two.close()
    }
}

/// Clients that are remembered.
final class RememberedClients: ClientRecords {
    private let state = Mutex<Set<ClientName>>([])

    var clients: Set<ClientName> { state.withLock { $0 } }
    /// Their realms' and own names.
    var names: Set<String> {
        Set(clients.map { $0.realm.name + ":" + String(decoding: $0.owner, as: UTF8.self) })
    }

    func remember(_ client: ClientName) async throws {
        _ = state.withLock { $0.insert(client) }
    }

    func forget(_ client: ClientName) async throws {
        _ = state.withLock { $0.remove(client) }
    }
}
