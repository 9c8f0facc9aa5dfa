import Disk
import FileSystemEngine
import LocalAPI
import MetadataStore
import VarveModel

/// Brings a zone back in every Regional file system, or says what that would do.
struct ZoneRepairs: Sendable {
    let fileSystems: FileSystems
    let reports: ZoneReports
    let request: RepairZone

    /// 500 ms between two lines of progress.
    private static let progressMilliseconds = 500

    /// One file system after another: they lie on the same disks.
    func run(_ report: @escaping RouteTable.Report) async throws -> ZoneRepairReport {
        var isKnown = reports.settings.zones.contains { $0.name == request.zone }
        if !isKnown { isKnown = await isGivenUp() }
        guard isKnown else {
            let known = reports.settings.zones.map(\.name).joined(separator: ", ")
            throw APIError(
                .notFound,
                "there is no zone '\(request.zone)'",
                remedy: "The zones are \(known): see zones in varve.yaml."
            )
        }
        var entries = await fileSystems.listed()
        if let name = request.fileSystem {
            let entry = try await fileSystems.listedEntry(name)
            guard case .regional = entry.record.placement else {
                throw APIError(
                    .invalid,
                    "file system \(entry.record.id) ('\(entry.record.name)') lies in one zone: there is no copy to repair",
                    remedy: "'varve zone status' names the Regional ones."
                )
            }
            entries = [entry]
        }
        var answer = ZoneRepairReport(zone: request.zone, isDryRun: request.isDryRun, repairs: [])
        for entry in entries {
            guard case .regional(let names) = entry.record.placement,
                names.contains(request.zone)
            else { continue }
            let before = entry.zones?.standing.resilveredBytes ?? 0
            // One that fails keeps no other from its turn.
            let failure = request.isDryRun ? nil : await repair(entry, report)
            guard var repair = await result(of: entry.record) else { continue }
            repair.copiedBytes = await copied(entry, before)
            if let failure { repair.remedy = failure.description }
            answer.repairs.append(repair)
        }
        return answer
    }

    /// Whether the zone is to be given up by one that is deleted: the settings need not name it any more.
    private func isGivenUp() async -> Bool {
        // Harmless: of one that is not there no zone is given up.
        guard request.acceptsEmpty, let name = request.fileSystem,
            let entry = try? await fileSystems.listedEntry(name), entry.record.state == .deleting,
            case .regional(let names) = entry.record.placement
        else { return false }
        return names.contains(request.zone)
    }

    /// How the zone stands now; `nil` when the file system is gone meanwhile, or has nothing left there.
    private func result(of record: FileSystemRecord) async -> ZoneRepair? {
        // Harmless: one that is gone needs no repair.
        guard let entry = try? await fileSystems.listedEntry(record.id.text),
            let status = await reports.statuses(of: [entry]).first,
            let standing = status.zones.first(where: { $0.zone == request.zone })
        else { return nil }
        return ZoneRepair(
            fileSystem: record.id.text,
            name: record.name,
            standing: standing,
            remedy: ZoneRepairs.remedy(standing, entry, zone: request.zone)
        )
    }

    /// Bytes copied since `before`; of one that was opened anew, also those since then.
    private func copied(_ entry: FileSystems.Entry, _ before: UInt64) async -> UInt64 {
        var copied = (entry.zones?.standing.resilveredBytes ?? 0) - before
        // Harmless: of one that is gone no copy was made.
        let now = try? await fileSystems.entry(entry.record.id.text).zones
        if let now, now !== entry.zones { copied += now.standing.resilveredBytes }
        return copied
    }

    /// Answers why it failed, if it did; a zone that stays out is no failure.
    private func repair(
        _ entry: FileSystems.Entry,
        _ report: @escaping RouteTable.Report
    ) async -> APIError? {
        let (id, zone) = (entry.record.id, request.zone)
        do {
            if entry.record.state == .deleting {
                if request.acceptsEmpty { try await fileSystems.giveUp(id, in: zone) }
                await fileSystems.removeAgain(entry.record)
                return nil
            }
            guard let zones = entry.zones else {
                await fileSystems.reopen(entry)
                return nil
            }
            if let failure = await look(entry.record, zones, report) { return failure }
            guard request.acceptsEmpty else { return nil }
            let directories = ZoneDirectories(
                zones: reports.settings.zones.filter { $0.name == zone },
                disk: reports.disk
            )
            // As they are now: the look may have opened it anew.
            guard let now = await fileSystems.zones(of: id), FileSystems.isEmpty(zone, of: now)
            else { return nil }
            try await BlockingCalls.runToEnd { try directories.prepare() }
            try await fileSystems.admit(zone, to: id)
            return await look(entry.record, now, report)
        } catch {
            return APIError(error)
        }
    }

    private func look(
        _ record: FileSystemRecord,
        _ zones: ZonedDisk,
        _ report: @escaping RouteTable.Report
    ) async -> APIError? {
        let fileSystems = fileSystems
        return await withTaskGroup(of: APIError?.self) { group in
            // Two children, both ended here: the look, and who tells how far it has come, meanwhile.
            group.addTask { await fileSystems.lookAfterZones(of: record.id) }
            group.addTask {
                while !Task.isCancelled {
                    ZoneRepairs.tell(record, zones.standing, report)
                    do {
                        try await Task.sleep(for: .milliseconds(ZoneRepairs.progressMilliseconds))
                    } catch {
                        break  // The look is over.
                    }
                }
                return nil
            }
            // Only the look ends by itself.
            let failure = await group.next() ?? nil
            group.cancelAll()
            return failure
        }
    }

    private static func tell(
        _ record: FileSystemRecord,
        _ standing: ZonedStanding,
        _ report: RouteTable.Report
    ) {
        for zone in standing.zones {
            guard case .resilvering(let done, let total) = zone.state else { continue }
            report(
                Progress(
                    phase: "\(record.name): zone \(zone.name)",
                    done: done,
                    total: total,
                    bytes: done
                )
            )
        }
    }

    /// What an operator can do about a zone that is not in sync.
    static func remedy(
        _ standing: ZoneStanding,
        _ entry: FileSystems.Entry,
        zone name: String
    ) -> String? {
        switch standing.state {
        case .inSync: return nil
        case .resilvering: return "It is being made equal: 'varve zone status' shows how far it is."
        case .unknown, .away:
            guard case .failure(let error) = entry.engine else { return nil }
            return error.description
        case .out: break
        }
        let zone = entry.zones?.standing.zones.first { $0.name == name }
        guard let zone, case .out(let reason, _) = zone.state else { return nil }
        switch reason {
        case .absent, .damaged:
            return
                "Mount its disk; or, if what it held is lost, 'varve zone repair \(name) --accept-empty' fills it anew."
        case .foreign:
            return
                "Look what lies in '\(zone.directory)': move it away, then 'varve zone repair \(name) --accept-empty'."
        case .full: return "Make room on its disk: it comes back by itself."
        case .failed, .stale: return "Mend its disk: it is tried again every ten seconds."
        }
    }
}
