/// Says who may open the cold archives that a vault writes from now on, and where they go; what is absent stays as it is.
package struct SetColdStorage: Codable, Sendable, Hashable {
    package var vault: String
    /// Whether the vault's own key opens them.
    package var usesVaultKey: Bool?
    /// Who else, or who alone (age1…).
    package var recipients: [String]?
    /// Absolute, on the daemon's machine; empty for the vault's own folder.
    package var directory: String?

    package init(
        vault: String,
        usesVaultKey: Bool? = nil,
        recipients: [String]? = nil,
        directory: String? = nil
    ) {
        self.vault = vault
        self.usesVaultKey = usesVaultKey
        self.recipients = recipients
        self.directory = directory
    }

    /// Whether it asks for nothing but to be told.
    package var isQuestion: Bool { usesVaultKey == nil && recipients == nil && directory == nil }
}

/// Cold storage of a vault.
package struct ColdStorageDescription: Codable, Sendable, Hashable {
    package var vault: String
    package var usesVaultKey: Bool
    /// The vault's own.
    package var vaultRecipient: String
    package var recipients: [String]
    /// Where archives go; empty for the vault's own folder.
    package var directory: String
    /// Where older ones may lie.
    package var formerDirectories: [String]
    package var recoveryPoints: UInt64
    package var archiveBytes: UInt64

    package init(
        vault: String,
        usesVaultKey: Bool,
        vaultRecipient: String,
        recipients: [String],
        directory: String,
        formerDirectories: [String],
        recoveryPoints: UInt64,
        archiveBytes: UInt64
    ) {
        self.vault = vault
        self.usesVaultKey = usesVaultKey
        self.vaultRecipient = vaultRecipient
        self.recipients = recipients
        self.directory = directory
        self.formerDirectories = formerDirectories
        self.recoveryPoints = recoveryPoints
        self.archiveBytes = archiveBytes
    }
}

/// What opens a vault's cold archives with age alone; a secret.
package struct ColdIdentityText: Codable, Sendable, Hashable {
    package var vault: String
    package var recipient: String
    package var identity: String

    package init(vault: String, recipient: String, identity: String) {
        self.vault = vault
        self.recipient = recipient
        self.identity = identity
    }
}

/// The archive of a recovery point in cold storage.
package struct ArchiveDescription: Codable, Sendable, Hashable {
    /// Its path; absent when it is not to be found.
    package var path: String?
    package var bytes: UInt64
    /// In hex.
    package var sha256: String
    package var entries: UInt64
    package var moved: TimeText
    /// Whose identities open it.
    package var recipients: [String]
    /// Whether the vault's own key does.
    package var opensWithVaultKey: Bool
    /// Its age header, by which whoever has an identity finds the file key; absent as the path.
    package var header: String?
    /// Why path and header are absent.
    package var reason: String?

    package init(
        path: String? = nil,
        bytes: UInt64,
        sha256: String,
        entries: UInt64,
        moved: TimeText,
        recipients: [String],
        opensWithVaultKey: Bool,
        header: String? = nil,
        reason: String? = nil
    ) {
        self.path = path
        self.bytes = bytes
        self.sha256 = sha256
        self.entries = entries
        self.moved = moved
        self.recipients = recipients
        self.opensWithVaultKey = opensWithVaultKey
        self.header = header
        self.reason = reason
    }
}

extension Route {
    package static let setColdStorage = Call<SetColdStorage, ColdStorageDescription>(
        path: "vaults/cold"
    )
    package static let coldIdentity = Call<VaultName, ColdIdentityText>(
        path: "vaults/cold-identity"
    )
}
