package import VarveModel

/// One version of an inode, as the `inode` table holds it.
package struct InodeRow: Hashable, Sendable {
    package var inode: InodeNumber
    /// The epoch from which this version holds; the store sets it.
    package var born: Epoch
    package var generation: UInt32
    package var kind: FileKind
    /// The low 12 bits of `st_mode`.
    package var permissions: UInt16
    package var uid: UInt32
    package var gid: UInt32
    package var links: UInt32
    /// Bytes; below 2^63.
    package var size: UInt64
    /// Bytes of data that the file's slices show, and of inline content.
    ///
    /// The store keeps it as slices come and go and ignores what callers set. It is an account, not
    /// a version: a past row holds the figure of the moment when it was copied.
    package var space: UInt64
    /// Set by SETATTR or at creation; the implicit access time is a row of its own.
    package var accessed: Timestamp
    package var modified: Timestamp
    package var changed: Timestamp
    package var created: Timestamp
    package var change: UInt64
    /// The directory that names it: of directories always, of others while there is one link.
    package var parent: InodeNumber
    /// The hash of its dirent in `parent`.
    package var parentHash: UInt64
    package var flags: UInt32
    package var project: UInt32
    /// The newest slice sequence that `size` and `modified` already reflect.
    package var appliedSequence: UInt64
    package var device: DeviceNumber

    package init(
        inode: InodeNumber,
        born: Epoch = .zero,
        generation: UInt32 = 1,
        kind: FileKind,
        permissions: UInt16,
        uid: UInt32 = 0,
        gid: UInt32 = 0,
        links: UInt32 = 1,
        size: UInt64 = 0,
        space: UInt64 = 0,
        accessed: Timestamp = .epoch,
        modified: Timestamp = .epoch,
        changed: Timestamp = .epoch,
        created: Timestamp = .epoch,
        change: UInt64 = 0,
        parent: InodeNumber = InodeNumber(rawValue: 0),
        parentHash: UInt64 = 0,
        flags: UInt32 = 0,
        project: UInt32 = 0,
        appliedSequence: UInt64 = 0,
        device: DeviceNumber = .none
    ) {
        self.inode = inode
        self.born = born
        self.generation = generation
        self.kind = kind
        self.permissions = permissions
        self.uid = uid
        self.gid = gid
        self.links = links
        self.size = size
        self.space = space
        self.accessed = accessed
        self.modified = modified
        self.changed = changed
        self.created = created
        self.change = change
        self.parent = parent
        self.parentHash = parentHash
        self.flags = flags
        self.project = project
        self.appliedSequence = appliedSequence
        self.device = device
    }
}

/// One version of a file, for `history`.
package struct VersionRow: Hashable, Sendable {
    package let born: Epoch
    /// `nil` while the version is alive.
    package let died: Epoch?
    package let row: InodeRow

    package init(born: Epoch, died: Epoch?, row: InodeRow) {
        self.born = born
        self.died = died
        self.row = row
    }
}
