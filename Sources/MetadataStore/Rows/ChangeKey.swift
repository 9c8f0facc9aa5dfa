package import VarveModel

/// Names one row that changed, as the `chg` table lists it once per epoch.
package enum ChangeKey: Hashable, Sendable, Comparable {
    case inode(InodeNumber)
    /// A directory and the hash of a name in it.
    case dirent(InodeNumber, UInt64)
    case xattr(InodeNumber, UInt64)
    case inline(InodeNumber)
    /// A tile of a file; tile -1 is a range operation over several: compare the whole file's map.
    case content(InodeNumber, Int64)
    /// The set of names of an inode that has, or had, more than one.
    case link(InodeNumber)

    /// The stored number of the kind.
    package var kind: Int64 {
        switch self {
        case .inode: 1
        case .dirent: 2
        case .xattr: 3
        case .inline: 4
        case .content: 5
        case .link: 6
        }
    }

    /// The inode, or the directory of a dirent.
    package var inode: InodeNumber {
        switch self {
        case .inode(let inode), .inline(let inode), .link(let inode): inode
        case .dirent(let inode, _), .xattr(let inode, _), .content(let inode, _): inode
        }
    }

    /// The second half of the key; zero when the inode says all.
    package var detail: Int64 {
        switch self {
        case .inode, .inline, .link: 0
        case .dirent(_, let hash), .xattr(_, let hash): Int64(hash)
        case .content(_, let tile): tile
        }
    }

    /// `nil` for a kind that this format does not know.
    package init?(kind: Int64, inode: InodeNumber, detail: Int64) {
        switch kind {
        case 1: self = .inode(inode)
        case 2: self = .dirent(inode, UInt64(bitPattern: detail))
        case 3: self = .xattr(inode, UInt64(bitPattern: detail))
        case 4: self = .inline(inode)
        case 5: self = .content(inode, detail)
        case 6: self = .link(inode)
        default: return nil
        }
    }

    /// The order of the `chg` table within an epoch.
    package static func < (left: ChangeKey, right: ChangeKey) -> Bool {
        (left.kind, left.inode.rawValue, left.detail)
            < (right.kind, right.inode.rawValue, right.detail)
    }
}

/// A key as the journal holds it: under the epoch in which it changed.
package struct FiledChange: Hashable, Sendable, Comparable {
    package let epoch: Epoch
    package let key: ChangeKey

    package init(epoch: Epoch, key: ChangeKey) {
        self.epoch = epoch
        self.key = key
    }

    /// The order of the `chg` table.
    package static func < (left: FiledChange, right: FiledChange) -> Bool {
        (left.epoch, left.key) < (right.epoch, right.key)
    }
}

/// Whether a key reads the same at both ends of a difference.
package enum ChangeComparison: Hashable, Sendable {
    case same
    case changed
}
