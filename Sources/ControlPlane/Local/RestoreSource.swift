import Backup
import BackupVault
import FileSystemEngine
import LocalAPI
import MetadataStore
import VarveModel

/// Where the bytes of a restore come from: the file system's own past, or a vault.
enum RestoreSource: Sendable {
    case moment(FilePlace)
    case point(Vault, RecoveryPoint, RestoreOrigin)

    /// Finds it: a time that the history has left behind is taken from the nearest recovery point before it.
    static func find(
        _ request: RestoreRequest,
        _ peer: Peer,
        _ fileSystems: FileSystems,
        _ vaults: Vaults,
        now: Timestamp
    ) async throws -> RestoreSource {
        let finder = PointFinder(vaults: vaults)
        if let text = request.moment.recoveryPoint {
            let (vault, point) = try await named(
                text,
                request.file,
                in: request.moment.vault,
                peer,
                "restoring a recovery point",
                fileSystems,
                finder
            )
            if request.target.isInPlace {
                try await requireSame(point, as: request.file.fileSystem, fileSystems)
            }
            return .point(vault, point, RestoreOrigin(point, in: vault, reason: nil))
        }
        guard let time = request.moment.at?.resolved(now: now) else {
            return .moment(try await FilePlace(request.file, in: fileSystems))
        }
        do {
            let place = try await FilePlace(request.file, in: fileSystems)
            _ = try await place.engine.view(of: request.moment, now: now)
            return .moment(place)
        } catch let error as APIError where error.code == .notFound {
            return try await nearest(to: time, instead: error, request, peer, fileSystems, finder)
        }
    }

    /// The recovery point that a request names: it holds everybody's files, so it is for administrators.
    static func named(
        _ text: String,
        _ file: FileReference,
        in vault: String?,
        _ peer: Peer,
        _ doing: String,
        _ fileSystems: FileSystems,
        _ finder: PointFinder
    ) async throws -> (vault: Vault, point: RecoveryPoint) {
        try peer.requireAdministrator(doing)
        let id = try PointFinder.id(text)
        let (vault, point) = try await finder.find(id, in: vault)
        let source = file.fileSystem
        let known = try await known(source, fileSystems)
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
        return (vault, point)
    }

    /// Refuses to put a point in place where another file system has the Name that its source had.
    private static func requireSame(
        _ point: RecoveryPoint,
        as name: String,
        _ fileSystems: FileSystems
    ) async throws(APIError) {
        guard let id = try await known(name, fileSystems)?.record.id.text, id != point.source else {
            return
        }
        throw APIError(
            .invalid,
            "recovery point \(point.id) is of \(point.source), and '\(name)' is \(id) now: in place it would take the place of another file system's files",
            remedy:
                "Restore \(point.source):/path with --to-new, or with --to-existing or --to into '\(name)'."
        )
    }

    /// The file system that is meant; `nil` for one that is gone, whose points are found as it is written.
    private static func known(
        _ name: String,
        _ fileSystems: FileSystems
    ) async throws(APIError) -> FileSystems.Entry? {
        do throws(APIError) {
            return try await fileSystems.entry(name)
        } catch {
            guard error.code == .notFound else { throw error }
            return nil
        }
    }

    private static func nearest(
        to time: Timestamp,
        instead error: APIError,
        _ request: RestoreRequest,
        _ peer: Peer,
        _ fileSystems: FileSystems,
        _ finder: PointFinder
    ) async throws -> RestoreSource {
        guard peer.isAdministrator else { throw error }
        let name = request.file.fileSystem
        let known = try await known(name, fileSystems)
        let found = try await finder.nearest(
            of: known?.record.id.text ?? name,
            atOrBefore: time,
            in: request.moment.vault
        )
        let unread = found.unread.map(\.message).joined(separator: "; ")
        if let first = found.unread.first, found.best == nil || request.target.isInPlace {
            throw APIError(
                first.code,
                "\(error.message), and which recovery point is the nearest cannot be told: \(unread)",
                remedy: "Mend that, or name a point ('varve backup list')."
            )
        }
        guard let (vault, point) = found.best else {
            throw APIError(
                error.code,
                "\(error.message), and no recovery point shows it at or before that",
                remedy: error.remedy
            )
        }
        let reason =
            unread.isEmpty
            ? error.message
            : "\(error.message); a nearer point may be in what does not read: \(unread)"
        return .point(vault, point, RestoreOrigin(point, in: vault, reason: reason))
    }
}

extension RestoreOrigin {
    init(_ point: RecoveryPoint, in vault: Vault, reason: String?) {
        self.init(
            kind: "recovery-point",
            instant: TimeText(point.instantTime),
            name: point.id.description,
            vault: vault.name,
            reason: reason
        )
    }

    /// Of a file system's own past, or its present.
    init(_ moment: Moment, _ view: View, now: Timestamp) {
        var instant = now
        if case .past(let epoch) = view { instant = Timestamp(seconds: epoch.second) }
        self.init(
            kind: moment.snapshot == nil ? "history" : "snapshot",
            instant: TimeText(instant),
            name: moment.snapshot
        )
    }
}
