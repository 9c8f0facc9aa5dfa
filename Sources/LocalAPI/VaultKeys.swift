/// What a vault's key was wrapped by, and is now.
package struct KeyRotation: Codable, Sendable, Hashable {
    package var vault: String
    /// Names of root keys.
    package var from: String
    package var to: String

    package init(vault: String, from: String, to: String) {
        self.vault = vault
        self.from = from
        self.to = to
    }
}

/// What to keep on paper for a vault; it holds its root key.
package struct RecoveryKitText: Codable, Sendable, Hashable {
    package var vault: String
    /// The key's name.
    package var rootKey: String
    package var text: String

    package init(vault: String, rootKey: String, text: String) {
        self.vault = vault
        self.rootKey = rootKey
        self.text = text
    }
}

/// Asks to take a vault of another machine in.
package struct AdoptVault: Codable, Sendable, Hashable {
    /// Its directory on the daemon's machine, absolute; empty for one in a bucket.
    package var directory: EscapedBytes
    /// The text of its recovery kit.
    package var kit: String
    /// Where it lies in a bucket, and stays.
    package var bucket: BucketLocation?

    package init(directory: EscapedBytes, kit: String, bucket: BucketLocation? = nil) {
        self.directory = directory
        self.kit = kit
        self.bucket = bucket
    }
}

extension Route {
    package static let rotateVaultKey = Call<VaultName, KeyRotation>(path: "vaults/rotate-key")
    package static let recoveryKit = Call<VaultName, RecoveryKitText>(path: "vaults/recovery-kit")
    package static let adoptVault = LongCall<AdoptVault, VaultDescription>(path: "vaults/adopt")
}
