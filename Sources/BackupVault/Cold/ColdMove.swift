import Disk
package import Keyring
import Synchronization
package import VarveModel

/// Moves recovery points of a vault to cold storage, one after the other; nobody else does meanwhile.
package final class ColdMover: Sendable {
    package let vault: Vault
    package let settings: ColdSettings
    private let lock: any Exclusion
    private let isEnded = Mutex(false)

    fileprivate init(_ vault: Vault, _ settings: ColdSettings, _ lock: any Exclusion) {
        self.vault = vault
        self.settings = settings
        self.lock = lock
    }

    /// Whose identities open what is written: the vault's own first, where it is among them.
    package var recipients: [AgeRecipient] {
        (settings.usesVaultKey ? [vault.coldIdentity.recipient] : []) + settings.recipients
    }

    /// Begins to move a point.
    ///
    /// - Throws: `.notFound` when it is not there; `.exists` when it is in cold storage already; `.failed` when the directory for
    ///   archives is not there; `.corrupt`, `.noSpace`, `.denied`.
    package func begin(_ id: RecoveryPointID) throws(VaultError) -> ColdMove {
        let directory = settings.directories.first ?? ""
        let folder = vault.coldFiles.folder(directory)
        guard try vault.coldFiles.isThere(folder) else {
            throw VaultError(
                .failed,
                "the directory '\(folder)' for cold archives is not there: \(id) stays warm",
                remedy:
                    "Mount the disk that has it, or name another ('varve vault cold NAME --cold-directory DIR')."
            )
        }
        // Packs that a prune condemns from now on stay until the archive is written.
        let reading = vault.beginReading()
        let point = try vault.recoveryPoint(id)
        guard !point.isCold else {
            throw VaultError(.exists, "recovery point \(id) is in cold storage already")
        }
        try vault.requireSureArchive(of: id, in: directory, for: recipients.map(\.description))
        try requireNothingGoing(id)
        return try ColdMove(point, self, directory: directory, folder: folder, reading)
    }

    /// Refuses to write over what says that an archive is to be removed while nobody can look for that archive.
    private func requireNothingGoing(_ id: RecoveryPointID) throws(VaultError) {
        guard case .going(let old) = try vault.coldFiles.entry(id) else { return }
        let folder = vault.coldFiles.folder(old)
        guard !vault.coldFiles.answers(folder) else { return }
        throw VaultError(
            .locked,
            "an archive of recovery point \(id) from an earlier move may be in '\(folder)', which is not there: it stays warm",
            remedy: "Mount the disk that has it."
        )
    }

    /// Lets others move; also when the last reference goes.
    package func end() {
        let isFirst = isEnded.withLock { isEnded in
            defer { isEnded = true }
            return !isEnded
        }
        if isFirst { lock.release() }
    }

    deinit {
        end()
    }
}

extension Vault {
    private static let coldLock = "cold.lock"

    /// Begins to move points to cold storage; what a crash left of earlier moves is settled first.
    ///
    /// - Throws: `.locked` when somebody else moves points; `.newerFormat` where this program may not change the vault; `.corrupt` when
    ///   nobody can say who may read archives; `.noSpace`, `.denied`, `.failed`.
    package func beginColdMoves() throws(VaultError) -> ColdMover {
        try requireWritable()
        _ = try coldFiles.disk()
        try files.requireFolders(VaultFiles.Folder.needed + [.cold])
        let lock = try lockCold()
        do throws(VaultError) {
            _ = try settleColdLeftovers()
            return ColdMover(self, try requireColdSettings(), lock)
        } catch {
            lock.release()
            throw error
        }
    }

    /// Settles what a crash left of moves and deletions, unless somebody moves points just now.
    ///
    /// - Returns: How many files were removed.
    func settleColdUnlessMoving() throws(VaultError) -> Int {
        guard try !files.list(.cold).isEmpty else { return 0 }
        do throws(VaultError) {
            let lock = try lockCold()
            defer { lock.release() }
            return try settleColdLeftovers()
        } catch {
            // The next one settles them: while they stand, points are warm or cold all the same.
            guard error.code == .locked || error.code == .noSpace else { throw error }
            return 0
        }
    }

    private func lockCold() throws(VaultError) -> any Exclusion {
        if let lock = try files.storage.exclude("leases/" + Vault.coldLock) { return lock }
        throw VaultError(
            .locked,
            "recovery points of '\(files.place)' are being moved to cold storage already",
            remedy: "Wait for that to end."
        )
    }
}

