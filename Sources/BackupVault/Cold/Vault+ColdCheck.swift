import VarveModel

/// Looking for damage in cold storage.
extension Vault {
    /// One damaged or missing thing.
    struct ColdFinding {
        let subject: VaultFinding.Subject
        let file: String
        let error: VaultError
    }

    /// Settings and records that do not read, and archives that are not what was written.
    ///
    /// No key of an archive is needed for that: its record has its length and its SHA-256.
    ///
    /// - Parameters:
    ///   - readsAll: Whether archives are read whole.
    ///   - progress: Is told the bytes of archives read.
    /// - Returns: What is wrong.
    /// - Throws: `.failed`, `.denied` when the folders are not listed.
    func coldFindings(
        readsAll: Bool,
        progress: (UInt64) -> Void
    ) throws(VaultError) -> [ColdFinding] {
        var found: [ColdFinding] = []
        if let error = try coldSettingsTrouble() {
            let file = "cold/" + ColdSettings.fileName
            found.append(ColdFinding(subject: .cold, file: file, error: error))
        }
        for id in try coldFiles.ids() {
            let file = "cold/" + ColdEntry.fileName(id)
            do throws(VaultError) {
                guard case .cold(let record, _) = try coldFiles.entry(id),
                    try !files.exists(.manifests, Manifest.fileName(id))
                else { continue }
                if let error = try archiveTrouble(id, record, readsAll) {
                    let name = "cold/" + ColdRecord.archiveName(id)
                    found.append(ColdFinding(subject: .archive, file: name, error: error))
                } else {
                    progress(record.archiveBytes)
                }
            } catch {
                guard error.code != .denied else { throw error }
                found.append(ColdFinding(subject: .cold, file: file, error: error))
            }
        }
        for subject in try parityFiles.lost(.cold) {
            let error = VaultError.lost(subject)
            found.append(ColdFinding(subject: .cold, file: subject.path, error: error))
        }
        for (path, point) in try archivesWithoutRecord() {
            found.append(
                ColdFinding(subject: .archive, file: path, error: Vault.unrecorded(path, point))
            )
        }
        return found
    }

    private func coldSettingsTrouble() throws(VaultError) -> VaultError? {
        do throws(VaultError) {
            _ = try coldSettings()
            return nil
        } catch {
            guard error.code != .denied else { throw error }
            return error
        }
    }

    /// What is wrong with the archive of a point, with the point's id; `nil` when nothing is.
    private func archiveTrouble(
        _ id: RecoveryPointID,
        _ record: ColdRecord,
        _ readsAll: Bool
    ) throws(VaultError) -> VaultError? {
        do throws(VaultError) {
            try coldFiles.check(id, record, readsAll: readsAll)
            return nil
        } catch {
            // It was deleted meanwhile.
            guard case .cold = try coldFiles.entry(id) else { return nil }
            return VaultError(
                error.code,
                "recovery point \(id) is in cold storage, and does not restore whole: \(error.message)",
                remedy: error.remedy
            )
        }
    }

    private static func unrecorded(_ path: String, _ point: RecoveryPointID) -> VaultError {
        VaultError(
            .corrupt,
            "'\(path)' is the archive of recovery point \(point), and its record is gone",
            remedy:
                "Put 'cold/\(ColdEntry.fileName(point))' back from a copy. The archive opens without it too "
                + "('varve archive extract'); remove it if the point was deleted."
        )
    }
}
