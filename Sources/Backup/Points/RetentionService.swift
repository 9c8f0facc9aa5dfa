package import BackupVault
package import Policies
package import VarveModel

/// Deletes the recovery points that a retention rule lets go, and gives their space back.
package enum RetentionService {
    /// What one application of a rule did.
    package struct Outcome: Sendable {
        package let deleted: [RecoveryPoint]
        package let kept: [(point: RecoveryPoint, why: String)]
        package let pruned: PruneReport?
    }

    /// Applies a rule to one source's points, those that `isMeant` picks.
    ///
    /// The newest of the source never goes by a rule: should its backups have stopped, the last one must
    /// not age away. It goes with the next one, or by hand.
    ///
    /// - Parameters:
    ///   - policy: What to keep.
    ///   - vault: Whose points.
    ///   - source: The id of a file system.
    ///   - now: Ages count from here.
    ///   - isMeant: Which points the rule is about; others are neither kept nor deleted by it.
    ///   - prunes: Whether to give space back at once.
    /// - Returns: What went, and why the rest stays.
    /// - Throws: `.corrupt`, `.busy`, `.failed` of the vault.
    package static func apply(
        _ policy: RetentionPolicy,
        to vault: Vault,
        source: String,
        now: Timestamp,
        isMeant: (RecoveryPoint) -> Bool = { _ in true },
        prunes: Bool = true
    ) throws(BackupError) -> Outcome {
        do throws(VaultError) {
            let all = try vault.recoveryPoints().filter { $0.source == source }
            let newest = all.last?.id
            let points = all.filter(isMeant)
            let verdicts = policy.rule.verdicts(
                points.map { RetentionPoint(id: $0.id, created: $0.created) },
                now: now,
                timeZone: policy.timeZone
            )
            var kept: [(point: RecoveryPoint, why: String)] = []
            var deleted: [RecoveryPoint] = []
            for (point, verdict) in pair(points, verdicts) {
                if verdict.isKept {
                    let why = verdict.reasons.map(\.description).joined(separator: ", ")
                    kept.append((point, why))
                } else if point.id == newest {
                    kept.append((point, "the newest of its source"))
                } else {
                    try vault.delete(point.id)
                    deleted.append(point)
                }
            }
            let pruned = prunes && !deleted.isEmpty ? try vault.prune() : nil
            return Outcome(deleted: deleted, kept: kept, pruned: pruned)
        } catch {
            throw BackupError(error)
        }
    }

    private static func pair(
        _ points: [RecoveryPoint],
        _ verdicts: [RetentionVerdict<RecoveryPointID>]
    ) -> [(RecoveryPoint, RetentionVerdict<RecoveryPointID>)] {
        let byID = Dictionary(points.map { ($0.id, $0) }) { first, _ in first }
        return verdicts.compactMap { verdict in byID[verdict.point.id].map { ($0, verdict) } }
    }
}
