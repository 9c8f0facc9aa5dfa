import Backup
import BackupVault
import FileSystemEngine
import Hummingbird
import Keyring
import LocalAPI
import MetadataStore
import NIOCore
import VarveModel

/// Writes trees as cold archives, and reads them back in; the archives' files are the client's affair.
struct ArchiveRoutes: Sendable {
    let fileSystems: FileSystems
    let vaults: Vaults
    let clock: any VarveClock

    func add(to table: RouteTable) {
        table.on(Route.exportArchive) { try await exportArchive($0, $1) }
        table.on(Route.importArchive) { try await importArchive($0, $1, $2) }
    }

    // MARK: Out

    private func exportArchive(
        _ request: ExportArchive,
        _ peer: Peer
    ) async throws -> Outgoing<TreeReport> {
        guard ExportArchive.levels.contains(request.level),
            let fileKey = Hex.decode(request.fileKey).flatMap({ AgeFileKey($0) })
        else { throw APIError(.usage, "the request has no level from 1 to 19, or no file key") }
        let header = try AgeHeader(Array(request.header.utf8))
        // A header of another key would make an archive that nobody opens.
        try header.verified(fileKey)
        if let point = request.moment.recoveryPoint {
            return try await exportPoint(point, request, peer, header, fileKey)
        }
        let place = try await FilePlace(request.file, in: fileSystems)
        let now = clock.now()
        let view = try await place.engine.view(of: request.moment, now: now)
        _ = try await place.attributes(at: view, as: peer.caller)
        var labels = ["source": place.fileSystem.record.id.text, "path": request.file.path.text]
        labels["name"] = place.fileSystem.record.name
        labels["snapshot"] = request.moment.snapshot
        let told = labels
        return Outgoing { send in
            try await place.engine.holdingOne(request.moment, now: now) { epoch in
                let cover = ColdArchiveCover(
                    header: header,
                    fileKey: fileKey,
                    level: Int32(request.level),
                    info: ColdArchiveInfo(
                        created: now,
                        instant: Timestamp(seconds: epoch.second),
                        labels: told
                    )
                )
                return try await ArchiveRoutes.send(
                    .fileSystem(place.engine, path: place.names, .past(epoch), peer.caller),
                    cover,
                    send
                )
            }
        }
    }

    private func exportPoint(
        _ id: String,
        _ request: ExportArchive,
        _ peer: Peer,
        _ header: AgeHeader,
        _ fileKey: AgeFileKey
    ) async throws -> Outgoing<TreeReport> {
        let (vault, point) = try await RestoreSource.named(
            id,
            request.file,
            in: request.moment.vault,
            peer,
            "archiving a recovery point",
            fileSystems,
            PointFinder(vaults: vaults)
        )
        let names = try FilePlace.names(request.file)
        var labels = [
            "source": point.source, "path": request.file.path.text,
            "recoveryPoint": point.id.description,
        ]
        labels["name"] = point.labels["name"]
        let cover = ColdArchiveCover(
            header: header,
            fileKey: fileKey,
            level: Int32(request.level),
            info: ColdArchiveInfo(
                created: clock.now(),
                instant: point.instantTime,
                labels: labels
            )
        )
        let place = try await ColdRoutes.place(
            of: point,
            in: vault,
            names,
            fileKey: request.moment.fileKey
        )
        return Outgoing { send in
            do {
                return try await ArchiveRoutes.send(place, cover, send)
            } catch {
                throw Vaults.named(error, "recovery point \(point.id) of vault '\(vault.name)'")
            }
        }
    }

    /// The archive is written on threads of its own; its pieces come over one by one.
    private static func send(
        _ place: TreePlace,
        _ cover: ColdArchiveCover,
        _ send: RouteTable.Send
    ) async throws -> TreeReport {
        let pieces = ArchivePieces()
        async let report = write(place, cover, pieces)
        do {
            while let piece = try await pieces.next() { try await send(piece) }
        } catch {
            await pieces.abandon()
            throw error
        }
        return await report
    }

    /// An error goes the way of the pieces.
    private static func write(
        _ place: TreePlace,
        _ cover: ColdArchiveCover,
        _ pieces: ArchivePieces
    ) async -> TreeReport {
        do {
            let written = try await ColdArchive.write(place, cover) { try await pieces.put($0) }
            await pieces.finish(nil)
            return TreeReport(written)
        } catch {
            await pieces.finish(APIError(error))
            return TreeReport(TransferReport())
        }
    }

