package import VarveModel

/// A recovery point as its first vault knows it: all copies of one point have one origin, and hold the same.
///
/// Vaults name chunks by keys of their own, so nothing else in two vaults tells that two points are equal. A point
/// never changes, and ids are never given twice, so that this does. Written as the vault's id in 32 hex digits, a
/// slash,
/// and the point's id there.
package struct PointOrigin: Hashable, Sendable, CustomStringConvertible {
    package let vault: UniqueID
    package let point: RecoveryPointID

    package init(vault: UniqueID, point: RecoveryPointID) {
        self.vault = vault
        self.point = point
    }

    /// `nil` for anything but the written form.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, let vault = Hex.decode(parts[0]).flatMap(UniqueID.init),
            let point = RecoveryPointID(parts[1])
        else { return nil }
        self.init(vault: vault, point: point)
    }

    package var description: String { Hex.encode(vault.bytes) + "/" + point.description }
}

/// What a manifest says of a copy beside what its original said: labels and statistics, so that older programs read it.
package enum CopyRecord {
    /// Label: the origin.
    static let copyOf = "copyOf"
    /// Label: the point that was read, which may be a copy itself.
    static let copiedFrom = "copiedFrom"
    /// Label: the job that made the original.
    static let madeByJob = "madeByJob"
    /// Statistic: when the copy was made, in seconds since 1970.
    package static let copiedSeconds = "copiedSeconds"
    /// Begins the names of all statistics that tell of the copying.
    static let prefix = "copied"
    /// Labels of an original that its copies have too: what it was a backup of, and how it was made.
    static let labelsKept: Set<String> = ["name", "kind"]
}

extension RecoveryPoint {
    /// The original's name; `nil` of a point that is no copy.
    package var copyOf: PointOrigin? { draft.labels[CopyRecord.copyOf].flatMap(PointOrigin.init) }

    /// What all copies of this point share with it.
    ///
    /// - Parameter vault: The id of the vault that it is in.
    /// - Returns: The original's name, which is its own unless it is a copy.
    package func origin(in vault: UniqueID) -> PointOrigin {
        copyOf ?? PointOrigin(vault: vault, point: id)
    }
}

extension RecoveryPointDraft {
    /// What a copy of a point says of itself.
    ///
    /// It has the instant, creation and statistics of the point, so that listings and retention rules see it as they
    /// saw
    /// that. Labels other than ``CopyRecord/labelsKept`` and holds are the other vault's business, and so is how long
    /// it stays.
    /// The minimum of a lock counts from the copying. When a point moves to cold storage is its vault's business too: a copy
    /// does so by `coldAfterDays` alone.
    ///
    /// - Parameters:
    ///   - point: The one that was copied.
    ///   - vault: The id of its vault.
    ///   - maps: The same maps, as the copy's vault has them.
    ///   - copied: Now.
    ///   - expires: When the copy may go; `nil` leaves that to a retention rule.
    ///   - coldAfterDays: When it is due for cold storage by itself, in days since its original was made; `nil` for never.
    ///   - labels: Of the copy alone.
    ///   - statistics: What copying cost, each name beginning with `copied`.
    package init(
        copyOf point: RecoveryPoint,
        in vault: UniqueID,
        maps: [String: MapRoot],
        copied: Timestamp,
        expires: Timestamp?,
        coldAfterDays: Int? = nil,
        labels: [String: String],
        statistics: [String: UInt64]
    ) {
        self = point.draft
        self.maps = maps
        self.expires = expires
        let original = point.draft
        self.labels = original.labels.filter { CopyRecord.labelsKept.contains($0.key) }
        self.labels[CopyRecord.madeByJob] =
            original.labels[CopyRecord.madeByJob]
            ?? (point.copyOf == nil ? original.labels["job"] : nil)
        self.labels[CopyRecord.copyOf] = point.origin(in: vault).description
        self.labels[CopyRecord.copiedFrom] =
            PointOrigin(vault: vault, point: point.id).description
        self.labels.merge(labels) { $1 }
        self.statistics = original.statistics.filter {
            !$0.key.hasPrefix(CopyRecord.prefix) && $0.key != RecoveryPoint.coldAfterDays
        }
        self.statistics[RecoveryPoint.coldAfterDays] = coldAfterDays.map { UInt64(clamping: $0) }
        self.statistics.merge(statistics) { $1 }
        let seconds = UInt64(clamping: copied.seconds + (copied.nanoseconds > 0 ? 1 : 0))
        self.statistics[CopyRecord.copiedSeconds] = seconds
        self.statistics[VaultLock.countedFrom] = seconds
    }
}
