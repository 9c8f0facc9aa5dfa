import Backup
import BackupVault
import FileSystemEngine
import LocalAPI
import MetadataStore
import VarveModel

/// Brings files and trees back, from the file system's own past or from a vault.
struct RestoreRoutes: Sendable {
    let fileSystems: FileSystems
    let vaults: Vaults
    let clock: any VarveClock

    func add(to table: RouteTable) {
        table.on(Route.restore) { try await restore($0, $1, $2) }
    }

    private func restore(
        _ request: RestoreRequest,
        _ peer: Peer,
        _ report: @escaping RouteTable.Report
    ) async throws -> RestoreReport {
        let work = RestoreWork(
            request: request,
            selection: try request.parts.map { try TreeSelection($0) },
            peer: peer,
            fileSystems: fileSystems,
            now: clock.now(),
            report: report
        )
        switch try await RestoreSource.find(request, peer, fileSystems, vaults, now: work.now) {
        case .point(let vault, let point, let origin):
            let names = try FilePlace.names(request.file)
            do {
                let key = request.moment.fileKey
                let place = try await ColdRoutes.place(of: point, in: vault, names, fileKey: key)
                var answer = try await work.copy(place)
                answer.vault = vault.name
                answer.origin = origin
                return answer
            } catch {
                throw Vaults.named(error, "recovery point \(point.id) of vault '\(vault.name)'")
            }
        case .moment(let place):
            if request.target.isInPlace {
                try await place.engine.requireOwner(peer, "restoring in place")
                if request.parts == nil {
                    return try await restoreInPlace(request, place, peer, report)
                }
            }
            return try await place.engine.holding(request.moment, now: work.now) { view in
                if request.target.isInPlace, view == .live {
                    throw APIError(
                        .usage,
                        "what is there is the present already",
                        remedy: "Name a moment of the past."
                    )
                }
                if request.target.isInPlace {
                    try await place.requireDirectory(at: view, as: peer.caller)
                }
                let source = TreePlace.fileSystem(
                    place.engine,
                    path: place.names,
                    view,
                    peer.caller
                )
                var answer = try await work.copy(source)
                answer.origin = RestoreOrigin(request.moment, view, now: work.now)
                return answer
            }
        }
    }

    /// Turns a path back where it stands; a snapshot taken just before undoes it.
    private func restoreInPlace(
        _ request: RestoreRequest,
        _ place: FilePlace,
        _ peer: Peer,
        _ report: @escaping RouteTable.Report
    ) async throws -> RestoreReport {
        let engine = place.engine
        let now = clock.now()
        return try await engine.holding(request.moment, now: now) { view in
            guard case .past(let epoch) = view else {
                throw APIError(.usage, "the request does not say which moment to restore")
            }
            // Not there then: nothing to bring back, and the error says so before anything is touched.
            _ = try await place.attributes(at: view, as: peer.caller, followsLast: false)
            if request.isPlan {
                let plan = try await RestorePlan(place, peer.caller, epoch).run(report)
                return RestoreReport(
                    files: UInt64(plan.differences.count),
                    bytes: 0,
                    left: [],
                    leftCount: 0,
                    fileSystem: place.fileSystem.record.id.text,
                    plan: plan,
                    origin: RestoreOrigin(request.moment, view, now: now)
                )
            }
            report(Progress(phase: "restoring in place"))
            let undo = try await engine.undoSnapshot(now)
            let changed: UInt64
            if place.names.isEmpty {
                changed = try await engine.restoreInPlace(.root, to: epoch)
            } else {
                let (directory, name) = try await place.parent(as: peer.caller)
                changed = try await engine.restoreInPlace(name, in: directory, to: epoch)
            }
            return RestoreReport(
                files: changed,
                bytes: 0,
                left: [],
                leftCount: 0,
                fileSystem: place.fileSystem.record.id.text,
                undo: undo,
                origin: RestoreOrigin(request.moment, view, now: now)
            )
        }
    }
}

extension FilePlace {
    /// Refuses to take parts of what was no directory then; a symlink is none, whatever it pointed at.
    fileprivate func requireDirectory(at view: View, as caller: Credentials) async throws {
        let kind = try await attributes(at: view, as: caller, followsLast: false).kind
        guard kind == .directory else {
            throw APIError(.invalid, "parts are of a directory, and a \(kind.word) was there")
        }
    }
}
