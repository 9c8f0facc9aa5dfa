/// Asks for a new mount target.
package struct CreateMountTarget: Codable, Sendable, Hashable {
    /// An id, or a Name that only one has.
    package var fileSystem: String
    /// Numeric, of this machine.
    package var address: String
    package var port: UInt16

    package init(fileSystem: String, address: String, port: UInt16) {
        self.fileSystem = fileSystem
        self.address = address
        self.port = port
    }
}

/// Names a mount target by id.
package struct MountTargetName: Codable, Sendable, Hashable {
    package var mountTarget: String

    package init(mountTarget: String) {
        self.mountTarget = mountTarget
    }
}

/// A mount target as it stands.
package struct MountTargetDescription: Codable, Sendable, Hashable {
    package var id: String
    /// The id of the file system that is found at its root.
    package var fileSystem: String
    package var fileSystemName: String
    package var address: String
    package var port: UInt16
    /// `creating`, `available`, `deleting`, or `error` with the reason.
    package var state: String
    package var reason: String?
    package var created: TimeText

    package init(
        id: String,
        fileSystem: String,
        fileSystemName: String,
        address: String,
        port: UInt16,
        state: String,
        reason: String? = nil,
        created: TimeText
    ) {
        self.id = id
        self.fileSystem = fileSystem
        self.fileSystemName = fileSystemName
        self.address = address
        self.port = port
        self.state = state
        self.reason = reason
        self.created = created
    }
}
