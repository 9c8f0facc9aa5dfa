/// Names a file at a moment.
package struct FileRequest: Codable, Sendable, Hashable {
    package var file: FileReference
    package var moment: Moment

    package init(file: FileReference, moment: Moment) {
        self.file = file
        self.moment = moment
    }
}

/// Asks for one page of a listing; of something that is no directory, for itself.
package struct ListDirectory: Codable, Sendable, Hashable {
    package var file: FileReference
    package var moment: Moment
    /// Where the page before ended; 0 for the first.
    package var after: UInt64

    package init(file: FileReference, moment: Moment, after: UInt64) {
        self.file = file
        self.moment = moment
        self.after = after
    }
}

/// One page of a listing.
package struct DirectoryListing: Codable, Sendable, Hashable {
    package var entries: [FileEntry]
    /// Hand it back as `after`; `nil` at the end.
    package var next: UInt64?

    package init(entries: [FileEntry], next: UInt64? = nil) {
        self.entries = entries
        self.next = next
    }
}

/// One name and what it names.
package struct FileEntry: Codable, Sendable, Hashable {
    package var name: EscapedBytes
    package var inode: UInt64
    /// `file`, `directory`, `symlink`, `fifo`, `socket`, `character-device`, `block-device`.
    package var kind: String
    /// The low 12 bits in octal: `0644`.
    package var mode: String
    package var uid: UInt32
    package var gid: UInt32
    package var links: UInt32
    package var size: UInt64
    package var modified: TimeText
    /// Of a symbolic link.
    package var target: EscapedBytes?

    package init(
        name: EscapedBytes,
        inode: UInt64,
        kind: String,
        mode: String,
        uid: UInt32,
        gid: UInt32,
        links: UInt32,
        size: UInt64,
        modified: TimeText,
        target: EscapedBytes? = nil
    ) {
        self.name = name
        self.inode = inode
        self.kind = kind
        self.mode = mode
        self.uid = uid
        self.gid = gid
        self.links = links
        self.size = size
        self.modified = modified
        self.target = target
    }
}

/// All that is known of a file.
package struct FileDescription: Codable, Sendable, Hashable {
    package var inode: UInt64
    package var kind: String
    package var mode: String
    package var uid: UInt32
    package var gid: UInt32
    package var links: UInt32
    package var size: UInt64
    package var allocated: UInt64
    package var accessed: TimeText
    package var modified: TimeText
    package var changed: TimeText
    package var created: TimeText
    package var change: UInt64
    /// `major:minor` of a device.
    package var device: String?
    package var target: EscapedBytes?
    /// `standard`, `ia`, `archive`; of a regular file in the present.
    package var tier: String?
    /// Names to values, both escaped.
    package var xattrs: [String: EscapedBytes]

    package init(
        inode: UInt64,
        kind: String,
        mode: String,
        uid: UInt32,
        gid: UInt32,
        links: UInt32,
        size: UInt64,
        allocated: UInt64,
        accessed: TimeText,
        modified: TimeText,
        changed: TimeText,
        created: TimeText,
        change: UInt64,
        device: String? = nil,
        target: EscapedBytes? = nil,
        tier: String? = nil,
        xattrs: [String: EscapedBytes]
    ) {
        self.inode = inode
        self.kind = kind
        self.mode = mode
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
        self.target = target
        self.tier = tier
        self.xattrs = xattrs
    }
}

/// Says what the body of a write is.
package struct WriteFile: Codable, Sendable, Hashable {
    package var file: FileReference
    /// Where the bytes go; `nil` replaces the file whole.
    package var offset: UInt64?

    package init(file: FileReference, offset: UInt64? = nil) {
        self.file = file
        self.offset = offset
    }
}

/// Asks to remove a name.
package struct RemoveFile: Codable, Sendable, Hashable {
    package var file: FileReference
    /// A directory, with all beneath it.
    package var isRecursive: Bool
    /// A missing name is no error.
    package var isForced: Bool

    package init(file: FileReference, isRecursive: Bool, isForced: Bool) {
        self.file = file
        self.isRecursive = isRecursive
        self.isForced = isForced
    }
}

/// What a removal did.
package struct RemoveReport: Codable, Sendable, Hashable {
    package var removed: UInt64

    package init(removed: UInt64) {
        self.removed = removed
    }
}

/// Asks for a directory.
package struct MakeDirectory: Codable, Sendable, Hashable {
    package var file: FileReference
    /// The low 12 bits; `nil` is 0755.
    package var mode: UInt16?
    /// Makes missing parents, and is content with a directory that is there.
    package var withParents: Bool

    package init(file: FileReference, mode: UInt16? = nil, withParents: Bool) {
        self.file = file
        self.mode = mode
        self.withParents = withParents
    }
}

/// Two names in one file system.
package struct TwoFiles: Codable, Sendable, Hashable {
    package var from: FileReference
    package var to: FileReference

    package init(from: FileReference, to: FileReference) {
        self.from = from
        self.to = to
    }
}

/// Asks for a symbolic link.
package struct MakeSymlink: Codable, Sendable, Hashable {
    package var target: EscapedBytes
    package var file: FileReference

    package init(target: EscapedBytes, file: FileReference) {
        self.target = target
        self.file = file
    }
}

/// Changes attributes; what is absent stays.
package struct SetAttributes: Codable, Sendable, Hashable {
    package var file: FileReference
    /// Whether a symbolic link at the end of the path stands for its target.
    package var followsLink: Bool
    package var mode: UInt16?
    package var uid: UInt32?
    package var gid: UInt32?
    package var size: UInt64?
    package var accessed: TimeExpression?
    package var modified: TimeExpression?

    package init(
        file: FileReference,
        followsLink: Bool,
        mode: UInt16? = nil,
        uid: UInt32? = nil,
        gid: UInt32? = nil,
        size: UInt64? = nil,
        accessed: TimeExpression? = nil,
        modified: TimeExpression? = nil
    ) {
        self.file = file
        self.followsLink = followsLink
        self.mode = mode
        self.uid = uid
        self.gid = gid
        self.size = size
        self.accessed = accessed
        self.modified = modified
    }
}

/// Sets an extended attribute; without a value, removes it.
package struct SetXattr: Codable, Sendable, Hashable {
    package var file: FileReference
    package var name: EscapedBytes
    package var value: EscapedBytes?

    package init(file: FileReference, name: EscapedBytes, value: EscapedBytes? = nil) {
        self.file = file
        self.name = name
        self.value = value
    }
}

/// What a tree holds.
package struct UsageReport: Codable, Sendable, Hashable {
    package var files: UInt64
    package var directories: UInt64
    package var others: UInt64
    /// Sizes of its files; one with several names counts once.
    package var bytes: UInt64
    /// Bytes that their data occupies, holes excluded.
    package var allocated: UInt64

    package init(
        files: UInt64,
        directories: UInt64,
        others: UInt64,
        bytes: UInt64,
        allocated: UInt64
    ) {
        self.files = files
        self.directories = directories
        self.others = others
        self.bytes = bytes
        self.allocated = allocated
    }
}
