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

    /// Which zones hold it, in EFS's words; settled when it is made.
    package enum Placement: Sendable, Hashable {
        /// In the state directory, under the name of a zone.
        case oneZone(String)
        /// A whole copy in each of these, in the order in which they are read.
        case regional([String])
    }

    package let id: FileSystemID
    /// The id that its databases are sealed with.
    package let unique: UniqueID
    /// The id that its segments and its data key are sealed with.
    package let family: UniqueID
    /// What people call it; not necessarily unique.
    package let name: String
    package let placement: Placement
    package let created: Timestamp
    package var state: State
    package let tags: [String: String]

    package init(
        id: FileSystemID,
        unique: UniqueID,
        family: UniqueID,
        name: String,
        placement: Placement,
        created: Timestamp,
        state: State,
        tags: [String: String] = [:]
    ) {
        self.id = id
        self.unique = unique
        self.family = family
        self.name = name
        self.placement = placement
        self.created = created
        self.state = state
        self.tags = tags
    }

    /// The zone of a One Zone file system; a Regional one has no such name (EFS: AvailabilityZoneName).
    package var availabilityZone: String? {
        switch placement {
        case .oneZone(let zone): zone
        case .regional: nil
        }
    }
}
