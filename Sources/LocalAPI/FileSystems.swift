/// Asks for a new file system.
package struct CreateFileSystem: Codable, Sendable, Hashable {
    package var name: String
    package var tags: [String: String]

    package init(name: String, tags: [String: String]) {
        self.name = name
        self.tags = tags
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
    /// `available`, or `unavailable` with the reason.
    package var state: String
    package var reason: String?
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