    // MARK: In

    private func importArchive(
        _ request: ImportArchive,
        _ peer: Peer,
        _ body: RequestBody
    ) async throws -> ImportArchiveReport {
        if let name = request.newFileSystem {
            guard request.file == nil, !request.isPlan else {
                throw APIError(.usage, "a new file system has nothing that could be overwritten")
            }
            return try await importInto(new: name, peer, body)
        }
        guard let file = request.file else {
            throw APIError(.usage, "the request does not say where to import to")
        }
        let place = try await FilePlace(file, in: fileSystems)
        if request.isPlan { return try await plan(place, peer, body) }
        let target = TreeTarget.fileSystem(place.engine, path: place.names, peer.caller)
        return ImportArchiveReport(copied: try await unpack(body, to: target))
    }

    private func importInto(
        new name: String,
        _ peer: Peer,
        _ body: RequestBody
    ) async throws -> ImportArchiveReport {
        try peer.requireAdministrator("making a file system")
        let made = try await fileSystems.create(name: name, tags: [:], owner: peer.caller)
        let id = made.record.id.text
        do {
            let target = TreeTarget.fileSystem(made.engine, path: [], peer.caller)
            return ImportArchiveReport(copied: try await unpack(body, to: target), fileSystem: id)
        } catch {
            // Nobody was promised it.
            do {
                try await fileSystems.delete(id)
            } catch let second {
                throw APIError(
                    .failed,
                    "\(id) was made, holds a part, and cannot be deleted (\(second)): \(error)"
                )
            }
            throw error
        }
    }

    private func unpack(_ body: RequestBody, to target: TreeTarget) async throws -> TreeReport {
        let intake = ColdArchiveIntake()
        return try await withThrowingTaskGroup(of: TransferReport?.self) { group in
            group.addTask {
                do {
                    try await ArchiveRoutes.parts(of: body) { try await intake.take($0) }
                } catch {
                    intake.fail("\(error)")
                    throw error
                }
                return nil
            }
            group.addTask { try await intake.unpack(to: target, existing: .replace) }
            var copied = TransferReport()
            for try await result in group {
                if let result { copied = result }
            }
            return TreeReport(copied)
        }
    }

    private func plan(
        _ place: FilePlace,
        _ peer: Peer,
        _ body: RequestBody
    ) async throws -> ImportArchiveReport {
        var plan = ColdArchivePlan(place.engine, path: place.names, as: peer.caller)
        var reader = ColdArchivePartReader()
        for try await buffer in body {
            for part in try reader.add(buffer.readableBytesView) {
                switch part {
                case .names(let entries): try await plan.add(entries)
                case .end: break
                case .asked, .sockets, .next, .tar, .damaged, .entries:
                    throw APIError(.usage, "a plan takes names alone")
                }
            }
        }
        try ArchiveRoutes.requireEnd(reader)
        return ImportArchiveReport(
            taken: plan.taken.map {
                ImportArchiveReport.Taken(
                    path: EscapedBytes($0.path),
                    kind: $0.kind.word,
                    existing: $0.existing.word
                )
            },
            takenCount: plan.takenCount,
            entries: plan.entries
        )
    }

    private static func parts(
        of body: RequestBody,
        _ take: (ColdArchivePart) async throws -> Void
    ) async throws {
        var reader = ColdArchivePartReader()
        for try await buffer in body {
            for part in try reader.add(buffer.readableBytesView) { try await take(part) }
        }
        try requireEnd(reader)
    }

    private static func requireEnd(_ reader: ColdArchivePartReader) throws(APIError) {
        guard reader.isAtEnd else {
            throw APIError(
                .invalid,
                "the archive's parts ended before their end",
                remedy: "Repeat the import: what was made stays, and is replaced."
            )
        }
    }
}

extension FileSystem {
    /// Runs `body` on one instant, also of the present, that stays readable until its end.
    fileprivate func holdingOne<Result>(
        _ moment: Moment,
        now: Timestamp,
        _ body: (Epoch) async throws -> Result
    ) async throws -> Result {
        var epoch: Epoch?
        if case .past(let named) = try await view(of: moment, now: now) { epoch = named }
        let held = try await hold(epoch)
        do {
            let result = try await body(held.epoch)
            try await release(held)
            return result
        } catch {
            // The first error is the one to tell; a hold that stays ends with the process.
            try? await release(held)
            throw error
        }
    }
}
