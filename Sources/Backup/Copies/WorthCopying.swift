package import BackupVault
package import Policies
package import VarveModel

extension PointSelection {
    /// The points of a vault that a retention would let stay in another one, and those that are there already.
    ///
    /// Whatever else was copied would go with the same run's end, and be copied again by the next. The rule is
    /// applied to what
    /// is to come and to the copies that stand, as if all of them were there. The newest of a source is copied
    /// whatever its age: no
    /// rule lets it go.
    ///
    /// - Parameters:
    ///   - source: Where is copied from.
    ///   - target: Where to.
    ///   - policy: Of the copies; `nil` keeps all.
    ///   - now: Ages count from here.
    ///   - isWanted: Which points of the source are asked for.
    ///   - isOwn: Which points of the target the policy is applied to.
    /// - Returns: A selection of them.
    /// - Throws: What listing the vaults throws.
    package static func all(
        worthCopyingFrom source: Vault,
        to target: Vault,
        under policy: RetentionPolicy?,
        now: Timestamp,
        isWanted: @escaping @Sendable (RecoveryPoint) -> Bool,
        isOwn: (RecoveryPoint) -> Bool
    ) throws(BackupError) -> PointSelection {
        guard let policy else { return .all(isWanted) }
        let (asked, there) = try CopyRun.inVault { () throws(VaultError) in
            (try source.listing().points.filter(isWanted), try target.listing().points)
        }
        let origins = Set(there.map { $0.origin(in: target.id) })
        var chosen: Set<RecoveryPointID> = []
        for (name, points) in Dictionary(grouping: asked, by: \.source) {
            let new = points.filter { !origins.contains($0.origin(in: source.id)) }
            let own = there.filter { $0.source == name && isOwn($0) }
            let verdicts = policy.rule.verdicts(
                (new + own).map { RetentionPoint(id: $0.id, created: $0.created) },
                now: now,
                timeZone: policy.timeZone
            )
            chosen.formUnion(verdicts.filter(\.isKept).map(\.point.id))
            chosen.formUnion(points.map(\.id).filter { id in !new.contains { $0.id == id } })
            if let newest = points.max(by: { $0.instant < $1.instant }) { chosen.insert(newest.id) }
        }
        let worth = chosen
        return .all { isWanted($0) && worth.contains($0.id) }
    }
}
