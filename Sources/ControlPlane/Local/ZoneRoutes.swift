import Disk
import FileSystemEngine
import LocalAPI

/// Zones: what they are, how they stand, and bringing them back.
struct ZoneRoutes: Sendable {
    let fileSystems: FileSystems
    let settings: Settings
    let disk: any Disk

    func add(to table: RouteTable) {
        let reports = ZoneReports(fileSystems: fileSystems, settings: settings, disk: disk)
        table.on(Route.listZones) { _, _ in try await reports.zones() }
        table.on(Route.zoneStatus) { request, _ in
            guard let name = request.fileSystem else {
                return await reports.statuses(of: await fileSystems.listed())
            }
            return await reports.statuses(of: [try await fileSystems.listedEntry(name)])
        }
        table.on(Route.repairZone) { request, peer, report in
            try peer.requireAdministrator("repairing a zone")
            return try await ZoneRepairs(
                fileSystems: fileSystems,
                reports: reports,
                request: request
            ).run(report)
        }
        table.on(Route.scrubZones) { try await scrub($0, $1, $2) }
    }

    private func scrub(
        _ request: ScrubRequest,
        _ peer: Peer,
        _ report: @escaping RouteTable.Report
    ) async throws -> [ScrubResult] {
        // What is lost names everybody's files.
        try peer.requireAdministrator("scrubbing")
        if let rate = request.bytesPerSecond, rate == 0 {
            throw APIError(.usage, "at 0 bytes a second a scrub never ends")
        }
        let entries =
            if let name = request.fileSystem {
                [try await fileSystems.entry(name)]
            } else {
                await fileSystems.all()
            }
        return try await ZoneScrubs.run(
            entries,
            ScrubOptions(bytesPerSecond: request.bytesPerSecond),
            report
        )
    }
}
