package import Disk
import Keyring
import VarveModel

/// The files of a vault's cold storage: records and settings in its folder `cold`, and archives there or beneath directories of the
/// operator's.
///
/// Beneath such a directory the archives have a folder of the vault's own, named by its id: it is made when the directory is
/// named, and never again, so that nothing is written where a disk is not mounted.
struct ColdFiles: Sendable {
    let files: VaultFiles
    let keys: VaultKeys

    // MARK: Records

    /// The points of which there is a record, whatever it says.
    func ids() throws(VaultError) -> [RecoveryPointID] {
        try files.list(.cold, ending: ColdEntry.ending).compactMap { RecoveryPointID($0) }
    }

    func exists(_ point: RecoveryPointID) throws(VaultError) -> Bool {
        try files.exists(.cold, ColdEntry.fileName(point))
    }

    /// What the record of a point says; `nil` without one.
    ///
    /// - Throws: `.corrupt`, `.newerFormat`, `.failed`.
    func entry(_ point: RecoveryPointID) throws(VaultError) -> ColdEntry? {
        let name = ColdEntry.fileName(point)
        let bytes: [UInt8]
        do throws(VaultError) {
            bytes = try files.contents(.cold, name)
        } catch {
            guard error.code == .notFound else { throw error }
            return nil
        }
        let label = "cold/" + name
        let opened = try SealedObject.open(
            bytes,
            as: .cold,
            object: point.unique,
            name: label,
            keys: keys
        )
        guard let entry = ColdEntry(opened.body) else {
            throw VaultError.damaged(label, "holds what nobody wrote")
        }
        return entry
    }

    /// A point that a record says is in cold storage; `nil` without such a record.
    func point(_ id: RecoveryPointID) throws(VaultError) -> RecoveryPoint? {
        guard case .cold(let record, let draft) = try entry(id) else { return nil }
        return RecoveryPoint(id: id, draft: draft, cold: record)
    }

    /// Writes a record durably; only while nobody else can.
    func write(_ entry: ColdEntry, of point: RecoveryPointID) throws(VaultError) {
        let bytes = SealedObject.seal(
            entry.encoded(),
            as: .cold,
            object: point.unique,
            keys: keys
        )
        try files.replace(.cold, ColdEntry.fileName(point), with: bytes)
    }

    /// Removes a record durably; its parity goes before (``Vault/removeColdRecord(_:)``).
    func removeRecord(_ point: RecoveryPointID) throws(VaultError) {
        guard try exists(point) else { return }
        try files.remove(.cold, ColdEntry.fileName(point))
        try files.sync(.cold)
    }

    // MARK: Settings

    /// What is in force; `nil` where cold storage was never used.
    ///
    /// - Throws: `.corrupt`, `.newerFormat`, `.failed`.
    func settings() throws(VaultError) -> ColdSettings? {
        let bytes: [UInt8]
        do throws(VaultError) {
            bytes = try files.contents(.cold, ColdSettings.fileName)
        } catch {
            guard error.code == .notFound else { throw error }
            return nil
        }
        let label = "cold/" + ColdSettings.fileName
        let opened = try SealedObject.open(
            bytes,
            as: .coldSettings,
            object: keys.vault,
            name: label,
            keys: keys
        )
        guard let settings = ColdSettings(opened.body) else {
            throw VaultError.damaged(label, "holds what nobody wrote")
        }
        return settings
    }

    func write(_ settings: ColdSettings) throws(VaultError) {
        let bytes = SealedObject.seal(
            settings.encoded(),
            as: .coldSettings,
            object: keys.vault,
            keys: keys
        )
        try files.replace(.cold, ColdSettings.fileName, with: bytes)
    }

    // MARK: Archives

    /// The disk that archives lie on.
    ///
    /// - Throws: `.invalid` for a vault that lies on none.
    func disk() throws(VaultError) -> any Disk {
        if let disk = files.storage.diskBeneath { return disk }
        throw VaultError(
            .invalid,
            "'\(files.place)' has no cold storage: archives go to a vault in a directory alone",
            remedy:
                "Copy the recovery points to such a vault, or write archives by 'varve archive export'."
        )
    }

