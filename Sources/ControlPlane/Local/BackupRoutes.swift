import MetadataStore
import Backup
import BackupVault
import LocalAPI
import VarveModel

/// Vaults and recovery points.
struct BackupRoutes: Sendable {
    let fileSystems: FileSystems
    let vaults: Vaults
    let clock: any VarveClock

    func add(to table: RouteTable) {
        table.on(Route.createVault) { try await create($0, $1) }
        table.on(Route.listVaults) { _, _ in try await listVaults() }
        table.on(Route.runBackup) { try await run($0, $1, $2) }
        table.on(Route.listBackups) { request, _ in try await list(request) }
        table.on(Route.deleteBackup) { try await delete($0, $1) }
        table.on(Route.deleteBackups) { try await delete($0, $1) }
    }

    private func create(_ request: CreateVault, _ peer: Peer) async throws -> VaultDescription {
        try peer.requireAdministrator("making a vault")
        let parity = try VaultRoutes.policy(of: request.parity)
        let bucket = try request.bucket.map { location throws(APIError) in
            try BucketPlace(location)
        }
        guard parity == nil || bucket == nil else {
            throw APIError(
                .usage,
                "a vault in a bucket keeps no parity: its store keeps copies or parity of its own",
                remedy: "Make it without --parity."
            )
        }
        let vault = try await vaults.create(request.vault, in: bucket)
        if let parity { try await BlockingCalls.run { _ = try vault.setParity(parity) } }
        return try await vaults.describe(vault, named: request.vault, now: clock.now())
    }

    private func listVaults() async throws -> [VaultDescription] {
        var found: [VaultDescription] = []
        for entry in try await vaults.all() {
            do {
                let vault = try entry.vault.get()
                found.append(
                    try await vaults.describe(vault, named: entry.name, now: clock.now())
                )
            } catch {
                let reason = APIError(error)
                var described = VaultDescription(
                    name: entry.name,
                    state: entry.isUnfinished ? "unfinished" : "unavailable",
                    reason: reason.description
                )
                described.add(await vaults.place(of: entry.name))
                found.append(described)
            }
        }
        return found
    }

    private func run(
        _ request: RunBackup,
        _ peer: Peer,
        _ report: @escaping RouteTable.Report
    ) async throws -> RecoveryPointDescription {
        try peer.requireAdministrator("backing up")
        let source = try await fileSystems.find(request.fileSystem)
        let vault = try await vaults.find(request.vault)
        let coldAfter = try ColdRoutes.days(of: request)
        guard coldAfter == nil || vault.mayHaveColdStorage else {
            throw APIError(
                .invalid,
                "nothing moves to cold storage in '\(vault.place)': archives go to a vault in a directory alone",
                remedy: "Keep it warm; the store may have a colder class of its own."
            )
        }
        let expires = try request.deleteAfterDays.map {
            try KeepSpan.end(from: clock.now(), days: $0)
        }
        let result = try await BackupService(clock: clock).backUp(
            source.engine,
            source: source.record.id.text,
            to: vault,
            expires: expires,
            coldAfterDays: coldAfter,
            labels: ["name": source.record.name],
            progress: { report(Progress($0)) }
        )
        return RecoveryPointDescription(result.point, vault: vault.name)
    }

    private func delete(_ request: RecoveryPointName, _ peer: Peer) async throws -> Nothing {
        try peer.requireAdministrator("deleting a recovery point")
        let id = try PointDeletion.id(request.id)
        let vault = try await vaults.find(request.vault)
        let now = clock.now()
        try await BlockingCalls.run { try PointDeletion.delete(id, from: vault, now: now) }
        return Nothing()
    }

    private func delete(
        _ request: RecoveryPointNames,
        _ peer: Peer
    ) async throws -> DeletionReport {
        try peer.requireAdministrator("deleting recovery points")
        // All are read before any goes: a slip of the hand deletes nothing.
        let ids = try request.ids.map(PointDeletion.id)
        let vault = try await vaults.find(request.vault)
        let now = clock.now()
        return try await BlockingCalls.run { PointDeletion.delete(ids, from: vault, now: now) }
    }

    private func list(_ request: ListBackups) async throws -> BackupList {
        var source = request.fileSystem
        if let name = source, let known = try? await fileSystems.entry(name) {
            source = known.record.id.text  // One that is gone is looked for as it was written.
        }
        let entries: [Vaults.Entry] =
            if let name = request.vault {
                [Vaults.Entry(name: name, vault: .success(try await vaults.find(name)))]
            } else {
                try await vaults.all()
            }
        var answer = BackupList(points: [], unreadable: [])
        for entry in entries where !entry.isUnfinished {
            do {
                let vault = try entry.vault.get()
                let listing = try await BlockingCalls.run { try vault.listing() }
                for point in listing.points
                where source == nil || point.source == source || point.labels["name"] == source {
                    answer.points.append(RecoveryPointDescription(point, vault: vault.name))
                }
                for damaged in listing.damaged {
                    answer.unreadable.append(
                        LeftOut("\(entry.name)/\(damaged.id)", APIError(damaged.error))
                    )
                }
            } catch {
                answer.unreadable.append(LeftOut(entry.name, APIError(error)))
            }
        }
        answer.points.sort { ($0.created, $0.id) < ($1.created, $1.id) }
        return answer
    }
}

extension Progress {
    init(_ progress: BackupProgress) {
        self.init(
            phase: "backing up",
            done: progress.inodes,
            total: progress.inodesTotal,
            bytes: progress.bytesRead,
            bytesTotal: progress.bytesTotal
        )
    }
}

extension LeftOut {
    init(_ subject: String, _ error: APIError) {
        self.init(
            path: EscapedBytes(subject.utf8),
            what: error.description,
            isDamage: error.isDamage
        )
    }
}

extension RecoveryPointDescription {
    init(_ point: RecoveryPoint, vault: String) {
        self.init(
            id: point.id.description,
            vault: vault,
            fileSystem: point.source,
            fileSystemName: point.labels["name"] ?? point.source,
            instant: TimeText(point.instantTime),
            created: TimeText(point.created),
            expires: point.expires.map { TimeText($0) },
            isFull: point.statistics["isFull"] != 0,
            files: point.statistics["inodes"] ?? 0,
            bytes: point.statistics["bytesTotal"] ?? 0,
            changedBytes: point.statistics["bytesRead"] ?? 0,
            storedBytes: point.cold?.archiveBytes
                ?? point.statistics["copiedBytesStored"] ?? point.statistics["bytesStored"] ?? 0,
            storageClass: point.isCold ? "COLD" : "WARM",
            movesToCold: point.movesToCold.map { TimeText($0) }
        )
    }
}
