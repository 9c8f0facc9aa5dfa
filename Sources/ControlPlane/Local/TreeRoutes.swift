import Backup
import BackupVault
import FileSystemEngine
import Hummingbird
import LocalAPI
import NIOCore
import VarveModel

/// Copies trees in and out: by host paths for those whom the daemon trusts with them, by tar streams for all.
struct TreeRoutes: Sendable {
    let fileSystems: FileSystems
    let clock: any VarveClock

    func add(to table: RouteTable) {
        table.on(Route.importTree) { try await importTree($0, $1, $2) }
        table.on(Route.exportTree) { try await exportTree($0, $1, $2) }
        table.on(Route.importStream) { try await importStream($0, $1, $2) }
        table.on(Route.exportStream) { try await exportStream($0, $1) }
    }

    private func importTree(
        _ request: HostTransfer,
        _ peer: Peer,
        _ report: @escaping RouteTable.Report
    ) async throws -> TreeReport {
        let path = try HostPath.checked(request.hostPath, for: peer)
        let place = try await FilePlace(request.file, in: fileSystems)
        do {
            let copied = try await TreeCopy.run(
                from: .host(path),
                to: .fileSystem(place.engine, path: place.names, peer.caller),
                existing: .replace,
                progress: RouteTable.transfer(report, "importing")
            )
            return TreeReport(copied)
        } catch {
            throw TreeRoutes.brokenOff(error)
        }
    }

    /// An import's error, with what to do about the part that was copied.
    private static func brokenOff(_ error: any Error) -> APIError {
        let reason = APIError(error)
        guard reason.code == .noSpace || reason.code == .unavailable else { return reason }
        let more = "Then import again: what was copied stays, and is replaced."
        return APIError(
            reason.code,
            reason.message,
            remedy: reason.remedy.isEmpty ? more : "\(reason.remedy) \(more)"
        )
    }

    private func exportTree(
        _ request: HostTransfer,
        _ peer: Peer,
        _ report: @escaping RouteTable.Report
    ) async throws -> TreeReport {
        let path = try HostPath.checked(request.hostPath, for: peer)
        let place = try await FilePlace(request.file, in: fileSystems)
        let whole = place.names.isEmpty ? try await TransferSize.live(place.engine) : nil
        return try await place.engine.holding(request.moment, now: clock.now()) { view in
            let copied = try await TreeCopy.run(
                from: .fileSystem(place.engine, path: place.names, view, peer.caller),
                to: .host(path),
                existing: .replace,
                progress: RouteTable.transfer(report, "exporting", of: whole)
            )
            return TreeReport(copied)
        }
    }

    private func importStream(
        _ request: TreeStream,
        _ peer: Peer,
        _ body: RequestBody
    ) async throws -> TreeReport {
        let place = try await FilePlace(request.file, in: fileSystems)
        let input = ArchiveInput()
        return try await withThrowingTaskGroup(of: TransferReport?.self) { group in
            group.addTask {
                do {
                    for try await part in body { await input.send(Array(part.readableBytesView)) }
                    input.finish()
                } catch {
                    input.fail("\(error)")
                    throw error
                }
                return nil
            }
            group.addTask {
                try await ArchiveStream.read(
                    input,
                    to: .fileSystem(place.engine, path: place.names, peer.caller),
                    existing: .replace,
                    progress: nil
                )
            }
            var copied = TransferReport()
            for try await result in group {
                if let result { copied = result }
            }
            return TreeReport(copied)
        }
    }

    private func exportStream(
        _ request: TreeStream,
        _ peer: Peer
    ) async throws -> Outgoing<TreeReport> {
        let place = try await FilePlace(request.file, in: fileSystems)
        let now = clock.now()
        let view = try await place.engine.view(of: request.moment, now: now)
        _ = try await place.attributes(at: view, as: peer.caller)
        return Outgoing { send in
            try await place.engine.holding(request.moment, now: now) { view in
                // The archive is written on threads of its own; its pieces come over one by one.
                let pieces = ArchivePieces()
                let source = TreePlace.fileSystem(
                    place.engine,
                    path: place.names,
                    view,
                    peer.caller
                )
                async let report = TreeRoutes.archive(source, pieces)
                do {
                    while let piece = try await pieces.next() { try await send(piece) }
                } catch {
                    await pieces.abandon()
                    throw error
                }
                return await report
            }
        }
    }

    /// Writes the archive; an error goes the way of its pieces.
    private static func archive(_ source: TreePlace, _ pieces: ArchivePieces) async -> TreeReport {
        do {
            let written = try await ArchiveStream.write(source) { try await pieces.put($0) }
            await pieces.finish(nil)
            return TreeReport(written)
        } catch {
            await pieces.finish(APIError(error))
            return TreeReport(TransferReport())
        }
    }
}

/// Host paths of requests.
enum HostPath {
    /// The path as the daemon opens it, for a peer who may ask for that.
    ///
    /// - Throws: `.hostPathRefused` for everybody else: they stream.
    static func checked(_ path: EscapedBytes, for peer: Peer) throws(APIError) -> String {
        guard peer.mayOpenHostPaths else {
            throw APIError(
                .hostPathRefused,
                "the daemon opens host paths for root and its own user alone",
                remedy: "Stream the tree instead; varve does so by itself."
            )
        }
        guard path.bytes.first == UInt8(ascii: "/"),
            let text = String(validating: path.bytes, as: UTF8.self)
        else {
            throw APIError(
                .unsupported,
                "the host path '\(path.text)' is not absolute, or not UTF-8",
                remedy: "Name the directory by a path in UTF-8; names beneath it may be anything."
            )
        }
        return text
    }
}

extension TreeReport {
    init(_ copied: TransferReport) {
        let left = copied.omissions.map { omission in
            LeftOut(
                path: EscapedBytes(omission.path),
                what: "\(omission.call): \(omission.reason)",
                isDamage: omission.isDamage
            )
        }
        self.init(
            files: UInt64(copied.files),
            directories: UInt64(copied.directories),
            others: UInt64(copied.symlinks + copied.specials),
            bytes: copied.bytes,
            left: left,
            leftCount: UInt64(copied.omissionsCount)
        )
    }
}

extension RouteTable {
    /// Turns a copy's progress into a report's.
    ///
    /// - Parameters:
    ///   - report: Where it goes.
    ///   - phase: What is going on.
    ///   - whole: What it comes to, where all of something is copied of which that is known.
    /// - Returns: What a copy tells its progress.
    static func transfer(
        _ report: @escaping Report,
        _ phase: String,
        of whole: TransferSize? = nil
    ) -> ProgressHandler {
        {
            report(
                Progress(
                    phase: phase,
                    done: UInt64($0.entries),
                    total: whole?.entries,
                    bytes: $0.bytes,
                    bytesTotal: whole?.bytes
                )
            )
        }
    }
}

/// What a whole tree comes to, about.
struct TransferSize: Sendable, Hashable {
    let entries: UInt64
    let bytes: UInt64
}

extension TransferSize {
    /// Of a recovery point, as it was counted when it was made.
    init?(_ point: RecoveryPoint) {
        guard let inodes = point.statistics["inodes"], let bytes = point.statistics["bytesTotal"]
        else { return nil }
        self.init(entries: inodes, bytes: bytes)
    }

    /// Of a file system as it is now: about what its past had, too.
    static func live(_ fileSystem: FileSystem) async throws -> TransferSize {
        let size = try await fileSystem.statistics()
        return TransferSize(entries: size.inodes, bytes: size.liveBytes)
    }
}
