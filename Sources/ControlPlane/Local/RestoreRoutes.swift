import MetadataStore
import Backup
import BackupVault
import FileSystemEngine
import LocalAPI
import VarveModel

/// Brings files and trees back, from the file system's own past or from a vault.
struct RestoreRoutes: Sendable {
    let fileSystems: FileSystems
    let vaults: Vaults
    let clock: any VarveClock

    /// A week: as long as a restore in place can be undone by its snapshot.
    private static let undoSeconds: Int64 = 7 * 86_400

    func add(to table: RouteTable) {
        table.on(Route.restore) { try await restore($0, $1, $2) }
    }

    private func restore(
        _ request: RestoreRequest,
        _ peer: Peer,
        _ report: @escaping RouteTable.Report
    ) async throws -> RestoreReport {
        if request.moment.recoveryPoint != nil {
            return try await restorePoint(request, peer, report)
        }
        let place = try await FilePlace(request.file, in: fileSystems)
        if request.target.isInPlace {
            return try await restoreInPlace(request, place, peer, report)
        }
        guard !request.isPlan else {
            throw APIError(.usage, "only a restore in place has a plan: nothing else is replaced")
        }
        return try await place.engine.holding(request.moment, now: clock.now()) { view in
            try await copy(
                .fileSystem(place.engine, path: place.names, view, peer.caller),
                request.target,
                peer,
                report
            )
        }
    }

    /// From a vault: its points hold everybody's files, so it is for administrators.
    private func restorePoint(
        _ request: RestoreRequest,
        _ peer: Peer,
        _ report: @escaping RouteTable.Report
    ) async throws -> RestoreReport {
        try peer.requireAdministrator("restoring a recovery point")
        guard !request.target.isInPlace, let text = request.moment.recoveryPoint,
            let id = RecoveryPointID(text)
        else {
            throw APIError(
                .usage,
                "'\(request.moment.recoveryPoint ?? "")' is no recovery point's id, or it is to go in place",
                remedy: "'varve backup list' shows the ids; restore them --to a place."
            )
        }
        let (vault, point) = try await find(id, in: request.moment.vault)
        let source = request.file.fileSystem
        let known = try? await fileSystems.entry(source)  // The source need not exist any more.
        guard
            point.source == source || point.labels["name"] == source
                || known?.record.id.text == point.source
        else {
            throw APIError(
                .invalid,
                "recovery point \(id) is of \(point.source) ('\(point.labels["name"] ?? "")'), not of '\(source)'",
                remedy: "Write \(point.source):/path."
            )
        }
        let names = try FilePlace.names(request.file)
        do {
            var answer = try await copy(
                .recoveryPoint(vault, point, path: names),
                request.target,
                peer,
                report
            )
            answer.vault = vault.name
            return answer
        } catch {
            throw Vaults.named(error, "recovery point \(id) of vault '\(vault.name)'")
        }
    }

    /// The point and its vault; one that does not open is no reason not to look into the others.
    private func find(_ id: RecoveryPointID, in name: String?) async throws -> (
        Vault, RecoveryPoint
    ) {
        let entries: [Vaults.Entry] =
            if let name {
                [Vaults.Entry(name: name, vault: .success(try await vaults.find(name)))]
            } else {
                try await vaults.all()
            }
        var closed: [APIError] = []
        for entry in entries where !entry.isUnfinished {
            guard case .success(let vault) = entry.vault else {
                if case .failure(let reason) = entry.vault { closed.append(reason) }
                continue
            }
            do {
                return (vault, try await BlockingCalls.run { try vault.recoveryPoint(id) })
            } catch let error as VaultError where error.code == .notFound {
                continue
            } catch {
                throw Vaults.named(error, "vault '\(entry.name)'")
            }
        }
        throw RestoreRoutes.missing(id, in: name, closed: closed)
    }

    private static func missing(
        _ id: RecoveryPointID,
        in name: String?,
        closed: [APIError]
    ) -> APIError {
        guard let first = closed.first else {
            return APIError(
                .notFound,
                "there is no recovery point \(id)\(name.map { " in vault '\($0)'" } ?? "")",
                remedy: "'varve backup list' shows those there are."
            )
        }
        let reasons = closed.map(\.message).joined(separator: "; ")
        return APIError(
            first.code,
            "no vault that opens holds recovery point \(id); \(reasons)",
            remedy: first.remedy
        )
    }

    private func copy(
        _ source: TreePlace,
        _ target: RestoreRequest.Target,
        _ peer: Peer,
        _ report: @escaping RouteTable.Report
    ) async throws -> RestoreReport {
        var made: OpenFileSystem?
        let goal: TreeTarget
        if let path = target.hostPath {
            goal = .host(try HostPath.checked(path, for: peer))
        } else if let file = target.file {
            let place = try await FilePlace(file, in: fileSystems)
            made = place.fileSystem
            goal = .fileSystem(place.engine, path: place.names, peer.caller)
        } else if let name = target.newFileSystem {
            try peer.requireAdministrator("making a file system")
            let new = try await fileSystems.create(name: name, tags: [:], owner: peer.caller)
            made = new
            goal = .fileSystem(new.engine, path: [], peer.caller)
        } else {
            throw APIError(.usage, "the request does not say where to restore to")
        }
        let copied: TreeReport
        do {
            copied = TreeReport(
                try await TreeCopy.run(
                    from: source,
                    to: goal,
                    existing: .replace,
                    progress: RouteTable.transfer(report, "restoring")
                )
            )
        } catch {
            try await takeBack(target.newFileSystem == nil ? nil : made, error)
            throw error
        }
        return RestoreReport(
            files: copied.files,
            bytes: copied.bytes,
            left: copied.left,
            leftCount: copied.leftCount,
            fileSystem: made?.record.id.text
        )
    }

    /// Deletes a file system that was made for a restore that failed: nobody was promised it.
    private func takeBack(_ made: OpenFileSystem?, _ reason: any Error) async throws {
        guard let id = made?.record.id.text else { return }
        do {
            try await fileSystems.delete(id)
        } catch {
            throw Vaults.named(reason, "\(id) was made, holds a part, and cannot be deleted")
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
        try await engine.requireOwner(peer, "restoring in place")
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
                    plan: plan
                )
            }
            report(Progress(phase: "restoring in place"))
            let undo = try await undoSnapshot(engine, now)
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
                undo: undo
            )
        }
    }

    private func undoSnapshot(_ engine: FileSystem, _ now: Timestamp) async throws -> String {
        let stem = "before-restore-\(TimeText(Timestamp(seconds: now.seconds)).text)"
        var number = 1
        while true {
            let name = number == 1 ? stem : "\(stem)-\(number)"
            do throws(FileSystemError) {
                _ = try await engine.createSnapshot(
                    name,
                    expires: now.adding(seconds: RestoreRoutes.undoSeconds)
                )
                return name
            } catch {
                guard error.code == .exists, number < 1_000 else { throw error }
                number += 1
            }
        }
    }
}
