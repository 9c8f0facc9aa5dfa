import Disk
import Keyring
import VarveModel

/// The three files that a vault is opened with, while it is open: two of them others may change meanwhile.
///
/// The description is written anew where parity begins or ends, the key where the root key is changed.
extension Vault {
    /// The description as it is on the disk now, or as it was when the vault was opened where that does not read.
    ///
    /// - Throws: `.newerFormat`, `.denied`.
    func presentDescription() throws(VaultError) -> VaultDescription {
        do throws(VaultError) {
            let bytes = try files.contents(VaultDescription.fileName, limit: 1 << 20)
            let found = try VaultDescription(bytes)
            try found.checkSeal(keys: keys)
            return found
        } catch {
            switch error.code {
            case .corrupt, .notFound, .failed:
                return try VaultDescription(bytes(of: .description))
            default: throw error
            }
        }
    }

    /// Writes the description anew, durably; the caller keeps others from doing so.
    private func replace(_ description: VaultDescription) throws(VaultError) {
        let bytes = try description.encoded(keys: keys)
        try files.replace(VaultDescription.fileName, with: bytes)
    }

    /// Has the description say whether there may be parity, durably; within ``exclusively(_:)``.
    ///
    /// - Throws: `.newerFormat`, `.noSpace`, `.failed`, `.denied`.
    func describe(keepingParity keepsParity: Bool) throws(VaultError) {
        let description = try presentDescription()
        guard description.keepsParity != keepsParity else { return }
        try replace(description.keepingParity(keepsParity))
    }

    /// Refuses one of the three files that is neither what the vault was opened with nor what may have become of it since.
    ///
    /// - Throws: `.corrupt`, `.newerFormat`, `.notFound`, `.failed`.
    func check(_ file: VaultEntrance) throws(VaultError) {
        let bytes = try files.contents(file.name, limit: 1 << 20)
        if bytes == file.bytes { return }
        guard file.subject == .description else {
            throw VaultError.damaged(file.name, "is not what it was when the vault was opened")
        }
        try VaultDescription(bytes).checkSeal(keys: keys)
    }

    /// Puts one of the three files back.
    ///
    /// - Throws: `.invalid` for a key where there is one, whoever wrapped it: an older one over it might undo a change of the root
    ///   key. `.newerFormat`, `.noSpace`, `.failed`, `.denied`.
    func putBack(_ subject: VaultFinding.Subject) throws(VaultError) {
        switch subject {
        case .description:
            let description = try presentDescription()
            let keepsParity = try parityFiles.isKeptOrEnding()
            try replace(description.keepingParity(keepsParity))
        case .key:
            try requireNoKey()
            try files.replace(VaultDescription.keyFileName, with: bytes(of: .key))
        default: try files.replace(VaultDescription.secretFileName, with: bytes(of: .secret))
        }
    }

    private func requireNoKey() throws(VaultError) {
        let name = VaultDescription.keyFileName
        let found: [UInt8]
        do throws(VaultError) {
            found = try files.contents(name, limit: 1 << 16)
        } catch {
            // One that the medium does not give just now may be another root key's.
            guard error.code == .notFound else { throw error }
            return
        }
        guard DataKey.isWrapped(found, for: id) else { return }
        throw VaultError(
            .invalid,
            "'\(name)' is a wrapped key of this vault, and not the one that opened it",
            remedy:
                "If the root key was not changed, it is damaged: put it back from a copy before the daemon ends."
        )
    }

    private func bytes(of subject: VaultFinding.Subject) -> [UInt8] {
        entrance.first { $0.subject == subject }?.bytes ?? []
    }
}
