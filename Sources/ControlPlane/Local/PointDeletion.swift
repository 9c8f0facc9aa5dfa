import BackupVault
import LocalAPI
import VarveModel

/// Deletes recovery points of a vault, and gives back what no other point needs.
enum PointDeletion {
    /// Deletes one point.
    ///
    /// - Throws: What the vault refuses; an error of looking for space says that the point is gone.
    static func delete(
        _ id: RecoveryPointID,
        from vault: Vault,
        now: Timestamp
    ) throws(VaultError) {
        try vault.delete(id, now: now)
        do throws(VaultError) {
            try pruneUnlessPruning(vault)
        } catch {
            throw VaultError(
                error.code,
                "\(id) is deleted; its space was not given back: \(error.message)",
                remedy: error.remedy
            )
        }
    }

    /// Deletes points, and looks for their space once.
    ///
    /// One that is refused does not hinder the others; each refusal is told.
    ///
    /// - Parameters:
    ///   - ids: One that comes twice counts once.
    ///   - vault: Theirs.
    ///   - now: A lock's time goes by it.
    /// - Returns: What went, and what did not.
    static func delete(
        _ ids: [RecoveryPointID],
        from vault: Vault,
        now: Timestamp
    ) -> DeletionReport {
        var report = DeletionReport()
        var seen: Set<RecoveryPointID> = []
        for id in ids where seen.insert(id).inserted {
            do throws(VaultError) {
                try vault.delete(id, now: now)
                report.deleted.append(id.description)
            } catch {
                report.refused.append(.init(id: id.description, error: APIError(error)))
            }
        }
        guard !report.deleted.isEmpty else { return report }
        do throws(VaultError) {
            try pruneUnlessPruning(vault)
        } catch {
            report.spaceNotFreed = APIError(error)
        }
        return report
    }

    /// The id that a user wrote.
    static func id(_ text: String) throws(APIError) -> RecoveryPointID {
        guard let id = RecoveryPointID(text) else {
            throw APIError(
                .usage,
                "'\(text)' is no recovery point's id",
                remedy: "'varve backup list' shows those there are."
            )
        }
        return id
    }

    /// While another prune runs, the next one gives the space back.
    private static func pruneUnlessPruning(_ vault: Vault) throws(VaultError) {
        do throws(VaultError) {
            _ = try vault.prune()
        } catch {
            guard error.code == .locked else { throw error }
        }
    }
}
