package import BackupVault
package import FileSystemEngine
package import VarveModel

/// Turns an instant of a file system into a recovery point of a vault.
///
/// The instant is taken, held, copied and released. A bookmark in the file system remembers which
/// instant the vault has; the next backup then reads only what changed since.
package struct BackupService: Sendable {
    private let clock: any VarveClock

    package init(clock: any VarveClock) {
        self.clock = clock
    }

    /// The file system's bookmark for a vault.
    package static func bookmarkName(of vault: Vault) -> String {
        "backup-" + Hex.encode(vault.id.bytes)
    }

    /// Makes one recovery point.
    ///
    /// When it throws, the vault has no new point, and the next backup starts from the same bookmark.
    ///
    /// - Parameters:
    ///   - fileSystem: What is backed up, as of now.
    ///   - source: The name under which the vault keeps its points; the file system's id.
    ///   - vault: Where to.
    ///   - expires: When the point may go; `nil` leaves that to a retention rule.
    ///   - coldAfterDays: When it is due for cold storage by itself; `nil` leaves that to a retention rule.
    ///   - labels: For people and jobs.
    ///   - progress: Told every 256 inodes or 16 MiB, and when all has been read; it begins anew where an increment
    ///     turns into a full backup.
    /// - Returns: The point, and what it cost.
    /// - Throws: `.noSpace`, `.corrupt`, `.cancelled`, `.invalid` when the vault's lock does not admit the expiry, and what
    ///   file system and vault refuse.
    package func backUp(
        _ fileSystem: FileSystem,
        source: String,
        to vault: Vault,
        expires: Timestamp? = nil,
        coldAfterDays: Int? = nil,
        labels: [String: String] = [:],
        progress: (@Sendable (BackupProgress) -> Void)? = nil
    ) async throws(BackupError) -> BackupResult {
        let created = clock.now()
        do throws(VaultError) {
            try vault.requireRetention(from: created, to: expires)
        } catch {
            throw BackupError(error)
        }
        let hold: Hold
        do throws(FileSystemError) {
            hold = try await fileSystem.hold()
        } catch {
            throw BackupError(error)
        }
        let request = BackupRequest(
            source: source,
            instant: hold.epoch,
            created: clock.now(),
            expires: expires,
            coldAfterDays: coldAfterDays,
            labels: labels,
            progress: progress ?? { _ in }
        )
        do throws(BackupError) {
            // Reading, chunking and sealing block, so all of this runs on threads of its own.
            let result = try await withTaskExecutorPreference(HostThreads.shared) {
                () async throws(BackupError) -> BackupResult in
                try await BackupRun.run(request, of: fileSystem, to: vault)
            }
            try await release(hold, of: fileSystem)
            return result
        } catch {
            // The first error tells more; a hold ends with the process at the latest.
            try? await release(hold, of: fileSystem)
            throw error
        }
    }

    private func release(_ hold: Hold, of fileSystem: FileSystem) async throws(BackupError) {
        do throws(FileSystemError) {
            try await fileSystem.release(hold)
        } catch {
            throw BackupError(error)
        }
    }
}

/// What a backup is asked to do.
struct BackupRequest: Sendable {
    let source: String
    let instant: Epoch
    let created: Timestamp
    let expires: Timestamp?
    let coldAfterDays: Int?
    let labels: [String: String]
    let progress: @Sendable (BackupProgress) -> Void
}

/// How far a backup is.
package struct BackupProgress: Sendable, Hashable {
    /// Inodes looked at.
    package let inodes: UInt64
    /// Bytes read from the file system.
    package let bytesRead: UInt64
    /// Of an increment the inodes that changed, of a full backup about those of the file system.
    package let inodesTotal: UInt64?
    /// About the bytes that a full backup reads; of an increment nobody knows them before they are read.
    package let bytesTotal: UInt64?

    init(
        inodes: UInt64,
        bytesRead: UInt64,
        inodesTotal: UInt64? = nil,
        bytesTotal: UInt64? = nil
    ) {
        self.inodes = inodes
        self.bytesRead = bytesRead
        self.inodesTotal = inodesTotal
        self.bytesTotal = bytesTotal
    }
}

/// A recovery point that was made.
package struct BackupResult: Sendable {
    package let point: RecoveryPoint
    /// Why everything was read; `nil` when only the changes were.
    package let fullBecause: String?
    package let statistics: BackupStatistics

    package var isFull: Bool { fullBecause != nil }
}

/// What a backup cost and what it holds; kept in the recovery point under the same names.
package struct BackupStatistics: Sendable, Hashable, Codable {
    /// Keys of the journal that were looked at; 0 in a full backup.
    package var changeKeys: UInt64 = 0
    package var nameEdits: UInt64 = 0
    package var inodeEdits: UInt64 = 0
    package var contentEdits: UInt64 = 0
    /// Bytes of files that were read from the file system.
    package var bytesRead: UInt64 = 0
    /// Bytes that the vault did not have.
    package var bytesNew: UInt64 = 0
    /// Bytes that the vault's packs grew by for them, compressed and sealed.
    package var bytesStored: UInt64 = 0
    package var chunksStored: UInt64 = 0
    package var chunksDeduplicated: UInt64 = 0
    package var nodesRead: UInt64 = 0
    package var nodesWritten: UInt64 = 0
    /// Inodes of the file system at about the instant.
    package var inodes: UInt64 = 0
    /// Bytes of their data.
    package var bytesTotal: UInt64 = 0
    package var isFull: UInt64 = 0
    /// Bytes of content and of extended attributes that were held in memory at once, at most; not kept in the recovery point.
    package var bytesHeldMax: UInt64 = 0

    package init() {}

    /// By name, as a recovery point keeps them.
    var named: [String: UInt64] {
        [
            "changeKeys": changeKeys, "nameEdits": nameEdits, "inodeEdits": inodeEdits,
            "contentEdits": contentEdits, "bytesRead": bytesRead, "bytesNew": bytesNew,
            "bytesStored": bytesStored, "chunksStored": chunksStored,
            "chunksDeduplicated": chunksDeduplicated, "nodesRead": nodesRead,
            "nodesWritten": nodesWritten, "inodes": inodes, "bytesTotal": bytesTotal,
            "isFull": isFull,
        ]
    }
}
