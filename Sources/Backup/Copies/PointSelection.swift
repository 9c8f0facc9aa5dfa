package import BackupVault
import VarveModel

/// Which recovery points of a vault are meant.
package enum PointSelection: Sendable {
    /// These, in the order of their instants.
    case ids([RecoveryPointID])
    /// The newest of each source, of those points that are wanted.
    case newest(@Sendable (RecoveryPoint) -> Bool)
    /// All that are wanted.
    case all(@Sendable (RecoveryPoint) -> Bool)
}

/// The points that a selection means.
struct SelectedPoints {
    /// By source, then by instant, so that each can stand on the one before.
    var points: [RecoveryPoint] = []
    /// Points that could not be looked at: they might have been meant.
    var unread: [RecoveryPointListing.DamagedManifest] = []

    /// - Throws: `.notFound` with every id that is not there, `.corrupt` for one that does not read.
    init(_ selection: PointSelection, of vault: Vault) throws(BackupError) {
        do throws(VaultError) {
            switch selection {
            case .ids(let ids):
                points = try SelectedPoints.named(ids, in: vault)
            case .newest(let isWanted):
                let listing = try vault.listing()
                var newest: [String: RecoveryPoint] = [:]
                for point in listing.points where isWanted(point) {
                    if let known = newest[point.source], known.instant > point.instant { continue }
                    newest[point.source] = point
                }
                points = Array(newest.values)
                unread = listing.damaged
            case .all(let isWanted):
                let listing = try vault.listing()
                points = listing.points.filter(isWanted)
                unread = listing.damaged
            }
        } catch {
            throw BackupError(error)
        }
        points.sort { ($0.source, $0.instant, $0.id) < ($1.source, $1.instant, $1.id) }
    }

    private static func named(
        _ ids: [RecoveryPointID],
        in vault: Vault
    ) throws(VaultError) -> [RecoveryPoint] {
        var points: [RecoveryPoint] = []
        var missing: [String] = []
        for id in Set(ids) {
            do throws(VaultError) {
                points.append(try vault.recoveryPoint(id))
            } catch {
                guard error.code == .notFound else { throw error }
                missing.append(id.description)
            }
        }
        guard missing.isEmpty else {
            throw VaultError(
                .notFound,
                "vault '\(vault.name)' has no recovery point \(missing.sorted().joined(separator: ", "))",
                remedy: "'varve recovery-point list --vault \(vault.name)' shows those there are."
            )
        }
        return points
    }
}
