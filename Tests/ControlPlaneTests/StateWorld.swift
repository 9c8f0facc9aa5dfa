import Disk
import FileSystemEngine
import JobScheduler
import Keyring
import LocalAPI
import Logging
import MetadataStore
import TestKit
import VarveModel

@testable import ControlPlane

/// A state directory on a simulated disk, opened as the daemon does, without a socket.
struct StateWorld {
    static let root = "/srv/state"
    static let keyFile = "/etc/varve/root.key"
    static let start = Timestamp(seconds: 1_800_000_000)
    static let job = "nightly"

    let disk: SimulatedDisk
    let state: StateDirectory
    let fileSystems: FileSystems
    let mountTargets: MountTargets
    let vaults: Vaults
    let runs: DurableJobRunJournal
    let control: ControlStore
    let clock: DaemonClock
    let journal: JournalStore
    let lifecycle: LifecycleRuns

    /// What `varved init` does.
    static func create(on disk: SimulatedDisk) throws {
        _ = try StateDirectory.create(
            at: root,
            keyFile: keyFile,
            simulatedStart: start,
            on: disk,
            clock: SimulatedClock(start)
        )
    }

    /// What `varved serve` does before it listens.
    init(opening disk: SimulatedDisk) async throws {
        self.disk = disk
        state = try StateDirectory(open: StateWorld.root, keyFile: StateWorld.keyFile, on: disk)
        let stores = try await DaemonStores(state)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        clock = try await DaemonClock(
            state.format,
            control: stores.control,
            acceptsWall: false,
            logger: logger
        )
        let settings = try Settings(
            state: StateWorld.root,
            file: nil,
            flags: [:],
            workingDirectory: "/",
            disk: disk
        )
        control = stores.control
        runs = DurableJobRunJournal(stores.journal)
        journal = stores.journal
        lifecycle = LifecycleRuns(journal: stores.journal, clock: clock, logger: logger)
        fileSystems = FileSystems(
            state: state,
            control: stores.control,
            settings: settings,
            clock: clock,
            logger: logger,
            lifecycle: lifecycle
        )
        mountTargets = MountTargets(
            control: stores.control,
            fileSystems: fileSystems,
            settings: settings,
            clock: clock,
            logger: logger
        )
        vaults = Vaults(state: state, clock: clock)
        try await fileSystems.start()
        try await mountTargets.start()
    }

    func close() async {
        await fileSystems.close()
        await vaults.close()
        state.release()
    }
}
