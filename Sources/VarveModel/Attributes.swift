/// What an inode is.
///
/// Raw values are stored: they are the file-type bits of POSIX `st_mode` >> 12.
package enum FileKind: UInt8, Sendable, Hashable, CaseIterable, Codable {
    case fifo = 1
    case characterDevice = 2
    case directory = 4
    case blockDevice = 6
    case regular = 8
    case symlink = 10
    case socket = 12
}

/// The numbers of a device special file.
package struct DeviceNumber: Hashable, Sendable, Codable {
    package let major: UInt32
    package let minor: UInt32

    package init(major: UInt32, minor: UInt32) {
        self.major = major
        self.minor = minor
    }

    package static let none = DeviceNumber(major: 0, minor: 0)
}

/// An inode's attributes at one instant.
package struct Attributes: Hashable, Sendable {
    package var inode: InodeNumber
    /// Distinguishes a number's uses in file handles; numbers are never reused, so it is 1.
    package var generation: UInt32
    package var kind: FileKind
    /// The low 12 bits of `st_mode`: permissions, sticky, set-group-id, set-user-id.
    package var permissions: UInt16
    package var uid: UInt32
    package var gid: UInt32
    package var links: UInt32
    /// Bytes: of a directory 0, of a symlink the length of its target.
    package var size: UInt64
    /// Bytes that the file's data occupies, before compression and sealing; holes excluded.
    package var allocated: UInt64
    package var accessed: Timestamp
    package var modified: Timestamp
    package var changed: Timestamp
    package var created: Timestamp
    /// Grows with every change of data or metadata (RFC 8881 §5.8.1.4).
    package var change: UInt64
    package var device: DeviceNumber
    /// The directory of what has one name, the root's its own; zero for a file of several names, or of none.
    package var parent: InodeNumber
    /// The access point or quota tree that the inode belongs to; 0 for none.
    package var project: UInt32

    package init(
        inode: InodeNumber,
        generation: UInt32 = 1,
        kind: FileKind,
        permissions: UInt16,
        uid: UInt32,
        gid: UInt32,
        links: UInt32,
        size: UInt64,
        allocated: UInt64,
        accessed: Timestamp,
        modified: Timestamp,
        changed: Timestamp,
        created: Timestamp,
        change: UInt64,
        device: DeviceNumber = .none,
        parent: InodeNumber = InodeNumber(rawValue: 0),
        project: UInt32 = 0
    ) {
        self.inode = inode
        self.generation = generation
        self.kind = kind
        self.permissions = permissions
        self.uid = uid
        self.gid = gid
        self.links = links
        self.size = size
        self.allocated = allocated
        self.accessed = accessed
        self.modified = modified
        self.changed = changed
        self.created = created
        self.change = change
        self.device = device
        self.parent = parent
        self.project = project
    }
}

/// Who asks: what an AUTH_SYS credential carries.
package struct Credentials: Hashable, Sendable, Codable {
    package let uid: UInt32
    package let gid: UInt32
    /// Supplementary groups.
    package let groups: [UInt32]

    package init(uid: UInt32, gid: UInt32, groups: [UInt32] = []) {
        self.uid = uid
        self.gid = gid
        self.groups = groups
    }

    package static let root = Credentials(uid: 0, gid: 0)

    package var isRoot: Bool { uid == 0 }

    package func isMember(of group: UInt32) -> Bool {
        gid == group || groups.contains(group)
    }
}
