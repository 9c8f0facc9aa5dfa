import MetadataStore
import Lifecycle
import FileSystemEngine
import LocalAPI
import Policies
import VarveModel

/// Lifecycle by hand: what the jobs in force would move, moving it now, and why a file is where it is.
struct LifecycleRoutes: Sendable {
    let fileSystems: FileSystems
    let lifecycle: LifecycleRuns
    let jobs: Jobs

    func add(to table: RouteTable) {
        table.on(Route.planLifecycle) { request, peer, report in
            try peer.requireAdministrator("a lifecycle plan")
            report(Progress(phase: "planning"))
            return try await each(request, isPlan: true) { try await lifecycle.plan($0, $1) }
        }
        table.on(Route.runLifecycle) { request, peer, report in
            try peer.requireAdministrator("a lifecycle run")
            return try await each(request, isPlan: false) {
                try await lifecycle.run($0, $1, report)
            }
        }
        table.on(Route.whyLifecycle) { try await why($0, $1) }
    }

    /// Every file system asked about, under the policy of each lifecycle job that selects it.
    private func each(
        _ request: OptionalFileSystem,
        isPlan: Bool,
        _ body: (OpenFileSystem, LifecyclePolicy) async throws -> LifecycleReport
    ) async throws -> LifecycleReport {
        try await jobs.reload()
        var meant: FileSystemID?
        if let name = request.fileSystem { meant = try await fileSystems.entry(name).record.id }
        var whole = LifecycleReport(
            isPlan: isPlan,
            moves: [],
            files: 0,
            bytes: 0,
            storedBefore: 0,
            storedAfter: 0
        )
        for entry in await fileSystems.all() where meant == nil || entry.record.id == meant {
            let source = OpenFileSystem(record: entry.record, engine: try entry.engine.get())
            for policy in await jobs.lifecyclePolicies(for: entry.record) {
                let part = try await body(source, policy)
                whole.moves += part.moves
                whole.files += part.files
                whole.bytes += part.bytes
                whole.storedBefore += part.storedBefore
                whole.storedAfter += part.storedAfter
            }
        }
        return whole
    }

    private func why(_ request: FileRequest, _ peer: Peer) async throws -> LifecycleReasons {
        let place = try await FilePlace(request.file, in: fileSystems)
        let found = try await place.attributes(as: peer.caller)
        guard found.kind == .regular else {
            throw APIError(
                .invalid,
                "'\(request.file.description)' is a \(found.kind.word): only files have a tier"
            )
        }
        let policies = await jobs.lifecyclePolicies(for: place.fileSystem.record)
        let reasoning = try await lifecycle.why(place.fileSystem, found.inode, policies)
        return LifecycleReasons(
            path: request.file.path,
            tier: reasoning.tier.folder,
            lastAccess: reasoning.lastAccess.map { TimeText($0) },
            reasons: reasoning.reasons
        )
    }
}
