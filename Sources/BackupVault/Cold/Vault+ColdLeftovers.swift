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
        // One beside a record was put back by somebody; it goes too.
        let isVouched = try vouchers.exists(id)
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
        return !isWarm && !isVouched && !isGone
    }

    /// Whether there is a record of a point, or only parity says that there was one.
    func hasColdRecord(_ id: RecoveryPointID) throws(VaultError) -> Bool {
        if try coldFiles.exists(id) { return true }
        return try parityFiles.isLost(.cold(id))
    }

    /// Whether a point is in cold storage, for all that can be told: one whose record does not read is, one whose archive is to go
    /// is not.
    func isInColdStorage(_ id: RecoveryPointID) throws(VaultError) -> Bool {
        do throws(VaultError) {
            switch try coldFiles.entry(id) {
            case .cold: return true
            case .going: return false
            case nil: return try parityFiles.isLost(.cold(id))
            }
        } catch {
            guard [.corrupt, .newerFormat, .failed].contains(error.code) else { throw error }
            return true
        }
    }

    /// The file to put back of a held point that is gone: its record where its archive is there, its manifest otherwise.
    func fileToPutBack(_ id: RecoveryPointID) throws(VaultError) -> String {
        let isArchived = try archivesWithoutRecord().contains { $0.point == id }
        return isArchived
            ? "cold/" + ColdEntry.fileName(id) : "manifests/" + Manifest.fileName(id)
    }

    /// Removes a record durably, and its parity before it: that alone would say that the record was lost.
    private func removeColdRecord(_ id: RecoveryPointID) throws(VaultError) {
        try parityFiles.remove([.cold(id)])
        try coldFiles.removeRecord(id)
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
            // A full disk must let points go; the record stays while the archive may.
            guard try coldFiles.removeArchive(id, beneath: entry.directory) else { throw error }
            try removeColdRecord(id)
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
        try removeColdRecord(id)
        return 1
    }

    /// Removes a point's manifest durably, and its parity and voucher before it; within ``exclusively(_:)``.
    ///
    /// - Throws: `.notFound` where there is nothing of it.
    func removeManifest(_ id: RecoveryPointID) throws(VaultError) {
        // Durably, and nobody makes them again meanwhile: either alone would say that the point was lost.
        // A bucket keeps no parity, and does not say whether there was any.
        let parity = files.storage.arrivesLate ? 0 : try parityFiles.remove([.manifest(id)])
        let isThere = try files.exists(.manifests, Manifest.fileName(id))
        let isVouched = try vouchers.exists(id)
        guard isThere || isVouched || parity > 0 else {
            throw VaultError(.notFound, "the vault has no recovery point \(id)")
        }
        // Otherwise a manifest that is repeated on its way here would bring the point back, and a voucher make it lost.
        if files.storage.arrivesLate { try manifests.voided.add(id) }
        try vouchers.remove(id)
        if isThere { try manifests.remove(id) }
    }

    // MARK: Leftovers

    /// Brings to an end what a crash interrupted; the caller holds the lock of moves.
    ///
    /// A point that has both its manifest and a whole archive becomes cold. With a damaged archive it stays warm, once all of its
    /// warm form was read; a folder or file that does not answer decides nothing. What is gone is removed, and what never came to its name.
    ///
    /// An archive without a record is never removed: it may be the last there is of its point.
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
            removed += try removeUnfinishedArchives(in: coldFiles.folder(directory))
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
        case .cold(let record, let draft):
            guard try files.exists(.manifests, Manifest.fileName(id)) else { return 0 }
            let archive = try state(ofArchive: record, of: id)
            guard archive == .whole || (archive == .damaged && isWarmWhole(id)) else { return 0 }
            return try exclusively { () throws(VaultError) in
                guard try files.exists(.manifests, Manifest.fileName(id)),
                    try coldFiles.entry(id) == .cold(record, draft)
                else { return 0 }
                guard archive == .whole else {
                    try write(.going(directory: record.directory), of: id)
                    return try dropGoing(id, beneath: record.directory)
                }
                return try endMove(id, record)
            }
        }
    }

    /// Removes the manifest beside a whole archive, unless what was kept since asks for another archive.
    private func endMove(_ id: RecoveryPointID, _ record: ColdRecord) throws(VaultError) -> Int {
        do throws(VaultError) {
            try requireSureArchive(of: id, in: record.directory, for: record.recipients)
        } catch {
            guard error.code == .held else { throw error }
            return 0
        }
        try removeManifest(id)
        return 1
    }

    private enum ArchiveState { case whole, damaged, unknown }

    /// What an archive is; unknown while a disk is away or does not answer.
    private func state(
        ofArchive record: ColdRecord,
        of id: RecoveryPointID
    ) throws(VaultError) -> ArchiveState {
        do throws(VaultError) {
            try coldFiles.check(id, record, readsAll: true)
            return .whole
        } catch {
            guard error.code == .corrupt else { return .unknown }
            return try coldFiles.canLookEverywhere([record.directory]) ? .damaged : .unknown
        }
    }

    /// Whether all that a point's manifest needs was read, to its last chunk.
    private func isWarmWhole(_ id: RecoveryPointID) -> Bool {
        do throws(VaultError) {
            try refresh()
            let point = try manifests.read(id)
            var live = LiveChunks(source: self)
            for map in point.maps.values { try live.add(map) }
            // Places first: what was pruned is seen without reading the rest.
            return !point.maps.isEmpty && live.ids.allSatisfy { place(of: $0) != nil }
                && live.ids.allSatisfy { isWhole($0) }
        } catch {
            // Whatever hindered it: it is not proved.
            return false
        }
    }

    /// Removes archives that never came to their names.
    private func removeUnfinishedArchives(in folder: String) throws(VaultError) -> Int {
        let ending = ColdRecord.archiveEnding + ColdMove.temporaryEnding
        var removed = 0
        for name in coldFiles.list(folder) where name.hasSuffix(ending) {
            guard RecoveryPointID(String(name.dropLast(ending.count))) != nil else { continue }
            do throws(VaultError) {
                if try coldFiles.removeArchive(named: name, in: folder) { removed += 1 }
            } catch {
                // The disk fails now: the next one tries again.
                guard error.code == .failed || error.code == .denied else { throw error }
            }
        }
        return removed
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
            for name in coldFiles.list(folder) where name.hasSuffix(ColdRecord.archiveEnding) {
                let stem = String(name.dropLast(ColdRecord.archiveEnding.count))
                guard let id = RecoveryPointID(stem), try !hasColdRecord(id), try !isWarm(id)
                else { continue }
                found.append((folder + "/" + name, id))
            }
        }
        return found
    }
}
