package import Disk
package import Keyring
import VarveModel

/// Opening a vault: finding the three files that tell what it is, and the key that opens it.
extension Vault {
    /// Opens the vault in `directory`; the directory and the root key suffice.
    ///
    /// - Parameters:
    ///   - disk: Where it lies.
    ///   - directory: An absolute path.
    ///   - root: The key that wrapped the vault's own.
    ///   - settings: Sizes and level of what will be written; chunk sizes are the vault's own.
    ///   - pace: By what a lock tells how much time has passed.
    /// - Returns: The vault, with its index in memory.
    /// - Throws: `.notFound` where no vault was ever made whole, `.wrongKey`, `.newerFormat`, `.corrupt`, `.denied`,
    ///   `.failed`.
    package static func open(
        disk: any Disk,
        directory: String,
        root: RootKey,
        settings: VaultSettings = .standard,
        pace: LockPace = .machine
    ) throws(VaultError) -> Vault {
        try open(disk: disk, directory: directory, roots: [root], settings: settings, pace: pace)
    }

    /// Opens the vault in `directory` with whichever of several root keys wraps its own.
    ///
    /// - Throws: As for one; `.wrongKey` names the key that is needed, where the vault says it.
    package static func open(
        disk: any Disk,
        directory: String,
        roots: [RootKey],
        settings: VaultSettings = .standard,
        pace: LockPace = .machine
    ) throws(VaultError) -> Vault {
        try open(
            in: DirectoryStorage(disk, directory),
            roots: roots,
            settings: settings,
            pace: pace
        )
    }

    /// Opens a vault wherever it lies with whichever of several root keys wraps its own.
    ///
    /// - Throws: As in a directory.
    package static func open(
        in storage: any VaultStorage,
        roots: [RootKey],
        settings: VaultSettings = .standard,
        pace: LockPace = .machine
    ) throws(VaultError) -> Vault {
        let files = VaultFiles(storage: storage)
        let (keys, standing) = try enter(files, roots: roots)
        let vault = Vault(
            files: files,
            keys: keys,
            standing: standing,
            settings: settings,
            pace: pace
        )
        try vault.refresh()
        return vault
    }

    /// Finds the three files that a vault is opened by, and opens them.
    ///
    /// Where changes have names of their own there may be several of each, of another making too: those that open each other
    /// give the key by which the newest of each are told.
    private static func enter(
        _ files: VaultFiles,
        roots: [RootKey]
    ) throws(VaultError) -> (keys: VaultKeys, standing: VaultStanding) {
        var texts = try files.changes.candidates(VaultDescription.fileName, limit: 1 << 20)
        if !files.changes.isNamed, try mayNameChanges(texts, files) {
            files.changes.beginNaming()
            texts = try files.changes.candidates(VaultDescription.fileName, limit: 1 << 20)
        }
        let isCutShort = try files.isMakingCutShort()
        guard !texts.isEmpty, !isCutShort else { throw try files.undescribed() }
        var failure: VaultError?
        for text in texts {
            do throws(VaultError) {
                let keys = try openKeys(files, VaultDescription(text), roots: roots)
                files.changes.unlock(keys)
                return (keys, try newestStanding(files, keys, roots: roots))
            } catch {
                guard !error.saysNothing(of: files.storage) else { throw error }
                failure = failure ?? error
            }
        }
        throw failure ?? VaultError.damaged(VaultDescription.fileName, "is not there")
    }

    /// Whether a directory is a copy of a bucket: its description says so, or is gone and changes are there.
    private static func mayNameChanges(
        _ texts: [[UInt8]],
        _ files: VaultFiles
    ) throws(VaultError) -> Bool {
        guard let text = texts.first else { return try !files.list(.changes).isEmpty }
        return try VaultDescription(text).namesChanges
    }

