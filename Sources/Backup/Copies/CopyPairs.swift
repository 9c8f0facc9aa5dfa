import BackupVault

/// Points of two vaults that hold the same: what an incremental copy stands on.
struct CopyPairs {
    /// A point, and the same one in the other vault.
    struct Pair: Sendable {
        let source: RecoveryPoint
        let target: RecoveryPoint
    }

    private let sourceVault: Vault
    /// By what they are called wherever they are.
    private var targets: [PointOrigin: RecoveryPoint] = [:]
    private var pairs: [String: [Pair]] = [:]

    /// Looks through both vaults.
    ///
    /// - Parameters:
    ///   - source: Where is copied from.
    ///   - target: Where to; points of either that do not read are no base.
    /// - Throws: What listing the vaults throws.
    init(from source: Vault, to target: Vault) throws(VaultError) {
        sourceVault = source
        for point in try target.listing().points {
            targets[point.origin(in: target.id)] = point
        }
        for point in try source.listing().points {
            if let there = copy(of: point) { add(point, there) }
        }
    }

    /// The same point in the other vault.
    func copy(of point: RecoveryPoint) -> RecoveryPoint? {
        targets[point.origin(in: sourceVault.id)]
    }

    mutating func add(_ point: RecoveryPoint, _ copy: RecoveryPoint) {
        targets[point.origin(in: sourceVault.id)] = copy
        // In cold storage there are no maps to compare with.
        guard !point.isCold, !copy.isCold else { return }
        pairs[point.source, default: []].append(Pair(source: point, target: copy))
    }

    /// Forgets a pair of which one is gone, or does not read.
    mutating func remove(_ pair: Pair) {
        pairs[pair.source.source]?.removeAll { $0.target.id == pair.target.id }
    }

    /// Forgets that a point is there.
    mutating func removeCopy(of point: RecoveryPoint) {
        if let there = targets.removeValue(forKey: point.origin(in: sourceVault.id)) {
            pairs[point.source]?.removeAll { $0.target.id == there.id }
        }
    }

    /// The pair that a point differs least from, as far as their instants tell: the last one before it, else the
    /// first behind it.
    func base(for point: RecoveryPoint) -> Pair? {
        let known = pairs[point.source] ?? []
        return known.filter { $0.source.instant <= point.instant }
            .max { $0.source.instant < $1.source.instant }
            ?? known.min { $0.source.instant < $1.source.instant }
    }
}
