/// Asks for a lock; the numbers bear AWS Backup's names (PutBackupVaultLockConfiguration).
package struct LockVault: Codable, Sendable, Hashable {
    package var vault: String
    package var minRetentionDays: Int64
    /// `nil` for no bound.
    package var maxRetentionDays: Int64?
    /// `nil` for a lock that may be lifted at any time.
    package var changeableForDays: Int64?
    /// Whether a final lock is meant to be made stronger.
    package var strengthensFinal: Bool
    /// Only says what would come of it.
    package var isPlan: Bool

    package init(
        vault: String,
        minRetentionDays: Int64,
        maxRetentionDays: Int64? = nil,
        changeableForDays: Int64? = nil,
        strengthensFinal: Bool,
        isPlan: Bool
    ) {
        self.strengthensFinal = strengthensFinal
        self.vault = vault
        self.minRetentionDays = minRetentionDays
        self.maxRetentionDays = maxRetentionDays
        self.changeableForDays = changeableForDays
        self.isPlan = isPlan
    }
}

/// A vault's lock.
package struct LockDescription: Codable, Sendable, Hashable {
    /// `governance` or `compliance`.
    package var mode: String
    package var minRetentionDays: Int64
    package var maxRetentionDays: Int64?
    /// From then on it is final; absent of a governance lock.
    package var lockDate: TimeText?
    /// Whether nobody can lift or weaken it any more.
    package var isFinal: Bool
    package var placed: TimeText
    package var placedBy: String

    package init(
        mode: String,
        minRetentionDays: Int64,
        maxRetentionDays: Int64?,
        lockDate: TimeText?,
        isFinal: Bool,
        placed: TimeText,
        placedBy: String
    ) {
        self.mode = mode
        self.minRetentionDays = minRetentionDays
        self.maxRetentionDays = maxRetentionDays
        self.lockDate = lockDate
        self.isFinal = isFinal
        self.placed = placed
        self.placedBy = placedBy
    }
}

/// What a lock does to the points that are there.
package struct LockReport: Codable, Sendable, Hashable {
    package var lock: LockDescription
    /// Points that it keeps now.
    package var kept: UInt64
    /// Those of them without an expiry, which it keeps as long as it is there.
    package var keptForEver: UInt64
    /// Whether nothing was done.
    package var isPlan: Bool

    package init(lock: LockDescription, kept: UInt64, keptForEver: UInt64, isPlan: Bool) {
        self.lock = lock
        self.kept = kept
        self.keptForEver = keptForEver
        self.isPlan = isPlan
    }
}

extension Route {
    package static let describeVault = Call<VaultName, VaultDescription>(path: "vaults/describe")
    package static let lockVault = Call<LockVault, LockReport>(path: "vaults/lock")
    package static let unlockVault = Call<VaultName, Nothing>(path: "vaults/unlock")
}
