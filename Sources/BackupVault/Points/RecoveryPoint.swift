package import VarveModel

/// Names a recovery point: `rp-` and 32 lower-case hex digits.
package struct RecoveryPointID: Hashable, Sendable, Comparable, CustomStringConvertible {
    let unique: UniqueID

    init(_ unique: UniqueID) {
        self.unique = unique
    }

    /// `nil` for anything but `rp-` and 32 lower-case hex digits.
    package init?(_ text: String) {
        guard text.hasPrefix("rp-"),
            let unique = Hex.decode(String(text.dropFirst(3))).flatMap(UniqueID.init)
        else { return nil }
        self.unique = unique
    }

    package var description: String { "rp-" + Hex.encode(unique.bytes) }

    package static func < (left: RecoveryPointID, right: RecoveryPointID) -> Bool {
        left.unique.bytes.precedes(right.unique.bytes)
    }
}

/// What a caller says of a recovery point before it is published.
package struct RecoveryPointDraft: Hashable, Sendable {
    /// Whose bytes these are; the vault does not interpret it.
    package var source: String
    /// The caller's own number of the instant.
    package var instant: UInt64
    package var instantTime: Timestamp
    package var created: Timestamp
    /// When ``Vault/expire(now:)`` deletes it; `nil` keeps it.
    package var expires: Timestamp?
    package var maps: [String: MapRoot]
    package var statistics: [String: UInt64]
    package var labels: [String: String]

    package init(
        source: String,
        instant: UInt64,
        instantTime: Timestamp,
        created: Timestamp,
        expires: Timestamp? = nil,
        maps: [String: MapRoot],
        statistics: [String: UInt64] = [:],
        labels: [String: String] = [:]
    ) {
        self.source = source
        self.instant = instant
        self.instantTime = instantTime
        self.created = created
        self.expires = expires
        self.maps = maps
        self.statistics = statistics
        self.labels = labels
    }
}

/// One restorable backup; never changed once published.
@dynamicMemberLookup
package struct RecoveryPoint: Hashable, Sendable, Identifiable {
    package let id: RecoveryPointID
    /// What its writer said of it.
    package let draft: RecoveryPointDraft
    /// Where it is in cold storage, where its draft has no maps; `nil` of a warm one.
    package let cold: ColdRecord?

    init(id: RecoveryPointID, draft: RecoveryPointDraft, cold: ColdRecord? = nil) {
        self.id = id
        self.draft = draft
        self.cold = cold
    }

    /// The draft's fields, read-only.
    package subscript<Value>(dynamicMember path: KeyPath<RecoveryPointDraft, Value>) -> Value {
        draft[keyPath: path]
    }
}

/// The points of a vault, and the manifests that could not be read.
package struct RecoveryPointListing: Sendable {
    /// By creation, then by id.
    package let points: [RecoveryPoint]
    package let damaged: [DamagedManifest]

    /// A manifest that cannot be read, or is lost.
    package struct DamagedManifest: Sendable {
        package let id: RecoveryPointID
        package let error: VaultError
    }
}
