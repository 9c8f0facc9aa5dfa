import Disk
package import Keyring
package import VarveModel

/// Cold storage of a vault: who may open its archives, and where they go.
///
/// A point in cold storage is one archive that stands alone, and a record of it in the vault. It is never moved back.
extension Vault {
    /// What a caller asks for; `nil` leaves a thing as it is.
    package struct ColdRequest: Sendable {
        package var usesVaultKey: Bool?
        package var recipients: [AgeRecipient]?
        /// Where archives go from now on, absolute; empty for the vault's own folder.
        package var directory: String?

        package init(
            usesVaultKey: Bool? = nil,
            recipients: [AgeRecipient]? = nil,
            directory: String? = nil
        ) {
            self.usesVaultKey = usesVaultKey
            self.recipients = recipients
            self.directory = directory
        }
    }

    /// The identity that opens archives written to the vault's own recipient; it comes from the vault's secret, and from nothing
    /// else that could be lost.
    package var coldIdentity: AgeIdentity { keys.coldIdentity }

    /// What is in force.
    ///
    /// - Throws: `.corrupt` when that does not read; `.newerFormat`, `.failed`.
    package func coldSettings() throws(VaultError) -> ColdSettings {
        if let settings = try coldFiles.settings() { return settings }
        guard try !has(feature: VaultFeature.cold) else { throw Vault.lostColdSettings }
        return .standard
    }

    /// Says who may open the archives that are written from now on, and where they go, durably.
    ///
    /// - Returns: What is in force then.
    /// - Throws: `.invalid` for nobody, too many, or what is no absolute path; `.held` when the vault is locked, and its own key
    ///   is to be taken away; `.notFound` for a directory that is not
    ///   there; `.corrupt`, `.newerFormat`, `.noSpace`, `.denied`, `.failed`.
    package func setCold(_ request: ColdRequest) throws(VaultError) -> ColdSettings {
        try requireWritable()
        _ = try coldFiles.disk()
        try files.requireFolders([.cold, .leases])
        return try exclusively { () throws(VaultError) in
            if request.usesVaultKey == false, try isLocked() {
                throw VaultError(
                    .held,
                    "the vault '\(name)' is locked: its own key opens what moves to cold storage",
                    remedy: "Name further recipients beside it ('--vault-key')."
                )
            }
            let old = try presentColdSettings(mends: request)
            var directories = old.directories
            if let directory = request.directory {
                try prepare(directory)
                directories = [directory] + directories.filter { $0 != directory }
            }
            let new = ColdSettings(
                usesVaultKey: request.usesVaultKey ?? old.usesVaultKey,
                recipients: request.recipients ?? old.recipients,
                directories: Array(directories.prefix(ColdSettings.directoriesMax))
            )
            try Vault.check(new)
            try coldFiles.write(new)
            try require(feature: VaultFeature.cold)
            return new
        }
    }

    /// The settings as they are; where they are lost, a request that says who may read puts others in their place.
    private func presentColdSettings(mends request: ColdRequest) throws(VaultError) -> ColdSettings
    {
        do throws(VaultError) {
            return try coldSettings()
        } catch {
            let saysWho = request.usesVaultKey != nil && request.recipients != nil
            guard error.code == .corrupt, saysWho else { throw error }
            return .standard
        }
    }

    private static func check(_ settings: ColdSettings) throws(VaultError) {
        let count = settings.recipients.count + (settings.usesVaultKey ? 1 : 0)
        guard (1...AgeHeader.stanzasMax).contains(count) else {
            throw VaultError(
                .invalid,
                "cold archives for \(count) recipients cannot be written",
                remedy: "Name 1 to \(AgeHeader.stanzasMax), or the vault's own key."
            )
        }
    }

    /// Makes the vault's folder beneath a directory of the operator's, durably.
    private func prepare(_ directory: String) throws(VaultError) {
        guard !directory.isEmpty else { return }
        guard directory.hasPrefix("/"), directory.count > 1, !directory.hasSuffix("/"),
            directory.utf8.count <= 2_048
        else {
            throw VaultError(
                .invalid,
                "'\(directory)' is no absolute path of a directory",
                remedy: "Write it from the root, without a slash at its end."
            )
        }
        guard try coldFiles.isThere(directory) else {
            throw VaultError(
                .notFound,
                "there is no directory '\(directory)'",
                remedy: "Make it, or mount the disk that has it."
            )
        }
        let folder = coldFiles.folder(directory)
        guard try !coldFiles.isThere(folder) else { return }
        let disk = try coldFiles.disk()
        try onDisk { () throws(DiskError) in
            try disk.makeDirectory(folder)
            try disk.syncDirectory(directory)
        }
    }

    static let lostColdSettings = VaultError(
        .corrupt,
        "'cold/\(ColdSettings.fileName)' is missing, so nobody can say who may read cold archives: nothing is moved",
        remedy: "Put it back from a copy, or say it again ('varve vault cold NAME')."
    )

    /// Settings that a move goes by; the first move puts the standard ones in force.
    func requireColdSettings() throws(VaultError) -> ColdSettings {
        try exclusively { () throws(VaultError) in
            let settings = try coldSettings()
            if try coldFiles.settings() == nil { try coldFiles.write(settings) }
            // Settings come before the bit, and the bit before the first record: a bit without settings is a loss and no crash.
            try require(feature: VaultFeature.cold)
            return settings
        }
    }

    // MARK: Points

    /// The bytes of a point's archive.
    ///
    /// - Throws: `.invalid` of a warm point; `.corrupt` when the archive is not there, or has another length than it was
    ///   written with; `.denied`, `.failed`.
    package func openArchive(of point: RecoveryPoint) throws(VaultError) -> ColdFile {
        guard let record = point.cold else {
            throw VaultError(.invalid, "recovery point \(point.id) is not in cold storage")
        }
        return try coldFiles.open(point.id, record)
    }

    /// Points in cold storage, and records that do not read; what still has its manifest is warm.
    ///
    /// - Parameter warm: The points that have one: looked at before, so that one that moves meanwhile is not missed.
    /// - Returns: In no order.
    /// - Throws: `.denied`.
    func coldListing(
        beside warm: Set<RecoveryPointID>
    ) throws(VaultError) -> RecoveryPointListing {
        var points: [RecoveryPoint] = []
        var damaged: [RecoveryPointListing.DamagedManifest] = []
        for id in try coldFiles.ids() where !warm.contains(id) {
            do throws(VaultError) {
                if let point = try coldFiles.point(id) { points.append(point) }
            } catch {
                switch error.code {
                case .corrupt, .newerFormat, .failed: damaged.append(.init(id: id, error: error))
                default: throw error
                }
            }
        }
        for subject in try parityFiles.lost(.cold) {
            guard let id = subject.point, !warm.contains(id) else { continue }
            damaged.append(.init(id: id, error: VaultError.lost(subject)))
        }
        return RecoveryPointListing(points: points, damaged: damaged)
    }

    /// The warm points whose own time for cold storage has come; never the newest of a source, and none in a bucket.
    ///
    /// - Throws: `.failed`, `.denied`.
    package func pointsDueForCold(now: Timestamp) throws(VaultError) -> [RecoveryPoint] {
        guard mayHaveColdStorage else { return [] }
        let points = try listing().points
        var newest: [String: RecoveryPointID] = [:]
        for point in points { newest[point.source] = point.id }
        return points.filter { point in
            newest[point.source] != point.id && (point.movesToCold.map { $0 <= now } ?? false)
        }
    }
}
