/// Asks for a new file system.
package struct CreateFileSystem: Codable, Sendable, Hashable {
    /// Which zones are to hold it.
    package enum Placement: Codable, Sendable, Hashable {
        /// The state directory alone, under this zone's name; `nil` for the settings' own.
        case oneZone(String?)
        /// All three.
        case regional
    }

    package var name: String
    package var tags: [String: String]
    package var placement: Placement

    package init(name: String, tags: [String: String], placement: Placement = .oneZone(nil)) {
        self.name = name
        self.tags = tags
        self.placement = placement
    }
}

/// What is left of a file system that was deleted.
package struct FileSystemDeletion: Codable, Sendable, Hashable {
    /// A zone that is away: the key there is erased when it is back.
    package struct Away: Codable, Sendable, Hashable {
        package var zone: String
        package var reason: String

        package init(zone: String, reason: String) {
            self.zone = zone
            self.reason = reason
        }
    }

    /// Empty when nothing is left.
    package var away: [Away]

    package init(away: [Away] = []) {
        self.away = away
    }
}

/// Names a file system by id, or by a Name that only one has.
package struct FileSystemName: Codable, Sendable, Hashable {
    package var fileSystem: String

    package init(fileSystem: String) {
        self.fileSystem = fileSystem
    }
}

/// Names one file system, or with `nil` all.
package struct OptionalFileSystem: Codable, Sendable, Hashable {
    package var fileSystem: String?

    package init(fileSystem: String? = nil) {
        self.fileSystem = fileSystem
    }
}

/// A file system as it stands.
package struct FileSystemDescription: Codable, Sendable, Hashable {
    package var id: String
    package var name: String
    package var created: TimeText
    package var tags: [String: String]
    /// `available`; `unavailable` with the reason; `deleting` with the zones that are away.
    package var state: String
    package var reason: String?
    /// Of a One Zone file system (EFS: AvailabilityZoneName).
    package var availabilityZone: String?
    /// Of a Regional file system.
    package var zones: [String]?
    /// Which of them hold no copy in sync; absent when all do.
    package var degraded: String?
    /// What follows is absent when it is unavailable.
    package var inodes: UInt64?
    /// Bytes that live files' data occupies.
    package var liveBytes: UInt64?
    /// Of them, by tier: `standard`, `ia`, `archive`.
    package var tierBytes: [String: UInt64]?
    /// Bytes of segment files by tier: `standard`, `ia`, `archive`.
    package var storedBytes: [String: UInt64]?
    /// Sealed bytes that only the past shows, and no snapshot: `keepBytes` bounds them.
    package var historyBytes: UInt64?
    /// Sealed bytes of the past that snapshots show.
    package var snapshotBytes: UInt64?
    package var metadataBytes: UInt64?
    package var diskAvailableBytes: UInt64?

    package init(
        id: String,
        name: String,
        created: TimeText,
        tags: [String: String],
        state: String,
        reason: String? = nil,
        availabilityZone: String? = nil,
        zones: [String]? = nil,
        degraded: String? = nil,
        inodes: UInt64? = nil,
        liveBytes: UInt64? = nil,
        tierBytes: [String: UInt64]? = nil,
        storedBytes: [String: UInt64]? = nil,
        historyBytes: UInt64? = nil,
        snapshotBytes: UInt64? = nil,
        metadataBytes: UInt64? = nil,
        diskAvailableBytes: UInt64? = nil
    ) {
        self.id = id
        self.name = name
        self.created = created
        self.tags = tags
        self.state = state
        self.reason = reason
        self.availabilityZone = availabilityZone
        self.zones = zones
        self.degraded = degraded
        self.inodes = inodes
        self.liveBytes = liveBytes
        self.tierBytes = tierBytes
        self.storedBytes = storedBytes
        self.historyBytes = historyBytes
        self.snapshotBytes = snapshotBytes
        self.metadataBytes = metadataBytes
        self.diskAvailableBytes = diskAvailableBytes
    }
}
