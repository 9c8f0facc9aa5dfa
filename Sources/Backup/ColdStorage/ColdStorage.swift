package import BackupVault
import Keyring
import Synchronization
package import VarveModel

/// Moves recovery points to cold storage (AWS Backup's Lifecycle.MoveToColdStorageAfterDays).
///
/// A point's tree is written as one archive that stands alone, read again to its last byte, and only then its warm form is given up.
package enum ColdStorage {
    /// What became of points that were to be moved.
    package struct Outcome: Sendable {
        /// As they are now.
        package fileprivate(set) var moved: [RecoveryPoint] = []
        /// Those that stay warm, and why; the next time they are tried again.
        package fileprivate(set) var stayed: [(point: RecoveryPointID, error: BackupError)] = []

        package init() {}

        /// Adds what became of others.
        package mutating func add(_ other: Outcome) {
            moved += other.moved
            stayed += other.stayed
        }

        /// Those that stay warm for another reason than that somebody else was moving points just then.
        package var refused: [(point: RecoveryPointID, error: BackupError)] {
            stayed.filter { $0.error.code != .busy }
        }

        /// Bytes of the archives that were written.
        package var archiveBytes: UInt64 {
            moved.reduce(0) { $0 + ($1.cold?.archiveBytes ?? 0) }
        }
    }

    /// Moves points, one after the other; a prune then frees their chunks.
    ///
    /// - Parameters:
    ///   - points: Warm ones; one that is gone meanwhile is passed by.
    ///   - vault: Theirs.
    ///   - clock: Tells when they moved.
    ///   - progress: Told now and then.
    /// - Returns: What moved, and what stays warm: all of them when somebody else moves points; a full or failing disk ends it early.
    /// - Throws: `.corrupt` when nobody can say who may read archives; `.cancelled`.
    package static func move(
        _ points: [RecoveryPoint],
        of vault: Vault,
        clock: any VarveClock,
        progress: ProgressHandler? = nil
    ) async throws(BackupError) -> Outcome {
        var outcome = Outcome()
        try await move(points, of: vault, clock: clock, progress: progress, into: &outcome)
        return outcome
    }

    /// As ``move(_:of:clock:progress:)``; when it throws, the outcome has what moved before.
    static func move(
        _ points: [RecoveryPoint],
        of vault: Vault,
        clock: any VarveClock,
        progress: ProgressHandler? = nil,
        into outcome: inout Outcome
    ) async throws(BackupError) {
        guard !points.isEmpty else { return }
        let mover: ColdMover
        do throws(VaultError) {
            mover = try vault.beginColdMoves()
        } catch {
            guard error.code == .locked else { throw BackupError(error) }
            outcome.stayed += points.map { ($0.id, BackupError(error)) }
            return
        }
        defer { mover.end() }
        for point in points {
            if Task.isCancelled { throw BackupError(.cancelled, "the move was ended") }
            switch await attempt(point, mover, clock, progress) {
            case .success(let moved): outcome.moved.append(moved)
            case .failure(let error):
                if error.code == .cancelled { throw error }
                if error.code == .notFound || error.code == .exists { continue }
                outcome.stayed.append((point.id, error))
                if [.noSpace, .denied, .failed].contains(error.code) { return }
            }
        }
    }

    @inline(never)
    private static func attempt(
        _ point: RecoveryPoint,
        _ mover: ColdMover,
        _ clock: any VarveClock,
        _ progress: ProgressHandler?
    ) async -> Result<RecoveryPoint, BackupError> {
        do throws(BackupError) {
            let move = try inVault { () throws(VaultError) in try mover.begin(point.id) }
            do throws(BackupError) {
                return .success(try await write(move, mover, clock, progress))
            } catch {
                move.abandon()
                throw error
            }
        } catch {
            return .failure(error)
        }
    }

    private static func write(
        _ move: ColdMove,
        _ mover: ColdMover,
        _ clock: any VarveClock,
        _ progress: ProgressHandler?
    ) async throws(BackupError) -> RecoveryPoint {
        let fileKey = AgeFileKey.random()
        let header = try keyed(move.point) { () throws(KeyringError) in
            try AgeHeader(fileKey, to: mover.recipients)
        }
        let cover = ColdArchiveCover(
            header: header,
            fileKey: fileKey,
            level: level,
            info: ColdArchiveInfo(
                created: clock.now(),
                instant: move.point.instantTime,
                labels: labels(of: move.point)
            )
        )
        let report = try await archive(move, mover.vault, cover, progress)
        try requireWhole(report, of: move.point)
        let now = clock.now()
        return try await withTaskExecutorPreference(HostThreads.shared) {
            () async throws(BackupError) -> RecoveryPoint in
            let file = try inVault { () throws(VaultError) in try move.seal() }
            let entries = try verify(file, header, fileKey, report)
            return try inVault { () throws(VaultError) in
                try move.finish(entries: entries, fileKey: fileKey, now: now)
            }
        }
    }

    /// zstd's: archives stay for years, and are written once.
    private static let level: Int32 = 9

    private static func labels(of point: RecoveryPoint) -> [String: String] {
        var labels = [
            "source": point.source, "path": "/", "recoveryPoint": point.id.description,
        ]
        labels["name"] = point.labels["name"]
        return labels
    }

    /// Writes the archive; what the vault refuses is told as what it is.
    private static func archive(
        _ move: ColdMove,
        _ vault: Vault,
        _ cover: ColdArchiveCover,
        _ progress: ProgressHandler?
    ) async throws(BackupError) -> TransferReport {
        let refusal = Mutex<VaultError?>(nil)
        let output: @Sendable ([UInt8]) async throws -> Void = { bytes in
            do throws(VaultError) {
                try move.append(bytes)
            } catch {
                refusal.withLock { $0 = $0 ?? error }
                throw error
            }
        }
        do throws(BackupError) {
            return try await ColdArchive.write(
                .recoveryPoint(vault, move.point, path: []),
                cover,
                progress: progress,
                to: output
            )
        } catch {
            if let refused = refusal.withLock({ $0 }) { throw BackupError(refused) }
            throw error
        }
    }

    /// A point that an archive cannot hold whole, or that is damaged, stays as it is.
    private static func requireWhole(
        _ report: TransferReport,
        of point: RecoveryPoint
    ) throws(BackupError) {
        guard let first = report.omissions.first, !report.isComplete else { return }
        let path = String(decoding: first.path, as: UTF8.self)
        throw BackupError(
            report.damageCount > 0 ? .corrupt : .unsupported,
            "recovery point \(point.id) stays warm: \(report.omissionsCount) parts do not go into an archive, "
                + "the first at '/\(path)': \(first.reason)",
            remedy: report.damageCount > 0
                ? "Run 'varve vault verify --read-data --repair'." : "It is kept as it is."
        )
    }

    /// Reads the archive again as it lies on the disk: index, seek table, and every frame.
    ///
    /// Each of its chunks is authenticated under its key, so that a byte that reads otherwise than it was written is found.
    ///
    /// - Returns: How many names it has.
    private static func verify(
        _ file: ColdFile,
        _ header: AgeHeader,
        _ fileKey: AgeFileKey,
        _ report: TransferReport
    ) throws(BackupError) -> UInt64 {
        let reader = try ColdArchiveReader(
            VaultArchiveBytes(file),
            unlocking: { found throws(KeyringError) in
                guard found == header else {
                    throw KeyringError(.notAuthentic, "its header is not what was written")
                }
                return try found.verified(fileKey)
            }
        )
        try reader.readEverything()
        let written = [
            report.files, report.directories, report.symlinks, report.specials, report.hardLinks,
        ]
        let names = UInt64(written.reduce(0, +))
        guard reader.info.entries == names, reader.info.dataBytes == report.bytes else {
            throw .damaged(
                file.name,
                "it has \(reader.info.entries) names; \(names) were to be written"
            )
        }
        return names
    }

    private static func inVault<Value>(
        _ body: () throws(VaultError) -> Value
    ) throws(BackupError) -> Value {
        do throws(VaultError) {
            return try body()
        } catch {
            throw BackupError(error)
        }
    }

    private static func keyed<Value>(
        _ point: RecoveryPoint,
        _ body: () throws(KeyringError) -> Value
    ) throws(BackupError) -> Value {
        do throws(KeyringError) {
            return try body()
        } catch {
            throw BackupError(error, archive: ColdRecord.archiveName(point.id))
        }
    }
}

extension ColdArchiveReader {
    /// Reads all of the archive, and keeps nothing.
    ///
    /// - Throws: `.corrupt` for whatever does not verify.
    func readEverything() throws(BackupError) {
        for number in 0..<pageCount { _ = try page(number) }
        var at: UInt64 = 0
        while at < info.tarBytes {
            let end = min(info.tarBytes, at + UInt64(ColdArchiveFormat.frameBytes))
            _ = try tar(at..<end)
            at = end
        }
    }
}