/// One recovery point on its way: its archive is written under a temporary name, and counts for nothing until ``finish(entries:fileKey:now:)``.
///
/// At any crash the point is warm or cold, and what else there is of it is removed by the next move or prune.
package final class ColdMove: Sendable {
    package let point: RecoveryPoint

    private let vault: Vault
    private let directory: String
    private let folder: String
    private let recipients: [String]
    private let file: any DiskFile
    private let reading: VaultReading?
    private let written: Mutex<Written>

    private struct Written {
        var bytes: UInt64 = 0
        var digest = SHA256Stream()
        /// Of all of it, once it is sealed.
        var sealed: [UInt8] = []
        var isEnded = false
    }

    static let temporaryEnding = ".new"

    fileprivate init(
        _ point: RecoveryPoint,
        _ mover: ColdMover,
        directory: String,
        folder: String,
        _ reading: VaultReading?
    ) throws(VaultError) {
        self.point = point
        self.reading = reading
        self.directory = directory
        self.folder = folder
        vault = mover.vault
        recipients = mover.recipients.map(\.description)
        let disk = try mover.vault.coldFiles.disk()
        let path = folder + "/" + ColdRecord.archiveName(point.id) + ColdMove.temporaryEnding
        file = try onDisk { () throws(DiskError) in
            // An earlier move in this batch may have failed to take it away.
            if try disk.status(of: path) != nil { try disk.remove(path) }
            return try disk.open(path, .createNew)
        }
        written = Mutex(Written())
    }

    private var path: String { folder + "/" + ColdRecord.archiveName(point.id) }
    private var temporaryPath: String { path + ColdMove.temporaryEnding }

    /// Adds bytes to the archive.
    ///
    /// - Throws: `.noSpace`, `.failed`.
    package func append(_ bytes: [UInt8]) throws(VaultError) {
        let file = file
        try written.withLock { written throws(VaultError) in
            let at = written.bytes
            try onDisk { () throws(DiskError) in try file.write(bytes, at: at) }
            // The sync at the end then has little left to wait for.
            file.beginWriting(at..<at + UInt64(bytes.count))
            written.digest.add(bytes)
            written.bytes += UInt64(bytes.count)
        }
    }

    /// Makes what was written durable, reads it again from storage, and answers it.
    ///
    /// The page cache is told to forget it before; a network file system may have another one.
    ///
    /// - Throws: `.corrupt` when storage gives back other bytes; `.noSpace`, `.failed`.
    package func seal() throws(VaultError) -> ColdFile {
        let file = file
        try onDisk { () throws(DiskError) in try file.sync() }
        file.dropResident()
        let sealed = try ColdFile(temporaryPath, on: try vault.coldFiles.disk())
        let (bytes, digest) = written.withLock { written in
            written.sealed = written.digest.finish()
            return (written.bytes, written.sealed)
        }
        guard sealed.byteCount == bytes, try sealed.digest() == digest else {
            throw VaultError(
                .corrupt,
                "'\(temporaryPath)' does not read as it was written: \(point.id) stays warm",
                remedy: "Check the storage of cold archives."
            )
        }
        return sealed
    }

    /// Puts the archive in the place of the warm point, durably; it was verified by the caller.
    ///
    /// The order is: a record that says that the archive is to go, the archive's name, the record, then the manifest goes. Until
    /// the manifest's removal is durable the point is warm.
    ///
    /// - Parameters:
    ///   - entries: Names in the archive.
    ///   - fileKey: Under which it was written.
    ///   - now: What the clock shows.
    /// - Returns: The point as it is now.
    /// - Throws: `.notFound` when it was deleted meanwhile; `.held` when it, or the vault, was locked meanwhile and the archive is
    ///   not one that the vault is sure of; `.noSpace`, `.denied`, `.failed`: the move is then to be abandoned.
    package func finish(
        entries: UInt64,
        fileKey: AgeFileKey,
        now: Timestamp
    ) throws(VaultError) -> RecoveryPoint {
        let (bytes, digest) = written.withLock { ($0.bytes, $0.sealed) }
        guard !digest.isEmpty else {
            throw VaultError(.invalid, "the archive of \(point.id) was not read again")
        }
        let record = ColdRecord(
            directory: directory,
            archiveBytes: bytes,
            digest: digest,
            fileKeyDigest: fileKey.digest,
            entries: entries,
            moved: now,
            recipients: recipients
        )
        var draft = point.draft
        draft.maps = [:]
        let entry = ColdEntry.cold(record, draft)
        try vault.exclusively { () throws(VaultError) in try replaceManifest(with: entry) }
        written.withLock { $0.isEnded = true }
        file.close()
        reading?.end()
        return RecoveryPoint(id: point.id, draft: draft, cold: record)
    }

    private func replaceManifest(with entry: ColdEntry) throws(VaultError) {
        guard try vault.files.exists(.manifests, Manifest.fileName(point.id)) else {
            throw VaultError(.notFound, "recovery point \(point.id) was deleted while it was moved")
        }
        try vault.requireSureArchive(of: point.id, in: directory, for: recipients)
        let disk = try vault.coldFiles.disk()
        // A crash from here on leaves an archive that a record names: no other is ever removed.
        try vault.parityFiles.remove([.cold(point.id)])
        try vault.coldFiles.write(.going(directory: directory), of: point.id)
        let (from, to, folder) = (temporaryPath, path, folder)
        try onDisk { () throws(DiskError) in
            try disk.rename(from, to: to)
            try disk.syncDirectory(folder)
        }
        try vault.coldFiles.write(entry, of: point.id)
        if let policy = vault.parityForWriting {
            // The record stands, whatever comes of its parity: the next prune makes it.
            _ = try? vault.parityFiles.write(.cold(point.id), policy)
        }
        try vault.removeManifest(point.id)
    }

    /// Gives up: the point stays warm, and what was written goes.
    package func abandon() {
        let isFirst = written.withLock { written in
            defer { written.isEnded = true }
            return !written.isEnded
        }
        guard isFirst else { return }
        file.close()
        // What stays is removed by the next move or prune.
        try? vault.coldFiles.disk().remove(temporaryPath)
        reading?.end()
    }

    deinit {
        abandon()
    }
}
