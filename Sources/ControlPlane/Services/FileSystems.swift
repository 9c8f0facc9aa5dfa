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
        /// Of one that is open.
        var ground: FileSystemGround?
        /// Of one that does not open again: the engine that served before, closed, so that clients that ask it are told to wait.
        var former: FileSystem?

        /// Of a Regional one that is open.
        var zones: ZonedDisk? { ground?.zones }
    }

    let state: StateDirectory
    let control: ControlStore
    let settings: Settings
    let clock: any VarveClock
    let logger: Logger
    /// Absent when a check runs beside a journal that does not open.
    let lifecycle: LifecycleRuns?
    /// Of the disk that the state directory lies on, for all One Zone file systems; set by ``start()``.
    private(set) var reserve: SpaceReserve?
    /// An eighth of what may be open: a segment of a Regional file system has a file in each zone, and clients want the
    /// rest.
    private let openFiles = OpenFileBudget(max(128, HostFiles.limit / 8))
    var entries: [FileSystemID: Entry] = [:] {
        didSet { tellObservers() }
    }
    private var observers: [@Sendable ([FileSystem]) -> Void] = []
    /// What they were told last.
    private var told: [FileSystem] = []
    /// Being deleted: nobody gets them any more.
    var leaving: Set<FileSystemID> = [] {
        didSet { tellObservers() }
    }
    /// Deleted but for zones that are away, in which their keys are left.
    var going: [FileSystemID: GoingFileSystem] = [:]
    /// Scratch and unfinished file systems that could not be removed.
    var leftScratch: [FileSystemID: FileSystemRecord] = [:]
    /// Being opened once more: they are not deleted meanwhile, or their key could be written again.
    var returning: Set<FileSystemID> = []
    /// Whose zones are looked after at this moment.
    var looks: [FileSystemID: ZoneLook] = [:]
    /// Why the last look after a file system's zones failed, so that it is told once.
    var failedLooks: [FileSystemID: String] = [:]
    /// Whether ``close()`` began: what opens after that is closed by who opened it.
    private var isClosing = false

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
                    try await finishRemoving(record)
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
        // The others know it by now: each change is told at once.
        told = serving
        observer(told)
    }

    /// Those that serve, and those that will once what keeps them closed has passed.
    private var serving: [FileSystem] {
        all().compactMap { entry in
            switch entry.engine {
            case .success(let engine): engine
            case .failure(let error): FileSystems.mayPass(error.code) ? entry.former : nil
            }
        }
    }

    private func tellObservers() {
        guard !observers.isEmpty else { return }
        let serving = serving
        // Whatever is told makes clients list anew.
        guard !serving.elementsEqual(told, by: ===) else { return }
        told = serving
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
    ///
    /// - Parameters:
    ///   - name: What people call it.
    ///   - tags: For jobs to select by.
    ///   - owner: Gets its root directory.
    ///   - placement: Its zones; `nil` for One Zone in the settings' own.
    /// - Returns: It, serving.
    /// - Throws: `.unavailable` when a zone's directory is not there; what control store, key files and engine refuse.
    func create(
        name: String,
        tags: [String: String],
        owner: Credentials,
        placement: FileSystemRecord.Placement? = nil
    ) async throws -> OpenFileSystem {
        let record = newRecord(name, tags, placement)
        try await control.insert(record)
        var begun: Entry?
        do {
            let made = try await made(record)
            begun = made
            let engine = try made.engine.get()
            _ = try await engine.setAttributes(
                .root,
                AttributeChanges(permissions: 0o755, uid: owner.uid, gid: owner.gid),
                as: .root
            )
            guard !isClosing else {
                throw APIError(.busy, "the daemon ends", remedy: "Repeat it once it runs again.")
            }
            try await control.setState(record.id, .available)
            var available = record
            available.state = .available
            entries[record.id] = Entry(
                record: available,
                engine: .success(engine),
                ground: made.ground
            )
            return OpenFileSystem(record: available, engine: engine)
        } catch {
            if case .success(let engine)? = begun?.engine { await engine.close() }
            await end(begun?.ground)
            // What is left is removed now, or later: the record still says 'creating'.
            await removeScratch(record)
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
        let record = newRecord(name, [:], nil)
        try await control.insert(record)
        do {
            return OpenFileSystem(record: record, engine: try await made(record).engine.get())
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

    /// Tries again to open those that space or access kept from opening; damage waits for a restart.
    func reopen() async {
        for record in leftScratch.values { await removeScratch(record) }
        for record in going.values.map(\.record) { await removeAgain(record) }
        for entry in all() { await reopen(entry) }
    }

    /// Tries again to open one, if what keeps it may have passed.
    func reopen(_ entry: Entry) async {
        let id = entry.record.id
        // As it is now: somebody else may have opened it since it was listed.
        guard case .failure(let error)? = entries[id]?.engine, FileSystems.mayPass(error.code),
            !returning.contains(id), !leaving.contains(id)
        else { return }
        returning.insert(id)
        defer { returning.remove(id) }
        guard let again = await openedUnlessClosing(entries[id] ?? entry) else { return }
        entries[id] = again
        guard case .success = again.engine else { return }
        logger.notice("file system opens again", metadata: ["fileSystem": "\(id)"])
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

    func close() async {
        isClosing = true
        for entry in entries.values { await close(entry) }
        entries = [:]
    }

    private func close(_ entry: Entry) async {
        if case .success(let engine) = entry.engine { await engine.close() }
        await end(entry.ground)
    }

    /// Opens a file system that was open, or was to be; `nil` when all are closed meanwhile.
    func openedUnlessClosing(_ entry: Entry) async -> Entry? {
        guard !isClosing else { return nil }
        var again = await opened(entry.record)
        guard !isClosing else {
            await close(again)
            return nil
        }
        if case .failure = again.engine {
            again.former =
                if case .success(let engine) = entry.engine { engine } else { entry.former }
        }
        return again
    }

    /// Closes the disk of zones of a file system whose engine is closed.
    func end(_ ground: FileSystemGround?) async {
        guard let ground, ground.zones != nil else { return }
        do {
            try await BlockingCalls.runToEnd { ground.close() }
        } catch {
            // Nothing that runs there throws.
            logger.error("closing zones", metadata: ["error": "\(error)"])
        }
    }

    private func newRecord(
        _ name: String,
        _ tags: [String: String],
        _ placement: FileSystemRecord.Placement?
    ) -> FileSystemRecord {
        FileSystemRecord(
            id: FileSystemID.random(),
            unique: UniqueID.random(),
            family: UniqueID.random(),
            name: name,
            placement: placement ?? .oneZone(settings[.availabilityZone]),
            created: clock.now(),
            state: .creating,
            tags: tags
        )
    }

    /// Makes the files of a record; the engine is open then.
    private func made(_ record: FileSystemRecord) async throws -> Entry {
        let ground = try await ground(of: record, isNew: true)
        do {
            let (key, root) = (DataKey.random(), state.rootKey)
            try await BlockingCalls.run {
                try ground.keys.store(key, root: root, family: record.family)
            }
            let engine = try await FileSystem.create(configuration(record, key, ground))
            return Entry(record: record, engine: .success(engine), ground: ground)
        } catch {
            await end(ground)
            throw error
        }
    }

    func opened(_ record: FileSystemRecord) async -> Entry {
        do {
            let ground = try await ground(of: record, isNew: false)
            do {
                let root = state.rootKey
                let key = try await BlockingCalls.run {
                    try ground.keys.load(root: root, family: record.family)
                }
                let engine = try await FileSystem.open(configuration(record, key, ground))
                await lifecycle?.resume(OpenFileSystem(record: record, engine: engine))
                return Entry(record: record, engine: .success(engine), ground: ground)
            } catch {
                await end(ground)
                throw error
            }
        } catch {
            return Entry(record: record, engine: .failure(APIError(error)))
        }
    }

    /// What a file system stands on; of a Regional one its copies are made, or opened.
    private func ground(of record: FileSystemRecord, isNew: Bool) async throws -> FileSystemGround {
        let names: [String]
        switch record.placement {
        case .oneZone(let zone):
            return FileSystemGround(record, zone: zone, state, reserve: reserve)
        case .regional(let zones):
            names = zones
        }
        let files = try RegionalFiles(record, zones: names, settings, state)
        let directories = ZoneDirectories(zones: settings.zones, disk: state.disk)
        let (clock, report) = (clock, report(of: record))
        return try await BlockingCalls.run {
            if isNew { try directories.prepare() }
            let zoned = try isNew ? files.create(clock, report) : files.open(clock, report)
            return try FileSystemGround(files, on: zoned, report)
        }
    }

    private func report(of record: FileSystemRecord) -> @Sendable (String) -> Void {
        let logger = logger
        return {
            logger.notice("zones", metadata: ["fileSystem": "\(record.id)", "says": "\($0)"])
        }
    }

    func configuration(
        _ record: FileSystemRecord,
        _ key: DataKey,
        _ ground: FileSystemGround
    ) -> FileSystemConfiguration {
        let logger = logger
        return FileSystemConfiguration(
            id: record.id,
            unique: record.unique,
            family: record.family,
            dataKey: key,
            disk: ground.disk,
            directory: ground.directory,
            zones: [ground.segments],
            clock: clock,
            retention: settings.ladder,
            history: settings.history,
            reserve: ground.reserve,
            openFiles: openFiles,
            accessObserver: lifecycle?.observer(of: record.id),
            log: {
                logger.notice("engine", metadata: ["fileSystem": "\(record.id)", "says": "\($0)"])
            }
        )
    }
}
