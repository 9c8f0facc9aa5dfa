package import Keyring
import Synchronization

/// The root key that wraps the vault's own.
extension Vault {
    /// The root key by which the vault was opened, made, or wrapped last.
    package var rootKey: RootKeyID { standing.withLock { $0.rootKey } }

    /// Wraps the vault's key by another root key, durably; from then on the old one does not open the vault.
    ///
    /// The description first names both, and the new one alone at the end, so that a crash at any moment leaves a key that one of
    /// the two opens, and that says which. What is sealed under the vault's key stays as it is: whoever had the old root key **and** a copy
    /// of the old file has the vault's key.
    ///
    /// - Parameter root: Must be kept durably by the caller already.
    /// - Throws: `.corrupt` when the key's file is not what it was; `.newerFormat`, `.noSpace`, `.denied`, `.unavailable`, `.failed`,
    ///   also when all is done but that what the old root key opens could not be removed, which the message tells.
    package func wrap(by root: RootKey) throws(VaultError) {
        try files.requireFolders([.leases])
        try exclusively { () throws(VaultError) in
            try takeOverKey()
            let old = standing.withLock { ($0.bytes(of: .key) ?? [], $0.rootKey) }
            guard try files.changes.contents(VaultDescription.keyFileName) == old.0 else {
                throw VaultError(
                    .corrupt,
                    "the vault's key is not what it was when the vault was opened",
                    remedy: "Run 'varve vault verify --repair' first."
                )
            }
            let wrapped = keys.wrapped(by: root)
            let description = try presentDescription()
            let before =
                description.wrapping(of: old.0)
                ?? VaultDescription.Wrapping(rootKey: old.1, file: old.0)
            try replace(
                description.wrapped([.init(rootKey: root.id, file: wrapped), before])
            )
            try files.changes.replace(VaultDescription.keyFileName, with: wrapped)
            standing.withLock { $0.set(key: wrapped, rootKey: root.id) }
            try replace(description.wrapped([.init(rootKey: root.id, file: wrapped)]))
            try dropOlderKeys(than: root.id)
        }
    }

    /// Drops what the old root key opens; that the new one counts does not make it harmless.
    private func dropOlderKeys(than root: RootKeyID) throws(VaultError) {
        do throws(VaultError) {
            try files.changes.dropOlder(VaultDescription.keyFileName)
        } catch {
            throw VaultError(
                error.code,
                "the vault '\(name)' opens by its new root key \(root), but what the old one opens is still there: "
                    + error.message,
                remedy:
                    "Run 'varve vault rotate-key \(name)' again, or 'varve vault prune' an hour from now. "
                    + error.remedy
            )
        }
    }
}
