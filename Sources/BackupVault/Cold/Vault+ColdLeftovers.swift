import Disk
import VarveModel

/// Deleting points in cold storage, and what crashes leave of moves and deletions.
extension Vault {
    /// Deletes what a point has in cold storage, durably; within ``exclusively(_:)``.
    ///
    /// The record first says that the archive is to go: from then on the point is gone, and whoever comes next removes the archive,
    /// though its disk be away now.
    ///
    /// - Returns: Whether the point was in cold storage, and is gone; a warm one has only lost what an interrupted move left of it.
    func deleteCold(_ id: RecoveryPointID) throws(VaultError) -> Bool {
        guard try hasColdRecord(id) else { return false }
        let isWarm = try isWarm(id)
        var isGone = false
        var directory = ""
        do throws(VaultError) {
            let entry = try coldFiles.entry(id)
            directory = entry?.directory ?? ""
            if case .going = entry { isGone = true }
        } catch {
            // One that does not read is deleted all the same: its archive is looked for by its name.
            guard error.code == .corrupt || error.code == .failed else { throw error }
        }
        if !isGone { try write(.going(directory: directory), of: id) }
        try dropGoing(id, beneath: directory)
        return !isWarm && !isGone
    }

    /// Whether there is a record of a point, or only parity says that there was one.
    func hasColdRecord(_ id: RecoveryPointID) throws(VaultError) -> Bool {
        if try coldFiles.exists(id) { return true }
        return try parityFiles.isLost(.cold(id))
    }

    /// Whether a point has its manifest, or only parity says that it had one.
    private func isWarm(_ id: RecoveryPointID) throws(VaultError) -> Bool {
        if try files.exists(.manifests, Manifest.fileName(id)) { return true }
        return try parityFiles.isLost(.manifest(id))
    }

    /// Replaces a record; its parity goes before, so that none is ever that of another one.
    private func write(_ entry: ColdEntry, of id: RecoveryPointID) throws(VaultError) {
        try parityFiles.remove([.cold(id)])
        do throws(VaultError) {
            try coldFiles.write(entry, of: id)
        } catch {
            guard error.code == .noSpace else { throw error }
            // A full disk must let points go: without a record the archive has no owner.
            _ = try coldFiles.removeArchive(id, beneath: entry.directory)
            try coldFiles.removeRecord(id)
        }
    }

    /// Removes the archive of what is gone, and then its record, unless the archive's disk is away.
    ///
    /// - Returns: How many records went.
    @discardableResult
    private func dropGoing(
        _ id: RecoveryPointID,
        beneath directory: String
    ) throws(VaultError) -> Int {
        guard try coldFiles.removeArchive(id, beneath: directory) else { return 0 }
        try coldFiles.removeRecord(id)
        return 1
    }

    /// Removes a point's manifest durably, and its parity before it; within ``exclusively(_:)``.
    func removeManifest(_ id: RecoveryPointID) throws(VaultError) {
        // Durably, and nobody makes it again meanwhile: parity alone would say that the point was lost.
        let parity = try parityFiles.remove([.manifest(id)])
        do throws(VaultError) {
            try manifests.remove(id)
        } catch {
            // Of a lost point only parity was left.
            guard error.code == .notFound, parity > 0 else { throw error }
        }
    }

    // MARK: Leftovers

    /// Brings to an end what a crash interrupted; the caller holds the lock of moves.
    ///
    /// A point that has both its manifest and a whole archive becomes cold, with any
    /// other archive it stays warm; what is gone is removed, and what never came to its name.
    ///
    /// An archive without a record is removed only where its point is warm: elsewhere it is the last there is of it.
    ///
    /// - Returns: How many files were removed.
    func settleColdLeftovers() throws(VaultError) -> Int {
        var removed = 0
        for id in try coldFiles.ids() {
            do throws(VaultError) {
                removed += try settle(id)
            } catch {
                // Verify names a record that does not read; the others are settled all the same.
                guard error.code == .corrupt || error.code == .newerFormat else { throw error }
            }
        }
        for directory in try coldFiles.directories([]) {
            removed += try removeStrays(in: coldFiles.folder(directory))
        }
        return removed + (try removeUnfinishedRecords())
    }

    private func settle(_ id: RecoveryPointID) throws(VaultError) -> Int {
        switch try coldFiles.entry(id) {
        case nil: return 0
        case .going(let directory):
            return try exclusively { () throws(VaultError) in
                try dropGoing(id, beneath: directory)
            }
        case .cold(let record, _):
            guard try files.exists(.manifests, Manifest.fileName(id)) else { return 0 }
            let isWhole = try isArchiveWhole(id, record)
            return try exclusively { () throws(VaultError) in
                guard try files.exists(.manifests, Manifest.fileName(id)) else { return 0 }
                guard isWhole else {
                    try write(.going(directory: record.directory), of: id)
                    return try dropGoing(id, beneath: record.directory)
                }
                try removeManifest(id)
                return 1
            }
        }
    }

    private func isArchiveWhole(
        _ id: RecoveryPointID,
        _ record: ColdRecord
    ) throws(VaultError) -> Bool {
        do throws(VaultError) {
            try coldFiles.check(id, record, readsAll: true)
            return true
        } catch {
            guard error.code == .corrupt || error.code == .failed else { throw error }
            return false
        }
    }

    /// Removes archives that never came to their names, and those without a record whose points are warm.
    private func removeStrays(in folder: String) throws(VaultError) -> Int {
        var removed = 0
        for name in try coldFiles.list(folder) {
            let isUnfinished = name.hasSuffix(ColdRecord.archiveEnding + ColdMove.temporaryEnding)
            if !isUnfinished, try !isStray(name) { continue }
            if try coldFiles.removeArchive(named: name, in: folder) { removed += 1 }
        }
        return removed
    }

    private func isStray(_ name: String) throws(VaultError) -> Bool {
        guard name.hasSuffix(ColdRecord.archiveEnding),
            let id = RecoveryPointID(String(name.dropLast(ColdRecord.archiveEnding.count)))
        else { return false }
        guard try files.exists(.manifests, Manifest.fileName(id)) else { return false }
        return try !coldFiles.exists(id)
    }

    /// Drops records and settings that never came to their names.
    private func removeUnfinishedRecords() throws(VaultError) -> Int {
        func unfinished() throws(VaultError) -> [String] {
            try files.list(.cold).filter {
                $0.hasSuffix(ColdEntry.ending + ".new") || $0 == ColdSettings.fileName + ".new"
            }
        }
        guard try !unfinished().isEmpty else { return 0 }
        return try exclusively { () throws(VaultError) in
            let names = try unfinished()
            for name in names { try files.remove(.cold, name) }
            return names.count
        }
    }

    /// Archives of this vault that nothing vouches for, by path: their records are lost.
    func archivesWithoutRecord() throws(VaultError) -> [(path: String, point: RecoveryPointID)] {
        var found: [(path: String, point: RecoveryPointID)] = []
        for directory in try coldFiles.directories([]) {
            let folder = coldFiles.folder(directory)
            for name in try coldFiles.list(folder) where name.hasSuffix(ColdRecord.archiveEnding) {
                let stem = String(name.dropLast(ColdRecord.archiveEnding.count))
                guard let id = RecoveryPointID(stem), try !hasColdRecord(id), try !isWarm(id)
                else { continue }
                found.append((folder + "/" + name, id))
            }
        }
        return found
    }
}
