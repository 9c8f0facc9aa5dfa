package import Disk
import FileSystemEngine
import Hummingbird
import JobScheduler
import Keyring
package import LocalAPI
package import Logging
import MetadataStore
import ServiceLifecycle
import UnixSignals
import VarveModel

/// Everything that a running daemon holds, joined: stores first, then what stands on them.
package struct Daemon: Sendable {
    package static let version = "0.1.0"

    private let state: StateDirectory
    private let settings: Settings
    private let stores: DaemonStores
    private let clock: DaemonClock
    private let fileSystems: FileSystems
    private let mountTargets: MountTargets
    private let vaults: Vaults
    private let lifecycle: LifecycleRuns
    private let scheduler: Scheduler
    private let jobs: Jobs
    private let maintenance: Maintenance
    private let nfsPort = ServedPort()
    private let logger: Logger

    /// 10 s: what is in flight may end in order; longer work is then broken off, unacknowledged.
    private static let shutdownSeconds = 10

    /// Opens the state directory and all that is in it, and serves until told to stop (SIGTERM, SIGINT).
    ///
    /// - Parameters:
    ///   - root: The state directory, absolute.
    ///   - settings: What is in force.
    ///   - disk: Where it lies.
    ///   - acceptsClock: An operator vouches for a machine's clock far ahead of the last run's.
    ///   - frontEnds: By which clients reach the file systems, beside the local API.
    ///   - logger: Takes events.
    /// - Throws: As ``StateDirectory``; `.corrupt` or `.wrongKey` for its databases; what the socket refuses; `.failed`
    ///   for a clock that nobody vouches for.
    package static func serve(
        state root: String,
        settings: Settings,
        disk: any Disk,
        acceptsClock: Bool = false,
        frontEnds: [FrontEnd] = [],
        logger: Logger
    ) async throws(APIError) {
        do {
            try LocalServer.check(socket: settings[.socket])
            let daemon = try await Daemon(
                state: root,
                settings: settings,
                disk: disk,
                acceptsClock: acceptsClock,
                logger: logger
            )
            try await daemon.serve(frontEnds)
        } catch {
            throw APIError(error)
        }
    }

    private init(
        state root: String,
        settings: Settings,
        disk: any Disk,
        acceptsClock: Bool,
        logger: Logger
    ) async throws {
        let state = try StateDirectory(open: root, keyFile: settings[.keyFile], on: disk)
        let stores = try await DaemonStores(state)
        let clock = try await DaemonClock(
            state.format,
            control: stores.control,
            acceptsWall: acceptsClock,
            logger: logger
        )
        let lifecycle = LifecycleRuns(journal: stores.journal, clock: clock, logger: logger)
        let fileSystems = FileSystems(
            state: state,
            control: stores.control,
            settings: settings,
            clock: clock,
            logger: logger,
            lifecycle: lifecycle
        )
        let mountTargets = MountTargets(
            control: stores.control,
            fileSystems: fileSystems,
            settings: settings,
            clock: clock,
            logger: logger
        )
        let vaults = Vaults(state: state, clock: clock)
        let runs = DurableJobRunJournal(stores.journal)
        let actions = JobActions(
            fileSystems: fileSystems,
            vaults: vaults,
            lifecycle: lifecycle,
            journal: runs,
            clock: clock
        )
        let scheduler = Daemon.scheduler(actions, runs, settings, logger)
        self.state = state
        self.settings = settings
        self.stores = stores
        self.clock = clock
        self.fileSystems = fileSystems
        self.mountTargets = mountTargets
        self.vaults = vaults
        self.lifecycle = lifecycle
        self.scheduler = scheduler
        self.logger = logger
        jobs = Jobs(
            directories: [settings[.jobs], settings[.retention]],
            scheduler: scheduler,
            journal: runs,
            clock: clock,
            logger: logger
        )
        maintenance = Maintenance(
            fileSystems: fileSystems,
            mountTargets: mountTargets,
            vaults: vaults,
            lifecycle: lifecycle,
            jobs: jobs,
            coldTrees: ColdTrees(),
            clock: clock,
            logger: logger
        )
    }

    private static func scheduler(
        _ actions: JobActions,
        _ runs: DurableJobRunJournal,
        _ settings: Settings,
        _ logger: Logger
    ) -> Scheduler {
        Scheduler(
            clock: actions.clock,
            journal: runs,
            logger: logger,
            limits: settings.jobLimits,
            surroundings: JobHookRunner(logger: logger).surroundings
        ) {
            await actions.execute($0, due: $1)
        }
    }

    private func serve(_ frontEnds: [FrontEnd]) async throws {
        logger.notice(
            "starting",
            metadata: [
                "state": "\(state.paths.root)", "simulated": "\(clock.isSimulated)",
                "version": "\(Daemon.version)",
            ]
        )
        lifecycle.follow { [weak jobs] record in
            await jobs?.lifecyclePolicies(for: record) ?? []
        }
        try await fileSystems.start()
        await warn()
        try await mountTargets.start()
        try await jobs.start()
        let table = RouteTable(logger: logger)
        addRoutes(to: table)
        do {
            var configuration = ServiceGroupConfiguration(
                services: try await services(table, frontEnds),
                gracefulShutdownSignals: [.sigterm, .sigint],
                logger: Logger(label: "services") { _ in SwiftLogNoOpLogHandler() }
            )
            configuration.maximumGracefulShutdownDuration = .seconds(Daemon.shutdownSeconds)
            try await ServiceGroup(configuration: configuration).run()
        } catch is CancellationError {
            // Told to stop, it waited; what was broken off then was not acknowledged.
            logger.warning(
                "work that had not ended was broken off",
                metadata: ["graceSeconds": "\(Daemon.shutdownSeconds)"]
            )
        } catch {
            await close()
            throw error
        }
        await close()
        logger.notice("stopped")
    }

    /// What runs, in the order in which it starts; it stops in reverse.
    private func services(
        _ table: RouteTable,
        _ frontEnds: [FrontEnd]
    ) async throws -> [ServiceGroupConfiguration.ServiceConfiguration] {
        var services: [any Service] = [
            MaintenanceService(maintenance: maintenance, isSimulated: clock.isSimulated),
            SchedulerService(scheduler: scheduler, isSimulated: clock.isSimulated),
            ZoneService(fileSystems: fileSystems),
        ]
        if !clock.isSimulated { services.append(ColdStorageService(maintenance: maintenance)) }
        let surroundings = FrontEnd.Surroundings(
            settings: settings,
            identity: state.format.id,
            clock: clock,
            logger: logger,
            fileSystems: FileSystemWatch(fileSystems: fileSystems),
            mountTargets: mountTargets,
            memory: FrontEndMemory(control: stores.control),
            nfsPort: nfsPort
        )
        for frontEnd in frontEnds {
            if let service = try await frontEnd.make(surroundings) { services.append(service) }
        }
        services.append(
            LocalServer(
                responder: table.router.buildResponder(),
                socket: settings[.socket],
                state: state.paths.root,
                logger: logger
            )
        )
        return services.map { .init(service: $0) }
    }

    private func addRoutes(to table: RouteTable) {
        let files = FileRoutes(fileSystems: fileSystems, clock: clock)
        files.addReading(to: table)
        files.addWriting(to: table)
        files.addRemoving(to: table)
        FileSystemRoutes(fileSystems: fileSystems, settings: settings).add(to: table)
        ZoneRoutes(fileSystems: fileSystems, settings: settings, disk: state.disk).add(to: table)
        MountTargetRoutes(mountTargets: mountTargets, fileSystems: fileSystems).add(to: table)
        TreeRoutes(fileSystems: fileSystems, clock: clock).add(to: table)
        ArchiveRoutes(fileSystems: fileSystems, vaults: vaults, clock: clock).add(to: table)
        SnapshotRoutes(fileSystems: fileSystems, clock: clock).add(to: table)
        RestoreRoutes(fileSystems: fileSystems, vaults: vaults, clock: clock).add(to: table)
        BackupRoutes(fileSystems: fileSystems, vaults: vaults, clock: clock).add(to: table)
        let finder = PointFinder(vaults: vaults)
        RecoveryPointRoutes(finder: finder, coldTrees: maintenance.coldTrees).add(to: table)
        HoldRoutes(finder: finder, clock: clock).add(to: table)
        CopyRoutes(fileSystems: fileSystems, vaults: vaults, clock: clock).add(to: table)
        ExpiryRoutes(vaults: vaults, jobs: jobs, clock: clock).add(to: table)
        VaultRoutes(vaults: vaults, fileSystems: fileSystems).add(to: table)
        LockRoutes(vaults: vaults, clock: clock).add(to: table)
        VaultKeyRoutes(vaults: vaults, clock: clock).add(to: table)
        ColdRoutes(vaults: vaults).add(to: table)
        JobRoutes(jobs: jobs, fileSystems: fileSystems, vaults: vaults).add(to: table)
        LifecycleRoutes(fileSystems: fileSystems, lifecycle: lifecycle, jobs: jobs).add(to: table)
        MachineRoutes(
            state: state,
            settings: settings,
            stores: stores,
            fileSystems: fileSystems,
            mountTargets: mountTargets,
            vaults: vaults,
            scheduler: scheduler,
            maintenance: maintenance,
            clock: clock,
            nfsPort: nfsPort
        ).add(to: table)
    }

    /// Says at the start what is not protected.
    private func warn() async {
        if settings[.keyFile].hasPrefix(state.paths.root + "/") {
            logger.warning(
                "the root key lies in the state directory",
                metadata: ["keyFile": "\(settings[.keyFile])"]
            )
        }
        let placements = await fileSystems.all().map(\.record.placement)
        let inOneZone = placements.count { if case .oneZone = $0 { true } else { false } }
        if inOneZone > 0 || placements.isEmpty {
            logger.warning(
                "one zone: a lost disk is a lost file system; vaults on another disk are the recovery",
                metadata: ["fileSystems": "\(inOneZone)"]
            )
        }
        if inOneZone < placements.count {
            logger.warning(
                "control.sqlite and journal.sqlite lie in the state directory alone: keep copies of it",
                metadata: ["state": "\(state.paths.root)"]
            )
        }
        if clock.isSimulated { logger.warning("the clock is simulated: times are not the world's") }
    }

    private func close() async {
        do {
            try await lifecycle.flush()
        } catch {
            logger.error("access days of the last hour are lost", metadata: ["error": "\(error)"])
        }
        do {
            try await clock.remember(isDue: true)
        } catch {
            // The next start goes by a time that is ten minutes older at most.
            logger.error("the time is not written down", metadata: ["error": "\(error)"])
        }
        await fileSystems.close()
        await vaults.close()
        state.release()
    }
}
