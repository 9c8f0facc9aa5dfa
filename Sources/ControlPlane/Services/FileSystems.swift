import Disk
package import FileSystemEngine
import Keyring
import LocalAPI
import Logging
package import MetadataStore
import VarveModel

/// A file system that serves.
package struct OpenFileSystem: Sendable {
    package let record: FileSystemRecord
    package let engine: FileSystem
}

/// The file systems of a state directory: opened at the start, made and deleted at run time.
///
/// The catalogue is `control.sqlite`; a record says `creating` and `deleting` while its files come and go, so
/// that a crash on the way is finished at the next start.
package actor FileSystems {
    /// One file system, or why it does not open.
    struct Entry: Sendable {
        let record: FileSystemRecord
        let engine: Result<FileSystem, APIError>
    }

    private let state: StateDirectory
    private let control: ControlStore
    private let settings: Settings
    private let clock: any VarveClock
    private let logger: Logger
    /// Absent when a check runs beside a journal that does not open.
    private let lifecycle: LifecycleRuns?
    /// Of the disk that the state directory lies on; set by ``start()``.
    private var reserve: SpaceReserve?
    private var entries: [FileSystemID: Entry] = [:] {
        didSet { tellObservers() }
    }
    private var observers: [@Sendable ([FileSystem]) -> Void] = []
    /// Being deleted: nobody gets them any more.
    private var leaving: Set<FileSystemID> = [] {
        didSet { tellObservers() }
    }
    /// Scratch and unfinished file systems that could not be removed.
    private var leftScratch: [FileSystemID: FileSystemRecord] = [:]
    /// Being opened once more: they are not deleted meanwhile, or their key could be written again.
    private var returning: Set<FileSystemID> = []

    init(
        state: StateDirectory,
        control: ControlStore,
        settings: Settings,
        clock: any VarveClock,
        logger: Logger,
        lifecycle: LifecycleRuns?
    ) {
        self.state = state
        self.control = control
        self.settings = settings
        self.clock = clock
        self.logger = logger
        self.lifecycle = lifecycle
    }

    /// Opens them all; one that fails is named, and the others serve.
    func start() async throws {
        let logger = logger
        reserve = try SpaceReserve(disk: state.disk, directory: state.paths.root) {
            logger.warning("reserve", metadata: ["says": "\($0)"])
        }
        for record in try await control.fileSystems() {
            switch record.state {
            case .creating, .deleting:
                logger.warning(
                    "finishing what a crash interrupted",
                    metadata: ["fileSystem": "\(record.id)", "was": "\(record.state.rawValue)"]
                )
                // One that was never whole keeps no other from being served.
                if record.state == .creating {
                    await removeScratch(record)
                } else {
                    try await remove(record)
                }
            case .available:
                let entry = await opened(record)
                entries[record.id] = entry
                if case .failure(let error) = entry.engine {
                    logger.error(
                        "file system does not open",
                        metadata: ["fileSystem": "\(record.id)", "error": "\(error)"]
                    )
                }
            }
        }
    }

    /// Calls `observer` with the file systems that serve, now and with each change.
    func observe(_ observer: @escaping @Sendable ([FileSystem]) -> Void) {
        observers.append(observer)
        observer(serving)
    }

    private var serving: [FileSystem] {
        all().compactMap { entry in
            if case .success(let engine) = entry.engine { engine } else { nil }
        }
    }

    private func tellObservers() {
        guard !observers.isEmpty else { return }
        let serving = serving
        for observer in observers { observer(serving) }
    }

    /// All of them, by name and id.
    func all() -> [Entry] {
        entries.values.filter { !leaving.contains($0.record.id) }
            .sorted { ($0.record.name, $0.record.id) < ($1.record.name, $1.record.id) }
    }

    /// The file system that a user names by id, or by a Name that only one has.
    ///
    /// - Throws: `.notFound`; `.invalid` when several bear the Name; why it does not open.
    func find(_ text: String) throws(APIError) -> OpenFileSystem {
        let entry = try entry(text)
        switch entry.engine {
        case .success(let engine): return OpenFileSystem(record: entry.record, engine: engine)
        case .failure(let error):
            throw APIError(
                error.code,
                "file system \(entry.record.id) ('\(entry.record.name)') is unavailable: \(error.message)",
                remedy: error.remedy
            )
        }
    }

    func entry(_ text: String) throws(APIError) -> Entry {
        let found = all().filter { $0.record.id.text == text }
        let named = found.isEmpty ? all().filter { $0.record.name == text } : found
        guard let entry = named.first else {
            throw APIError(
                .notFound,
                "there is no file system '\(text)'",
                remedy:
                    "'varve fs list' shows those there are; 'varve fs create \(text)' makes one."
            )
        }
        guard named.count == 1 else {
            let ids = named.map(\.record.id.text).joined(separator: ", ")
            throw APIError(
                .invalid,
                "\(named.count) file systems are called '\(text)'",
                remedy: "Name one by its id: \(ids)."
            )
        }
        return entry
    }

    /// Makes a file system whose root directory belongs to `owner`.
    func create(
        name: String,
        tags: [String: String],
        owner: Credentials
    ) async throws -> OpenFileSystem {
        let record = FileSystemRecord(
            id: FileSystemID.random(),
            unique: UniqueID.random(),
            family: UniqueID.random(),
            name: name,
            zone: settings[.availabilityZone],
            created: clock.now(),
            state: .creating,
            tags: tags
        )
        try await control.insert(record)
        do {
            let key = DataKey.random()
            let (keys, root) = (keys(of: record), state.rootKey)
            try await BlockingCalls.run { try keys.store(key, root: root, family: record.family) }
            let engine = try await FileSystem.create(configuration(record, key))
            _ = try await engine.setAttributes(
                .root,
                AttributeChanges(permissions: 0o755, uid: owner.uid, gid: owner.gid),
                as: .root
            )
            try await control.setState(record.id, .available)
            var available = record
            available.state = .available
            entries[record.id] = Entry(record: available, engine: .success(engine))
            return OpenFileSystem(record: available, engine: engine)
        } catch {
            // What is left is removed now, or at the next start: the record still says 'creating'.
            do {
                try await remove(record)
            } catch {
                logger.warning(
                    "a half-made file system stays until the next start",
                    metadata: ["fileSystem": "\(record.id)", "error": "\(error)"]
                )
            }
            throw error
        }
    }

    /// Makes a file system that nobody sees, for root.
    ///
    /// Its record says 'creating' all its life, so that the next start removes what a crash leaves of it.
    ///
    /// - Parameters:
    ///   - name: For the record.
    ///   - bytes: As much will be written: it must leave the served ones as much again.
    /// - Returns: What ``discard(_:)`` takes.
    /// - Throws: `.noSpace` without that room; what control store, key files and engine refuse; then nothing is left of it.
    func makeScratch(_ name: String, for bytes: UInt64) async throws -> OpenFileSystem {
        let (disk, directory) = (state.disk, state.paths.root)
        let available = try await BlockingCalls.run { try disk.space(at: directory).available }
        guard available / 2 >= bytes, available / 2 - bytes >= SpaceReserve.bytesMax else {
            throw APIError(
                .noSpace,
                "\(bytes) bytes are not restored for a test: the disk has \(available) available, and must keep as many",
                remedy: "Make room, or lower 'sample-bytes'."
            )
        }
        let record = FileSystemRecord(
            id: FileSystemID.random(),
            unique: UniqueID.random(),
            family: UniqueID.random(),
            name: name,
            zone: settings[.availabilityZone],
            created: clock.now(),
            state: .creating,
            tags: [:]
        )
        try await control.insert(record)
        do {
            let key = DataKey.random()
            let (keys, root) = (keys(of: record), state.rootKey)
            try await BlockingCalls.run { try keys.store(key, root: root, family: record.family) }
            let engine = try await FileSystem.create(configuration(record, key))
            return OpenFileSystem(record: record, engine: engine)
        } catch {
            await removeScratch(record)
            throw error
        }
    }

    /// Removes a file system of ``makeScratch(_:)``, also in a task that was cancelled.
    func discard(_ scratch: OpenFileSystem) async {
        await scratch.engine.close()
        await removeScratch(scratch.record)
    }

    private func removeScratch(_ record: FileSystemRecord) async {
        do {
            try await remove(record)
            leftScratch[record.id] = nil
        } catch {
            leftScratch[record.id] = record
            logger.warning(
                "an unfinished file system stays until a later round, or the next start",
                metadata: ["fileSystem": "\(record.id)", "error": "\(error)"]
            )
        }
    }

    /// Tries again to open those that space or access kept from opening; damage waits for a restart.
    func reopen() async {
        for record in leftScratch.values { await removeScratch(record) }
        for entry in all() {
            let id = entry.record.id
            guard case .failure(let error) = entry.engine, FileSystems.mayPass(error.code),
                !returning.contains(id), !leaving.contains(id)
            else { continue }
            returning.insert(id)
            let again = await opened(entry.record)
            entries[id] = again
            returning.remove(id)
            guard case .success = again.engine else { continue }
            logger.notice("file system opens again", metadata: ["fileSystem": "\(id)"])
        }
    }

    /// Whether a failure to open may go by itself: a disk gets room, a directory its owner back.
    private static func mayPass(_ code: APIError.Code) -> Bool {
        switch code {
        case .noSpace, .denied, .readOnly, .busy, .failed, .unavailable: true
        case .usage, .notFound, .exists, .hostPathRefused, .notDirectory, .isDirectory, .notEmpty,
            .invalid, .tooLarge, .stale, .corrupt, .wrongKey, .newerFormat, .unsupported:
            false
        }
    }

    /// Deletes a file system: its key first.
    func delete(_ text: String) async throws {
        let entry = try entry(text)
        let id = entry.record.id
        guard !returning.contains(id) else {
            throw APIError(
                .busy,
                "file system \(id) is being opened",
                remedy: "Repeat it in a moment."
            )
        }
        leaving.insert(id)
        do {
            // On a full disk a file system must be able to go.
            try reserve?.releaseIfShort()
            try await control.setState(id, .deleting)
        } catch {
            leaving.remove(id)
            throw error
        }
        if case .success(let engine) = entry.engine { await engine.close() }
        entries[id] = nil
        try await remove(entry.record)
        reserve?.restore()
        leaving.remove(id)
    }

    func close() async {
        for entry in entries.values {
            if case .success(let engine) = entry.engine { await engine.close() }
        }
        entries = [:]
    }

    private func opened(_ record: FileSystemRecord) async -> Entry {
        do {
            let (keys, root) = (keys(of: record), state.rootKey)
            let key = try await BlockingCalls.run {
                try keys.load(root: root, family: record.family)
            }
            let engine = try await FileSystem.open(configuration(record, key))
            await lifecycle?.resume(OpenFileSystem(record: record, engine: engine))
            return Entry(record: record, engine: .success(engine))
        } catch {
            return Entry(record: record, engine: .failure(APIError(error)))
        }
    }

    /// Erases keys, removes files, and only then forgets the record: each step may be repeated.
    private func remove(_ record: FileSystemRecord) async throws {
        let keys = keys(of: record)
        let unused = configuration(record, DataKey.random())
        try await BlockingCalls.runToEnd {
            try keys.erase()
            try FileSystem.removeFiles(of: unused)
        }
        try await lifecycle?.forget(record.id)
        try await control.remove(record.id)
    }

    private func keys(of record: FileSystemRecord) -> WrappedKeys {
        WrappedKeys(
            files: [
                state.paths.fileSystem(record.id.text) + "/key",
                state.paths.zone(record.zone, record.id.text) + "/key",
            ],
            on: state.disk
        )
    }

    private func configuration(_ record: FileSystemRecord, _ key: DataKey)
        -> FileSystemConfiguration
    {
        let logger = logger
        return FileSystemConfiguration(
            id: record.id,
            unique: record.unique,
            family: record.family,
            dataKey: key,
            disk: state.disk,
            directory: state.paths.fileSystem(record.id.text),
            zones: [state.paths.zone(record.zone, record.id.text)],
            clock: clock,
            retention: settings.ladder,
            history: settings.history,
            reserve: reserve,
            accessObserver: lifecycle?.observer(of: record.id),
            log: {
                logger.notice("engine", metadata: ["fileSystem": "\(record.id)", "says": "\($0)"])
            }
        )
    }
}