    /// The folder of archives beneath a directory; empty stands for the vault's own.
    func folder(_ directory: String) -> String {
        directory.isEmpty
            ? files.place + "/" + VaultFiles.Folder.cold.rawValue
            : directory + "/" + Hex.encode(keys.vault.bytes)
    }

    /// Whether a folder is there: that of a disk that is not mounted is not, nor any of a vault that lies on none.
    func isThere(_ folder: String) throws(VaultError) -> Bool {
        guard let disk = files.storage.diskBeneath else { return false }
        return try onDisk { () throws(DiskError) in try disk.status(of: folder) }?.kind
            == .directory
    }

    /// Whether a folder answers: one on a disk that is away, or that fails, does not, and then decides nothing.
    func answers(_ folder: String) -> Bool {
        // Harmless: "no" removes nothing and gives nothing up, and keeps the record of an archive that may be there. Why it
        // does not answer is told where its archives are opened or checked.
        (try? isThere(folder)) ?? false
    }

    /// Whether every folder where an archive may lie is known, and answers.
    func canLookEverywhere(_ first: [String]) throws(VaultError) -> Bool {
        do throws(VaultError) {
            _ = try settings()
        } catch {
            guard [.corrupt, .newerFormat, .failed].contains(error.code) else { throw error }
            return false
        }
        // The vault's own folder comes with the first record.
        return try directories(first).allSatisfy { $0.isEmpty || answers(folder($0)) }
    }

    /// Directories where archives may lie, each once, beginning with the given ones.
    func directories(_ first: [String]) throws(VaultError) -> [String] {
        var found: [String] = []
        // Harmless: where settings do not read, which verify names, the given directories and the vault's own are looked into,
        // and ``canLookEverywhere(_:)`` says that there may be others, so that nothing counts as gone.
        let known = ((try? settings()) ?? nil)?.directories ?? []
        for directory in first + known + [""] where !found.contains(directory) {
            found.append(directory)
        }
        return found
    }

    /// Where the archive of a point lies, wherever its operator has put it since: one of another length counts where
    /// there is no other.
    ///
    /// - Throws: `.notFound` with the reason; `.failed`, `.denied` when no directory has it and one did not answer.
    func place(of point: RecoveryPointID, _ record: ColdRecord) throws(VaultError) -> String {
        let (name, disk) = (ColdRecord.archiveName(point), try disk())
        var misfit: String?
        var silent: VaultError?
        for directory in try directories([record.directory]) {
            let path = folder(directory) + "/" + name
            do throws(DiskError) {
                guard let status = try disk.status(of: path), status.kind == .file else { continue }
                if status.size == record.archiveBytes { return path }
                misfit = misfit ?? path
            } catch {
                // It hides no archive in another directory; where none has it, it may have it.
                silent = silent ?? VaultError(error)
            }
        }
        if let misfit { return misfit }
        if let silent { throw silent }
        let own = folder(record.directory)
        guard try isThere(own) else {
            throw VaultError(
                .notFound,
                "the directory '\(own)' of recovery point \(point) in cold storage is not there",
                remedy: "Mount it, or name the directory where it is now "
                    + "('varve vault cold NAME --cold-directory DIR')."
            )
        }
        throw VaultError(
            .notFound,
            "the archive '\(own)/\(name)' of recovery point \(point) in cold storage is missing",
            remedy: "Put it back from a copy: nothing else has what it held."
        )
    }

    /// Opens the archive of a point.
    ///
    /// - Throws: `.corrupt` when it is not there, or has another length than it was written with; `.denied`, `.failed`.
    func open(_ point: RecoveryPointID, _ record: ColdRecord) throws(VaultError) -> ColdFile {
        let path: String
        do throws(VaultError) {
            path = try place(of: point, record)
        } catch {
            guard error.code == .notFound else { throw error }
            throw VaultError(.corrupt, error.message, remedy: error.remedy)
        }
        let file = try ColdFile(path, on: try disk())
        guard file.byteCount == record.archiveBytes else {
            throw VaultError(
                .corrupt,
                "the archive '\(path)' has \(file.byteCount) bytes; \(record.archiveBytes) were written",
                remedy: "Put it back from a copy: nothing else has what it held."
            )
        }
        return file
    }

