private import Glibc
import JobScheduler
import LocalAPI
import VarveModel

/// The daemon itself: version, where NFS is served, doctor, clock.
struct MachineRoutes: Sendable {
    let state: StateDirectory
    let settings: Settings
    let stores: DaemonStores
    let fileSystems: FileSystems
    let mountTargets: MountTargets
    let vaults: Vaults
    let scheduler: Scheduler
    let maintenance: Maintenance
    let clock: DaemonClock
    let nfsPort: ServedPort
    let advancing = OneAtATime()

    func add(to table: RouteTable) {
        table.on(Route.version) { _, _ in
            DaemonVersion(
                version: Daemon.version,
                state: state.paths.root,
                process: getpid(),
                isSimulated: clock.isSimulated
            )
        }
        table.on(Route.describeNFS) { _, _ in try describeNFS() }
        table.on(Route.doctor) { try await doctor($0, $1, $2) }
        table.on(Route.showClock) { _, _ in description }
        table.on(Route.acceptClock) { _, peer in
            try peer.requireAdministrator("accepting the machine's clock")
            try await clock.acceptWall()
            return description
        }
        table.on(Route.advanceClock) { try await advance($0, $1, $2) }
    }

    private var description: ClockDescription {
        ClockDescription(
            now: TimeText(clock.now()),
            isSimulated: clock.isSimulated,
            refusedSeconds: clock.refusedSeconds
        )
    }

    private func describeNFS() throws(APIError) -> NFSDescription {
        let isPrivileged = settings.requiresPrivilegedNFSPorts
        guard let address = settings.nfs else {
            return NFSDescription(host: nil, port: nil, requiresPrivilegedPorts: isPrivileged)
        }
        guard let port = nfsPort.value else {
            throw APIError(
                .unavailable,
                "NFS is not served yet on \(address)",
                remedy: "Try again."
            )
        }
        return NFSDescription(
            host: address.host,
            port: port,
            requiresPrivilegedPorts: isPrivileged
        )
    }

    private func doctor(
        _ request: OptionalFileSystem,
        _ peer: Peer,
        _ report: @escaping RouteTable.Report
    ) async throws -> CheckReport {
        try peer.requireAdministrator("doctor")
        if let name = request.fileSystem {
            return try await Checks.fileSystem(try await fileSystems.find(name), report)
        }
        var whole = Checks.state(state.paths, settings)
        whole.add(Checks.keys(state.ring))
        whole.add(try await Checks.zones(settings, fileSystems, on: state.disk))
        whole.add(
            try await Checks.stores(control: stores.control, journal: stores.journal)
        )
        whole.add(Checks.clock(clock))
        whole.add(Checks.mountTargets(await mountTargets.all()))
        whole.add(try await Checks.everything(fileSystems, vaults, report))
        return whole
    }

    /// Stops at each due instant, runs what is due to its end, and goes on.
    private func advance(
        _ request: AdvanceClock,
        _ peer: Peer,
        _ report: @escaping RouteTable.Report
    ) async throws -> AdvanceReport {
        try peer.requireAdministrator("moving the clock")
        guard clock.isSimulated else { throw DaemonClock.refusal }
        guard (1...(10_000 * 366 * 86_400)).contains(request.seconds) else {
            throw APIError(.usage, "the clock moves forward, by at most 10,000 years")
        }
        guard await advancing.begin() else {
            throw APIError(.busy, "the clock is being moved already", remedy: "Wait for its end.")
        }
        do {
            let answer = try await advance(by: request.seconds, report)
            await advancing.end()
            return answer
        } catch {
            await advancing.end()
            throw error
        }
    }

    private func advance(
        by seconds: Int64,
        _ report: @escaping RouteTable.Report
    ) async throws -> AdvanceReport {
        try await maintenance.jobs.reload()
        let from = clock.now()
        let runs = try await scheduler.advance(
            to: from.adding(seconds: seconds),
            move: { instant in
                report(Progress(phase: "it is \(TimeText(instant).text)"))
                try await clock.move(to: instant)
                await maintenance.round()
                await maintenance.expireRecoveryPoints()
                await maintenance.moveToColdStorage()
            },
            report: { run in report(Progress(phase: "ran \(run.job)")) }
        )
        return AdvanceReport(
            from: TimeText(from),
            to: TimeText(clock.now()),
            runs: runs.map { JobRunDescription($0) }
        )
    }
}

/// Lets one in, and tells the others.
actor OneAtATime {
    private var isTaken = false

    func begin() -> Bool {
        guard !isTaken else { return false }
        isTaken = true
        return true
    }

    func end() {
        isTaken = false
    }
}
