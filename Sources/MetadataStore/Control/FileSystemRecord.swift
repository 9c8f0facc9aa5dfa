package import VarveModel

/// A file system as `control.sqlite` lists it.
package struct FileSystemRecord: Sendable, Hashable {
    package enum State: String, Sendable, Hashable, CaseIterable, Codable {
        /// Its files are being made; found at a start, they are removed.
        case creating
        case available
        /// Its files are being removed; found at a start, that is finished.
        case deleting
    }

    package let id: FileSystemID
    /// The id that its databases are sealed with.
    package let unique: UniqueID
    /// The id that its segments and its data key are sealed with.
    package let family: UniqueID
    /// What people call it; not necessarily unique.
    package let name: String
    /// The availability zone that holds it.
    package let zone: String
    package let created: Timestamp
    package var state: State
    package let tags: [String: String]

    package init(
        id: FileSystemID,
        unique: UniqueID,
        family: UniqueID,
        name: String,
        zone: String,
        created: Timestamp,
        state: State,
        tags: [String: String] = [:]
    ) {
        self.id = id
        self.unique = unique
        self.family = family
        self.name = name
        self.zone = zone
        self.created = created
        self.state = state
        self.tags = tags
    }
}
