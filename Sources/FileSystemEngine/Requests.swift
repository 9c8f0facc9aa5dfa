package import VarveModel

/// What `create` makes.
package struct NewInode: Sendable, Hashable {
    /// What it is, with what only that kind has.
    package enum Kind: Sendable, Hashable {
        case regular
        case directory
        /// Target bytes, 1 to 4,095, without NUL.
        case symlink(target: [UInt8])
        case fifo
        case socket
        case characterDevice(DeviceNumber)
        case blockDevice(DeviceNumber)
    }

    package var kind: Kind
    /// The low 12 bits of `st_mode`; the caller has applied its umask.
    package var permissions: UInt16
    /// Another owner than the caller: root only.
    package var uid: UInt32?
    /// Another group than the caller's (or a set-group-id directory's): root, or a member.
    package var gid: UInt32?
    /// Times other than now: root, for imports and restores.
    package var accessed: Timestamp?
    package var modified: Timestamp?

    package init(
        _ kind: Kind,
        permissions: UInt16,
        uid: UInt32? = nil,
        gid: UInt32? = nil,
        accessed: Timestamp? = nil,
        modified: Timestamp? = nil
    ) {
        self.kind = kind
        self.permissions = permissions
        self.uid = uid
        self.gid = gid
        self.accessed = accessed
        self.modified = modified
    }
}

extension NewInode.Kind {
    /// The kind without its particulars.
    package var fileKind: FileKind {
        switch self {
        case .regular: .regular
        case .directory: .directory
        case .symlink: .symlink
        case .fifo: .fifo
        case .socket: .socket
        case .characterDevice: .characterDevice
        case .blockDevice: .blockDevice
        }
    }
}

/// What `setAttributes` changes; what is `nil` stays.
package struct AttributeChanges: Sendable, Hashable {
    /// A time to set: the engine's now, which a writer may ask for, or a given one, the owner's right.
    package enum Time: Sendable, Hashable {
        case now
        case exactly(Timestamp)
    }

    package var permissions: UInt16?
    package var uid: UInt32?
    package var gid: UInt32?
    /// Truncates, or extends by a hole.
    package var size: UInt64?
    package var accessed: Time?
    package var modified: Time?

    package init(
        permissions: UInt16? = nil,
        uid: UInt32? = nil,
        gid: UInt32? = nil,
        size: UInt64? = nil,
        accessed: Time? = nil,
        modified: Time? = nil
    ) {
        self.permissions = permissions
        self.uid = uid
        self.gid = gid
        self.size = size
        self.accessed = accessed
        self.modified = modified
    }
}

/// When a write is answered (RFC 8881 §18.32, `stable_how4`).
package enum Stability: Sendable, Hashable {
    /// Once it is readable; `commit` makes it durable.
    case unstable
    /// Once it is durable.
    case stable
}

/// How `setExtendedAttribute` treats one that exists (setxattr(2)).
package enum AttributeSetMode: Sendable, Hashable {
    case either
    case create
    case replace
}

/// What a caller may want of an inode; a set (access(2), RFC 8881 §18.1).
package struct AccessRights: OptionSet, Sendable, Hashable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    package static let execute = AccessRights(rawValue: 1)
    package static let write = AccessRights(rawValue: 2)
    package static let read = AccessRights(rawValue: 4)
}

/// Bytes to be written, in the pieces in which they lie: those of a long write are sealed from where they are.
package protocol WrittenBytes: Sendable {
    var count: Int { get }
    /// All of them in one array: a copy, for what becomes a row.
    var bytes: [UInt8] { get }
    /// Lends the pieces, in order, for the call alone.
    func withPieces<Result>(_ body: ([UnsafeRawBufferPointer]) -> Result) -> Result
}

extension Array: WrittenBytes where Element == UInt8 {
    package var bytes: [UInt8] { self }

    package func withPieces<Result>(_ body: ([UnsafeRawBufferPointer]) -> Result) -> Result {
        // SAFETY: as long as the call of the closure.
        withUnsafeBytes { body([$0]) }
    }
}
