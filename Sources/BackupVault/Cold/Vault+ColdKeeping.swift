import Keyring
import VarveModel

/// What locks and holds ask of cold storage.
extension Vault {
    /// Refuses an archive of a kept point that the vault cannot open by itself, or that lies outside it.
    ///
    /// Otherwise whoever names recipients, or a directory, could make unreadable what a lock or a hold keeps. Within
    /// ``exclusively(_:)`` where a manifest is to go.
    ///
    /// - Parameters:
    ///   - id: Whose archive.
    ///   - directory: Where it goes; empty for the vault's own folder.
    ///   - recipients: Who opens it.
    /// - Throws: `.held`, with the reason; a lock or holds that do not read keep it too.
    func requireSureArchive(
        of id: RecoveryPointID,
        in directory: String,
        for recipients: [String]
    ) throws(VaultError) {
        if directory.isEmpty, recipients.contains(coldIdentity.recipient.description) { return }
        let reason: String
        if try isLocked() {
            reason = "the vault is locked"
        } else if let held = try holdText(of: id) {
            reason = "it is \(held)"
        } else {
            return
        }
        throw VaultError(
            .held,
            "recovery point \(id) stays warm: \(reason), and its archive would not be one "
                + "that the vault's own key opens, in the vault's own folder",
            remedy: "Let the vault's key open archives, in the vault's own folder, to move it."
        )
    }

    /// Whether a lock is in force; one that does not read is.
    func isLocked() throws(VaultError) -> Bool {
        do throws(VaultError) {
            return try lockInForce() != nil
        } catch {
            guard error.code == .corrupt || error.code == .newerFormat else { throw error }
            return true
        }
    }
}
