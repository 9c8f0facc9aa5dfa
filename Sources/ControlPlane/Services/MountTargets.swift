import LocalAPI
import Logging
import MetadataStore
package import VarveModel

/// The mount targets of a state directory: made and deleted at run time, and opened again at each start.
///
/// The catalogue is `control.sqlite`. A target whose address cannot be listened on does not keep the daemon from serving: it is
/// in `error`, and tried again with every round of maintenance.
package actor MountTargets {
    /// What becomes of a target at this moment, in EFS's words.
    enum Condition: Sendable {
        case creating
        case available
        case deleting
        case error(APIError)
    }

    struct Entry: Sendable {
        let record: MountTargetRecord
        var condition: Condition
    }

    private let control: ControlStore
    private let fileSystems: FileSystems
    private let settings: Settings
    private let clock: any VarveClock
    private let logger: Logger
    /// Absent until a front-end serves.
    private var listeners: (any MountTargetListeners)?
    private var entries: [MountTargetID: Entry] = [:]
    /// Being opened again, or deleted: nobody else begins with them meanwhile.
    private var busy: Set<MountTargetID> = []

    init(
        control: ControlStore,
        fileSystems: FileSystems,
        settings: Settings,
        clock: any VarveClock,
        logger: Logger
    ) {
        self.control = control
        self.fileSystems = fileSystems
        self.settings = settings
        self.clock = clock
        self.logger = logger
    }

    /// Reads the catalogue, and removes what a crash left half made or half deleted.
    func start() async throws {
        for record in try await control.mountTargets() {
            switch record.state {
            case .creating, .deleting:
                logger.warning(
                    "finishing what a crash interrupted",
                    metadata: ["mountTarget": "\(record.id)", "was": "\(record.state.rawValue)"]
                )
                try await control.remove(record.id)
            case .available:
                entries[record.id] = Entry(record: record, condition: .creating)
            }
        }
    }

    /// Those that there are.
    package var ids: Set<MountTargetID> { Set(entries.keys) }

    /// Opens them all, and from now on those that are made.
    package func serve(by listeners: any MountTargetListeners) async {
        self.listeners = listeners
        for entry in all() { await open(entry.record) }
    }

    /// All of them, or those of one file system; the oldest first.
    func all(of fileSystem: FileSystemID? = nil) -> [Entry] {
        entries.values.filter { fileSystem == nil || $0.record.fileSystem == fileSystem }
            .sorted { ($0.record.created, $0.record.id) < ($1.record.created, $1.record.id) }
    }

    // MARK: Made and deleted

    /// Makes a mount target; it serves when this returns.
    ///
    /// - Throws: `.notFound` for the file system; `.usage` for what is no address of one machine; `.exists` for one that is taken;
    ///   `.invalid` for one that is not this machine's; `.denied` for a port that takes privileges; `.unsupported` without NFS.
    func create(of fileSystem: String, at address: String, port: UInt16) async throws -> Entry {
        guard let listeners else { throw Self.notServed }
        let record = MountTargetRecord(
            id: .random(),
            fileSystem: try await fileSystems.entry(fileSystem).record.id,
            address: try Self.address(address, port: port).text,
            port: port,
            created: clock.now(),
            state: .creating
        )
        try await control.insert(record)
        entries[record.id] = Entry(record: record, condition: .creating)
        do {
            try await listeners.open(record)
            try await control.setState(record.id, .available)
        } catch {
            await withdraw(record.id, listeners)
            throw ListenRefusal(error, record, gateway: settings.nfs).error
        }
        let made = Entry(record: record, condition: .available)
        entries[record.id] = made
        tell(made)
        return made
    }

    /// Takes back a target that was not made; what is left of it is deleted later.
    private func withdraw(_ id: MountTargetID, _ listeners: any MountTargetListeners) async {
        entries[id]?.condition = .deleting
        await end(id)
    }

    /// Deletes a mount target: its connections are closed, and what its clients held is let go of.
    func delete(_ text: String) async throws {
        guard let id = MountTargetID(text), let entry = entries[id] else {
            throw APIError(
                .notFound,
                "there is no mount target '\(EscapedBytes(text.utf8).text)'",
                remedy: "'varve mount-target list' shows those there are."
            )
        }
        guard !entry.isBeingMade, !busy.contains(id) else {
            throw APIError(
                .busy,
                "mount target \(id) is being opened or deleted",
                remedy: "Repeat it in a moment."
            )
        }
        busy.insert(id)
        defer { busy.remove(id) }
        entries[id]?.condition = .deleting
        do {
            try await control.setState(id, .deleting)
        } catch {
            entries[id] = entry
            throw error
        }
        try await remove(id)
        logger.notice("mount target deleted", metadata: ["mountTarget": "\(id)"])
    }

    /// Ends a target that is being deleted: its address is nobody else's before its row is gone.
    private func remove(_ id: MountTargetID) async throws {
        await listeners?.remove(id)
        try await control.remove(id)
        entries[id] = nil
    }

    /// The same of one whose deletion was begun before, however far it came.
    private func end(_ id: MountTargetID) async {
        do {
            try await control.setState(id, .deleting)
            try await remove(id)
        } catch {
            logger.warning(
                "a mount target is not deleted; it is tried again",
                metadata: ["mountTarget": "\(id)", "error": "\(error)"]
            )
        }
    }

    // MARK: Opened

    /// Tries again to open those that are in `error`, and to end those whose deletion failed.
    func retry() async {
        for entry in all() {
            let id = entry.record.id
            guard !busy.contains(id) else { continue }
            busy.insert(id)
            defer { busy.remove(id) }
            switch entry.condition {
            case .error: await open(entry.record)
            case .deleting: await end(id)
            case .creating, .available: break
            }
        }
    }

    private func open(_ record: MountTargetRecord) async {
        guard let listeners else { return }
        let old = entries[record.id]?.condition
        do {
            try await listeners.open(record)
            entries[record.id]?.condition = .available
        } catch {
            entries[record.id]?.condition = .error(
                ListenRefusal(error, record, gateway: settings.nfs).error
            )
        }
        // Once, not with every round.
        if case .error? = old, case .error? = entries[record.id]?.condition { return }
        if let entry = entries[record.id] { tell(entry) }
    }

    private func tell(_ entry: Entry) {
        let record = entry.record
        var metadata: Logger.Metadata = [
            "mountTarget": "\(record.id)", "fileSystem": "\(record.fileSystem)",
            "address": "\(record.endpoint)",
        ]
        if case .error(let error) = entry.condition {
            metadata["error"] = "\(error)"
            logger.error("mount target does not open; it is tried again", metadata: metadata)
        } else {
            logger.notice("serving a mount target", metadata: metadata)
        }
    }

    private static func address(
        _ text: String,
        port: UInt16
    ) throws(APIError) -> NumericAddress {
        guard port != 0 else {
            throw APIError(.usage, "a mount target has a port", remedy: "2049 is NFS's own.")
        }
        guard let address = NumericAddress(text) else {
            throw APIError(
                .usage,
                "'\(EscapedBytes(text.utf8).text)' is no IPv4 or IPv6 address",
                remedy: "Write it in numbers, as 'ip address' shows it, without port and brackets."
            )
        }
        guard !address.isWildcard else {
            throw APIError(
                .usage,
                "\(address.text) is every address of this machine; a mount target has one of its own",
                remedy: "Name one; what listens everywhere is the gateway: 'nfs: 0.0.0.0:2049'."
            )
        }
        return address
    }

    private static let notServed = APIError(
        .unsupported,
        "this daemon serves no NFS, and so no mount targets",
        remedy: "Use the daemon 'varved serve'."
    )
}

extension MountTargets.Entry {
    fileprivate var isBeingMade: Bool {
        switch condition {
        case .creating: true
        case .available, .deleting, .error: false
        }
    }
}

extension MountTargetListeners {
    fileprivate func open(_ record: MountTargetRecord) async throws {
        try await open(
            record.id,
            of: record.fileSystem,
            host: record.address,
            port: Int(record.port)
        )
    }
}
