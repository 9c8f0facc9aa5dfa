import Disk
import MetadataStore
import FileSystemEngine
import LocalAPI
import VarveModel

/// Makes, lists, describes and deletes file systems.
struct FileSystemRoutes: Sendable {
    let fileSystems: FileSystems
    let settings: Settings

    func add(to table: RouteTable) {
        table.on(Route.createFileSystem) { try await create($0, $1) }
        table.on(Route.listFileSystems) { _, _ in
            var found: [FileSystemDescription] = []
            for entry in await fileSystems.listed() { found.append(await describe(entry)) }
            return found
        }
        table.on(Route.describeFileSystem) { request, _ in
            await describe(try await fileSystems.listedEntry(request.fileSystem))
        }
        table.on(Route.deleteFileSystem) { request, peer in
            try peer.requireAdministrator("deleting a file system")
            let away = try await fileSystems.delete(request.fileSystem)
            return FileSystemDeletion(
                away: away.map { FileSystemDeletion.Away(zone: $0.name, reason: $0.reason) }
            )
        }
    }

    private func create(_ request: CreateFileSystem, _ peer: Peer) async throws
        -> FileSystemDescription
    {
        try peer.requireAdministrator("making a file system")
        guard !request.name.isEmpty, request.name.utf8.count <= 256, !request.name.contains(":"),
            !request.name.contains("/"), FileSystemID(request.name) == nil,
            NameText.isPrintable(request.name)
        else {
            throw APIError(
                .usage,
                "'\(EscapedBytes(request.name.utf8).text)' cannot name a file system",
                remedy:
                    "Use 1 to 256 bytes without ':', '/' and control characters, and not of the form of an id."
            )
        }
        for (key, value) in request.tags
        where !NameText.isPrintable(key) || !NameText.isPrintable(value) {
            throw APIError(
                .usage,
                "the tag '\(EscapedBytes(key.utf8).text)' holds a control character",
                remedy: "Leave it out: jobs and people read tags."
            )
        }
        let made = try await fileSystems.create(
            name: request.name,
            tags: request.tags,
            owner: peer.caller,
            placement: try placement(request.placement)
        )
        return await describe(try await fileSystems.entry(made.record.id.text))
    }

    private func placement(
        _ asked: CreateFileSystem.Placement
    ) throws(APIError) -> FileSystemRecord.Placement {
        let zones = settings.zones.map(\.name)
        switch asked {
        case .regional: return .regional(zones)
        case .oneZone(nil): return .oneZone(settings[.availabilityZone])
        case .oneZone(let zone?):
            let known = Set(zones + [settings[.availabilityZone]]).sorted()
            guard known.contains(zone) else {
                throw APIError(
                    .invalid,
                    "there is no zone '\(zone)'",
                    remedy:
                        "The zones are \(known.joined(separator: ", ")): see zones in varve.yaml."
                )
            }
            return .oneZone(zone)
        }
    }

    private func describe(_ entry: FileSystems.Entry) async -> FileSystemDescription {
        let record = entry.record
        var description = FileSystemDescription(
            id: record.id.text,
            name: record.name,
            created: TimeText(record.created),
            tags: record.tags,
            state: "available",
            availabilityZone: record.availabilityZone
        )
        if case .regional(let zones) = record.placement { description.zones = zones }
        description.degraded = entry.zones.flatMap { ZoneWords.degraded($0.standing) }
        do {
            let numbers = try await entry.engine.get().statistics()
            description.inodes = numbers.inodes
            description.liveBytes = numbers.liveBytes
            description.historyBytes = numbers.historyBytes
            description.snapshotBytes = numbers.snapshotBytes
            description.metadataBytes = numbers.metadataBytes
            description.diskAvailableBytes = numbers.diskAvailableBytes
            description.tierBytes = Dictionary(
                uniqueKeysWithValues: numbers.tierBytes.map { ($0.key.folder, $0.value) }
            )
            description.storedBytes = Dictionary(
                uniqueKeysWithValues: Tier.allCases.map {
                    ($0.folder, numbers.storedBytes[$0] ?? 0)
                }
            )
        } catch {
            description.state = record.state == .deleting ? "deleting" : "unavailable"
            description.reason = APIError(error).description
        }
        return description
    }
}
