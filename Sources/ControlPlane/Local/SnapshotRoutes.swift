import FileSystemEngine
import LocalAPI
import VarveModel

/// Makes, lists, deletes and compares moments of a file system.
struct SnapshotRoutes: Sendable {
    let fileSystems: FileSystems
    let clock: any VarveClock

    func add(to table: RouteTable) {
        table.on(Route.createSnapshot) { try await create($0, $1) }
        table.on(Route.listSnapshots) { try await list($0, $1) }
        table.on(Route.deleteSnapshot) { try await delete($0, $1) }
        table.on(Route.diff) { try await diff($0, $1, $2) }
    }

    private func create(_ request: CreateSnapshot, _ peer: Peer) async throws -> SnapshotDescription
    {
        let engine = try await fileSystems.find(request.fileSystem).engine
        try await engine.requireOwner(peer, "taking a snapshot")
        guard !request.name.isEmpty, request.name.utf8.count <= 255, !request.name.contains("/"),
            !request.name.hasPrefix("@"), !request.name.hasPrefix("."),
            NameText.isPrintable(request.name)
        else {
            throw APIError(
                .usage,
                "'\(EscapedBytes(request.name.utf8).text)' cannot name a snapshot",
                remedy:
                    "Use 1 to 255 bytes without '/' and control characters, not beginning with '@' or '.'."
            )
        }
        let expires = try request.expiresAfter.map {
            try KeepSpan.end(from: clock.now(), seconds: $0)
        }
        return SnapshotDescription(try await engine.createSnapshot(request.name, expires: expires))
    }

    private func list(_ request: FileSystemName, _ peer: Peer) async throws -> [SnapshotDescription]
    {
        let engine = try await fileSystems.find(request.fileSystem).engine
        return try await engine.snapshots().sorted { $0.epoch < $1.epoch }.map {
            SnapshotDescription($0)
        }
    }

    private func delete(_ request: SnapshotName, _ peer: Peer) async throws -> Nothing {
        let engine = try await fileSystems.find(request.fileSystem).engine
        try await engine.requireOwner(peer, "deleting a snapshot")
        try await engine.deleteSnapshot(request.name)
        return Nothing()
    }

    private func diff(
        _ request: DiffRequest,
        _ peer: Peer,
        _ report: @escaping RouteTable.Report
    ) async throws -> DiffReport {
        let engine = try await fileSystems.find(request.fileSystem).engine
        try await engine.requireOwner(peer, "comparing moments")
        let now = clock.now()
        return try await engine.holding(request.old, now: now) { old in
            guard case .past(let oldEpoch) = old else {
                throw APIError(
                    .usage,
                    "the earlier moment is a snapshot or a time, not the present"
                )
            }
            if request.new == Moment() {
                let hold = try await engine.hold()
                let result: DiffReport
                do {
                    result = try await MomentDiff(engine, from: oldEpoch, to: hold.epoch).run(
                        report
                    )
                } catch {
                    // The first error is the one to tell; the hold ends with the process.
                    try? await engine.release(hold)
                    throw error
                }
                try await engine.release(hold)
                return result
            }
            return try await engine.holding(request.new, now: now) { new in
                guard case .past(let newEpoch) = new, newEpoch >= oldEpoch else {
                    throw APIError(.usage, "the earlier moment comes first")
                }
                return try await MomentDiff(engine, from: oldEpoch, to: newEpoch).run(report)
            }
        }
    }
}

extension SnapshotDescription {
    init(_ snapshot: Snapshot) {
        self.init(
            name: snapshot.name,
            created: TimeText(snapshot.created),
            expires: snapshot.expires.map { TimeText($0) }
        )
    }
}

extension FileSystem {
    /// Refuses whoever is neither an administrator nor the owner of the root directory.
    func requireOwner(_ peer: Peer, _ doing: String) async throws {
        if peer.isAdministrator { return }
        let root = try await attributes(of: .root)
        guard root.uid == peer.caller.uid else {
            throw APIError(
                .denied,
                "\(doing) is for root and the owner of the root directory (uid \(root.uid))",
                remedy: "Run it as one of them."
            )
        }
    }
}
