import Disk
import FileSystemEngine
import LocalAPI
import MetadataStore
import VarveModel

/// How zones stand, in words.
enum ZoneWords {
    /// `local-c is out: …`; `nil` when all are in sync.
    static func degraded(_ standing: ZonedStanding) -> String? {
        let words = standing.zones.compactMap { zone -> String? in
            switch zone.state {
            case .inSync: nil
            case .out(let reason, _): "\(zone.name) is out: \(reason)"
            case .resilvering: "\(zone.name) is being made equal"
            }
        }
        guard !words.isEmpty else { return nil }
        return words.joined(separator: "; ") + (standing.mayWrite ? "" : "; changes are refused")
    }
}

/// What `varve zone list` and `varve zone status` tell.
struct ZoneReports: Sendable {
    let fileSystems: FileSystems
    let settings: Settings
    let disk: any Disk

    // MARK: Zones

    /// The zones of the settings, and those that file systems were made in.
    func zones() async throws -> [ZoneDescription] {
        let status = await statuses(of: await fileSystems.listed())
        let (places, disk) = (settings.zones, disk)
        return try await BlockingCalls.run {
            let shared = ZoneDirectories(zones: places, disk: disk).shared
            return places.map { place in
                var zone = ZoneReports.describe(place, disk)
                zone.sharesDeviceWith =
                    shared.first { $0.zones.contains(place) }?.zones.map(\.name)
                    .filter { $0 != place.name } ?? []
                let standings = status.flatMap(\.zones).filter { $0.zone == place.name }
                zone.fileSystems = standings.count
                zone.inSync = standings.count { $0.state == .inSync }
                return zone
            }
        }
    }

    private static func describe(_ place: ZonePlace, _ disk: any Disk) -> ZoneDescription {
        let isThere = ZoneDirectories.canServe(place, on: disk)
        // Harmless: where the disk does not say, no space is told.
        let space = isThere ? try? disk.space(at: place.directory) : nil
        return ZoneDescription(
            name: place.name,
            directory: place.directory,
            isThere: isThere,
            device: ZoneDevice(of: place.directory)?.description,
            sharesDeviceWith: [],
            totalBytes: space?.total,
            availableBytes: space?.available
        )
    }

    // MARK: File systems

    /// How the zones of those stand that are Regional.
    func statuses(of entries: [FileSystems.Entry]) async -> [RegionalStatus] {
        var statuses: [RegionalStatus] = []
        for entry in entries {
            guard case .regional(let names) = entry.record.placement else { continue }
            guard let zones = entry.zones else {
                statuses.append(await closed(entry, names))
                continue
            }
            let look = await fileSystems.look(at: entry.record.id)
            statuses.append(Self.status(entry.record, zones.standing, look))
        }
        return statuses
    }

    static func status(
        _ record: FileSystemRecord,
        _ standing: ZonedStanding,
        _ look: ZoneLook?
    ) -> RegionalStatus {
        RegionalStatus(
            fileSystem: record.id.text,
            name: record.name,
            isDegraded: standing.isDegraded,
            mayWrite: standing.mayWrite,
            zones: standing.zones.map { ZoneStanding($0, look) },
            resilveredBytes: standing.resilveredBytes,
            mendedBytes: standing.mendedBytes
        )
    }

    /// Of one that does not open, or is deleted but for zones that are away.
    private func closed(_ entry: FileSystems.Entry, _ names: [String]) async -> RegionalStatus {
        let record = entry.record
        let away = await fileSystems.away(of: record.id)
        let reason: String? =
            if case .failure(let error) = entry.engine { error.description } else { nil }
        let places = settings.zones
        let zones = names.compactMap { name -> ZoneStanding? in
            let left = away?.first { $0.name == name }
            // Where it is erased already there is nothing to tell.
            if away != nil, left == nil { return nil }
            let directory = places.first { $0.name == name }?.directory
            return ZoneStanding(
                zone: name,
                directory: directory.map { "\($0)/\(record.id)" } ?? "",
                state: left == nil ? .unknown : .away,
                reason: left?.reason ?? (directory == nil ? "not among the settings' zones" : nil)
            )
        }
        return RegionalStatus(
            fileSystem: record.id.text,
            name: record.name,
            isDegraded: true,
            mayWrite: false,
            reason: reason,
            zones: zones
        )
    }
}

extension ZoneStanding {
    /// As the disk tells it, and how fast it goes.
    init(_ zone: ZonedStanding.Zone, _ look: ZoneLook?) {
        self.init(zone: zone.name, directory: zone.directory, state: .inSync)
        if zone.failedReads > 0 {
            failedReads = zone.failedReads
            lastFailedRead = zone.lastFailedRead
        }
        switch zone.state {
        case .inSync: return
        case .out(let reason, let since):
            state = .out
            self.reason = "\(reason)"
            self.since = TimeText(since)
        case .resilvering(let done, let total):
            state = .resilvering
            doneBytes = done
            totalBytes = total
            let seconds = (look?.began.duration(to: .now)).map { Double($0.components.seconds) }
            if let seconds, seconds >= 1 { bytesPerSecond = UInt64(Double(done) / seconds) }
        }
        missedFiles = zone.missedFiles
        missedBytes = zone.missedBytes
    }
}