    /// Refuses an archive that is not there, or not what was written.
    ///
    /// - Parameters:
    ///   - point: Whose it is.
    ///   - record: What it must be.
    ///   - readsAll: All its bytes, or only their number.
    /// - Throws: `.corrupt`; `.denied`, `.failed` when it does not open.
    func check(
        _ point: RecoveryPointID,
        _ record: ColdRecord,
        readsAll: Bool
    ) throws(VaultError) {
        let file = try open(point, record)
        guard readsAll else { return }
        guard try file.digest() == record.digest else {
            throw VaultError(
                .corrupt,
                "the archive '\(file.name)' does not have the SHA-256 that it was written with",
                remedy:
                    "Put it back from a copy: nothing else has what it held. What is whole of it still restores."
            )
        }
    }

    /// Removes the archive of a point wherever it lies, durably.
    ///
    /// - Parameters:
    ///   - point: Whose it is.
    ///   - directory: Where its record says that it is.
    /// - Returns: Whether it is gone for certain: it was removed, or every folder that may have it was there to be looked into.
    /// - Throws: As ``settings()``, but for those that do not read.
    func removeArchive(
        _ point: RecoveryPointID,
        beneath directory: String
    ) throws(VaultError) -> Bool {
        let name = ColdRecord.archiveName(point)
        var isRemoved = false
        for known in try directories([directory]) where answers(folder(known)) {
            do throws(VaultError) {
                if try removeArchive(named: name, in: folder(known)) { isRemoved = true }
            } catch {
                // It may be there still: whoever comes next tries again.
                guard error.code == .failed || error.code == .denied else { throw error }
                return false
            }
        }
        if isRemoved { return true }
        return try canLookEverywhere([directory])
    }

    /// Removes a file of a folder of archives durably, where it is.
    ///
    /// - Returns: Whether it was there.
    @discardableResult
    func removeArchive(named name: String, in folder: String) throws(VaultError) -> Bool {
        let (path, disk) = (folder + "/" + name, try disk())
        return try onDisk { () throws(DiskError) in
            guard try disk.status(of: path) != nil else { return false }
            try disk.remove(path)
            try disk.syncDirectory(folder)
            return true
        }
    }

    /// The names in a folder of archives; none when it does not answer.
    func list(_ folder: String) -> [String] {
        guard let disk = files.storage.diskBeneath, answers(folder) else { return [] }
        // Harmless: names only say what more there is to remove or to name. Without them it stays, and the next look finds it.
        return (try? disk.list(folder)) ?? []
    }
}

/// The bytes of an archive in cold storage; it stays readable though its name goes.
package struct ColdFile: Sendable {
    /// Its path.
    package let name: String
    package let byteCount: UInt64
    private let file: any DiskFile

    /// 1 MiB: what one read moves when all is read.
    private static let pieceBytes: UInt64 = 1 << 20

    init(_ path: String, on disk: any Disk) throws(VaultError) {
        (file, byteCount) = try onDisk { () throws(DiskError) -> (any DiskFile, UInt64) in
            let file = try disk.open(path, .read)
            return (file, try file.size())
        }
        name = path
    }

    /// Up to as many bytes; fewer only at its end.
    package func read(_ range: Range<UInt64>) throws(DiskError) -> [UInt8] {
        try file.read(count: range.count, at: range.lowerBound)
    }

    /// SHA-256 of all of it.
    func digest() throws(VaultError) -> [UInt8] {
        let stream = SHA256Stream()
        var at: UInt64 = 0
        while at < byteCount {
            let range = at..<min(byteCount, at + ColdFile.pieceBytes)
            let bytes = try onDisk { () throws(DiskError) in try read(range) }
            guard !bytes.isEmpty else { break }
            stream.add(bytes)
            at += UInt64(bytes.count)
        }
        return stream.finish()
    }
}
