import Disk
package import LocalAPI
package import Logging
import MetadataStore
import VarveModel

/// Checks a state directory that no daemon serves: what does not open is told, and the rest is looked at.
package struct OfflineCheck: Sendable {
    private let root: String
    private let settings: Settings
    private let logger: Logger

    package init(state root: String, settings: Settings, logger: Logger) {
        self.root = root
        self.settings = settings
        self.logger = logger
    }

    /// Checks everything.
    ///
    /// - Parameter report: Told how far it has come.
    /// - Returns: What was found; damage and newer formats are findings.
    /// - Throws: `.busy` when a daemon works there, `.notFound`, `.wrongKey`, `.denied`: nothing was checked.
    package func run(
        _ report: @escaping @Sendable (Progress) -> Void
    ) async throws(APIError) -> CheckReport {
        let state: StateDirectory
        do throws(APIError) {
            state = try StateDirectory(open: root, keyFile: settings[.keyFile], on: HostDisk())
        } catch {
            guard error.code == .corrupt || error.code == .newerFormat else { throw error }
            let found = Checks.broken("state directory \(root)", nil, error)
            return CheckReport(checked: [], found: [found])
        }
        defer { state.release() }
        do {
            return try await check(state, report)
        } catch {
            throw APIError(error)
        }
    }

    /// Begins an empty journal in place of one that does not open.
    ///
    /// - Returns: Where the old files are now.
    /// - Throws: `.exists` when the journal opens; as ``run(_:)``.
    package func renewJournal() async throws(APIError) -> [String] {
        let state = try StateDirectory(open: root, keyFile: settings[.keyFile], on: HostDisk())
        defer { state.release() }
        do {
            return try await DaemonStores.renewJournal(state, now: WallClock().now())
        } catch {
            throw APIError(error)
        }
    }

    private func check(
        _ state: StateDirectory,
        _ report: @escaping @Sendable (Progress) -> Void
    ) async throws -> CheckReport {
        var whole = Checks.state(state.paths, settings)
        whole.add(Checks.keys(state.ring))
        let control = await opened("control.sqlite", &whole) {
            try await DaemonStores.control(of: state)
        }
        let journal = await opened("journal.sqlite", &whole) {
            try await DaemonStores.journal(of: state)
        }
        whole.add(try await Checks.stores(control: control, journal: journal))
        var clock: any VarveClock = WallClock()
        var fileSystems: FileSystems?
        // A clock that nobody vouches for moves no epoch: file systems are then left alone.
        if let control, let own = await self.clock(of: state, control, &whole) {
            clock = own
            fileSystems = FileSystems(
                state: state,
                control: control,
                settings: settings,
                clock: own,
                logger: logger,
                lifecycle: journal.map { LifecycleRuns(journal: $0, clock: own, logger: logger) }
            )
        }
        let vaults = Vaults(state: state, clock: clock)
        do {
            try await fileSystems?.start()
            whole.add(try await Checks.zones(settings, fileSystems, on: state.disk))
            whole.add(try await Checks.everything(fileSystems, vaults, report))
        } catch {
            await fileSystems?.close()
            throw error
        }
        await fileSystems?.close()
        return whole
    }

    private func clock(
        of state: StateDirectory,
        _ control: ControlStore,
        _ whole: inout CheckReport
    ) async -> DaemonClock? {
        let found = await opened("clock", &whole) {
            try await DaemonClock(
                state.format,
                control: control,
                acceptsWall: false,
                logger: logger
            )
        }
        if let found { whole.add(Checks.clock(found)) }
        return found
    }

    /// What opens, or a finding of why it does not.
    private func opened<Store: Sendable>(
        _ name: String,
        _ whole: inout CheckReport,
        _ open: () async throws -> Store
    ) async -> Store? {
        do {
            return try await open()
        } catch {
            whole.found.append(Checks.broken(name, nil, APIError(error)))
            return nil
        }
    }
}
