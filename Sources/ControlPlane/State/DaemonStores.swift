import Disk
import Keyring
import LocalAPI
import MetadataStore
import VarveModel

/// The two databases of a state directory.
struct DaemonStores: Sendable {
    let control: ControlStore
    let journal: JournalStore

    /// Opens them; a missing one is an error, never a new one: it would list no file systems.
    init(_ state: StateDirectory) async throws {
        let (disk, paths, key, id) = (state.disk, state.paths, state.dataKey, state.format.id)
        let stores = try await BlockingCalls.run {
            try DaemonStores(disk: disk, paths: paths, key: key, state: id, create: false)
        }
        self = stores
    }

    /// Makes empty ones in a state directory that is being made; what an interrupted `init` left goes.
    static func create(
        disk: any Disk,
        paths: StatePaths,
        key: DataKey,
        state: UniqueID
    ) throws {
        for name in try disk.list(paths.root)
        where name.hasPrefix("control.sqlite") || name.hasPrefix("journal.sqlite") {
            try disk.remove(paths.root + "/" + name)
        }
        _ = try DaemonStores(disk: disk, paths: paths, key: key, state: state, create: true)
        try disk.syncDirectory(paths.root)
    }

    private init(
        disk: any Disk,
        paths: StatePaths,
        key: DataKey,
        state: UniqueID,
        create: Bool
    ) throws {
        control = try ControlStore(
            disk: disk,
            path: paths.control,
            key: key,
            id: DaemonStores.id("control", of: state),
            create: create
        )
        journal = try JournalStore(
            disk: disk,
            path: paths.journal,
            key: key,
            id: DaemonStores.id("journal", of: state),
            create: create
        )
    }

    /// Each database seals under an id of its own: the first 16 bytes of SHA-256 of state id and name.
    private static func id(_ name: String, of state: UniqueID) -> UniqueID {
        let digest = Digest.sha256(state.bytes + Array(name.utf8))
        guard let id = UniqueID(bytes: Array(digest.prefix(16))) else {
            preconditionFailure("16 bytes make an id")
        }
        return id
    }
}
