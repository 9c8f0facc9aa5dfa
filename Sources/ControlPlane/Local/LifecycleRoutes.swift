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
        table.on(Route.pinFile) { try await pin($0, $1) }
        table.on(Route.unpinFile) { try await unpin($0, $1) }
        table.on(Route.listPins) { try await pins($0, $1) }
        table.on(Route.lifecycleHistory) { try await history($0, $1) }
        table.on(Route.lifecycleStatus) { request, peer, report in
            try peer.requireAdministrator("counting what lies in the tiers")
            let entry = try await fileSystems.entry(request.fileSystem)
            return try await lifecycle.status(try opened(entry), report)
        }
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
        var whole = LifecycleReport(isPlan: isPlan)
        for entry in await fileSystems.all() where meant == nil || entry.record.id == meant {
            let source = try opened(entry)
            for policy in await jobs.lifecyclePolicies(for: entry.record) {
                whole.add(try await body(source, policy))
            }
        }
        return whole
    }

    private func opened(_ entry: FileSystems.Entry) throws -> OpenFileSystem {
        OpenFileSystem(record: entry.record, engine: try entry.engine.get())
    }

    private func pin(_ request: FileRequest, _ peer: Peer) async throws -> PinDescription {
        try peer.requireAdministrator("pinning a file")
        let place = try await FilePlace(request.file, in: fileSystems)
        let found = try await place.attributes(as: peer.caller)
        return try await lifecycle.pin(place.fileSystem, found.inode, by: "uid \(peer.uid)")
    }

    private func unpin(_ request: FileRequest, _ peer: Peer) async throws -> Nothing {
        try peer.requireAdministrator("taking a pin away")
        let place = try await FilePlace(request.file, in: fileSystems)
        let found = try await place.attributes(as: peer.caller)
        try await lifecycle.unpin(place.fileSystem, found.inode)
        return Nothing()
    }

    private func pins(
        _ request: OptionalFileSystem,
        _ peer: Peer
    ) async throws -> [PinDescription] {
        try peer.requireAdministrator("listing pins")
        var found: [PinDescription] = []
        for source in try await meant(request.fileSystem) {
            found += try await lifecycle.pins(source).map(\.description)
        }
        return found
    }

    private func history(
        _ request: LifecycleHistory,
        _ peer: Peer
    ) async throws -> [TransitionDescription] {
        try peer.requireAdministrator("the history of tiers")
        let limit = max(1, min(request.limit, 10_000))
        if let file = request.file {
            let place = try await FilePlace(file, in: fileSystems)
            let inode = try await place.attributes(as: peer.caller).inode
            return try await lifecycle.history(place.fileSystem, of: inode, limit: limit)
        }
        var found: [TransitionDescription] = []
        for source in try await meant(request.fileSystem) {
            found += try await lifecycle.history(source, of: nil, limit: limit)
        }
        return Array(found.sorted { $0.planned > $1.planned }.prefix(limit))
    }

    /// One file system, or all that open.
    private func meant(_ name: String?) async throws -> [OpenFileSystem] {
        if let name { return [try opened(try await fileSystems.entry(name))] }
        return await fileSystems.all().compactMap { entry in
            guard case .success(let engine) = entry.engine else { return nil }
            return OpenFileSystem(record: entry.record, engine: engine)
        }
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
