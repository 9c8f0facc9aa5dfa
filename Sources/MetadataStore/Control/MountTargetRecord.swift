package import VarveModel

/// A mount target as `control.sqlite` lists it: an address of its own at which clients find one file system.
package struct MountTargetRecord: Sendable, Hashable {
    package enum State: String, Sendable, Hashable, CaseIterable {
        /// Nobody was told of it yet; found at a start, it is removed.
        case creating
        case available
        /// Its clients are being forgotten; found at a start, that is finished.
        case deleting
    }

    package let id: MountTargetID
    package let fileSystem: FileSystemID
    /// Numeric, as inet_ntop(3) writes it.
    package let address: String
    package let port: UInt16
    package let created: Timestamp
    package var state: State

    package init(
        id: MountTargetID,
        fileSystem: FileSystemID,
        address: String,
        port: UInt16,
        created: Timestamp,
        state: State
    ) {
        self.id = id
        self.fileSystem = fileSystem
        self.address = address
        self.port = port
        self.created = created
        self.state = state
    }

    /// `127.0.0.2:2049`, `[::1]:2049`.
    package var endpoint: String {
        address.contains(":") ? "[\(address)]:\(port)" : "\(address):\(port)"
    }
}