    private static func openKeys(
        _ files: VaultFiles,
        _ description: VaultDescription,
        roots: [RootKey]
    ) throws(VaultError) -> VaultKeys {
        guard let id = description.id else {
            throw VaultError.damaged(VaultDescription.fileName, "names no vault")
        }
        let wrapped = try files.changes.candidates(VaultDescription.keyFileName, limit: 1 << 16)
        guard !wrapped.isEmpty else { throw missingKey(files) }
        let secrets = try files.changes.candidates(VaultDescription.secretFileName, limit: 1 << 16)
        guard !secrets.isEmpty else {
            throw VaultError.damaged(VaultDescription.secretFileName, "is missing")
        }
        var failure: VaultError?
        for file in wrapped {
            for secret in secrets {
                do throws(VaultError) {
                    let data = try dataKey(file, roots: roots, described: description, id).key
                    let keys = try openSecret(secret, data: data, vault: id)
                    try description.checkSeal(keys: keys)
                    return keys
                } catch {
                    failure = failure ?? error
                }
            }
        }
        throw failure ?? missingKey(files)
    }

    private static func missingKey(_ files: VaultFiles) -> VaultError {
        VaultError(
            .corrupt,
            "the vault's wrapped key '\(files.place)/\(VaultDescription.keyFileName)' is missing",
            remedy: "Restore the file from a copy; without it nothing opens."
        )
    }

    /// The newest of the three files that are the vault's own, once their keys tell which these are.
    ///
    /// - Throws: `.wrongKey` where the newest key is wrapped by another root key than an older one.
    private static func newestStanding(
        _ files: VaultFiles,
        _ keys: VaultKeys,
        roots: [RootKey]
    ) throws(VaultError) -> VaultStanding {
        let text = try files.changes.contents(VaultDescription.fileName)
        let description = try VaultDescription(text)
        try description.checkSeal(keys: keys)
        let wrapped = try files.changes.contents(VaultDescription.keyFileName)
        let opened = try dataKey(wrapped, roots: roots, described: description, keys.vault)
        return VaultStanding(
            description: description,
            rootKey: opened.rootKey,
            key: wrapped,
            secret: try files.changes.contents(VaultDescription.secretFileName),
            text: text
        )
    }

    private static func dataKey(
        _ wrapped: [UInt8],
        roots: [RootKey],
        described: VaultDescription,
        _ vault: UniqueID
    ) throws(VaultError) -> (key: DataKey, rootKey: RootKeyID) {
        var reason = KeyringError(.wrongKey, "no root key was given")
        for root in roots {
            do throws(KeyringError) {
                return (try DataKey(wrapped: wrapped, by: root, for: vault), root.id)
            } catch {
                reason = error
                if error.code != .wrongKey { break }
            }
        }
        let code: VaultError.Code =
            switch reason.code {
            case .wrongKey, .notAuthentic: .wrongKey
            case .malformed: .corrupt
            case .unsupported: .newerFormat
            }
        var text = "the vault's key: \(reason.message)"
        if code == .wrongKey {
            text += " (\(roots.map(\.id.description).joined(separator: ", ")))"
            if let known = described.wrapping(of: wrapped) {
                text += "; it was wrapped by root key \(known.rootKey)"
            }
        }
        throw VaultError(code, text, remedy: reason.remedy)
    }

    /// Opens the secret, which needs the vault key alone.
    private static func openSecret(
        _ bytes: [UInt8],
        data: DataKey,
        vault: UniqueID
    ) throws(VaultError) -> VaultKeys {
        let name = VaultDescription.secretFileName
        // Sealing needs only the vault key; what the secret derives is not yet known here.
        let bare = VaultKeys(data: data, secret: data, vault: vault)
        let opened = try SealedObject.open(
            bytes,
            as: .secret,
            object: vault,
            name: name,
            keys: bare
        )
        guard opened.body.count == SecretBytes.count else {
            throw VaultError.damaged(name, "has another length than a secret")
        }
        let secret = DataKey(secret: SecretBytes(opened.body))
        return VaultKeys(data: data, secret: secret, vault: vault)
    }
}
