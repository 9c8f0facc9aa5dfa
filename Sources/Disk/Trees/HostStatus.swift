package import VarveModel

/// What a name of the host stands for.
package struct HostStatus: Sendable, Hashable {
    /// Device and inode: equal for two names of one file.
    package let identity: HostIdentity
    package let kind: FileKind
    /// The low 12 bits of `st_mode`.
    package let permissions: UInt16
    package let uid: UInt32
    package let gid: UInt32
    package let links: UInt32
    package let size: UInt64
    package let accessed: Timestamp
    package let modified: Timestamp
    package let device: DeviceNumber
}

/// Names one file of the host while it exists.
package struct HostIdentity: Sendable, Hashable {
    package let device: UInt64
    package let inode: UInt64
}
