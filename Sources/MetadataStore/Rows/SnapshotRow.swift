package import VarveModel

/// A pinned epoch: a named snapshot, a bare hold, or a snapshot that is held too.
package struct SnapshotRow: Hashable, Sendable {
    package let id: Int64
    package let epoch: Epoch
    /// `nil` for a bare hold, and for a snapshot deleted while held.
    package let name: String?
    package let created: Timestamp
    package let expires: Timestamp?
    package let lockedUntil: Timestamp?
    /// Readers that keep the instant.
    package let holds: Int

    package init(
        id: Int64,
        epoch: Epoch,
        name: String?,
        created: Timestamp,
        expires: Timestamp?,
        lockedUntil: Timestamp?,
        holds: Int
    ) {
        self.id = id
        self.epoch = epoch
        self.name = name
        self.created = created
        self.expires = expires
        self.lockedUntil = lockedUntil
        self.holds = holds
    }
}

/// How far a consumer of changes has come.
package struct BookmarkRow: Hashable, Sendable {
    package let name: String
    package let epoch: Epoch
    package let expires: Timestamp?
    /// Its changes are no longer all kept: the consumer's next run is a full one.
    package let isBroken: Bool

    package init(name: String, epoch: Epoch, expires: Timestamp?, isBroken: Bool) {
        self.name = name
        self.epoch = epoch
        self.expires = expires
        self.isBroken = isBroken
    }
}
