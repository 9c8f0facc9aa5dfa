package import VarveModel

/// One name in a directory.
package struct DirentRow: Hashable, Sendable {
    package let directory: InodeNumber
    /// The keyed hash of the name and its collision number: lookup key, listing order, NFS cookie.
    package let hash: UInt64
    package let born: Epoch
    package let inode: InodeNumber
    package let kind: FileKind
    package let name: FileName

    package init(
        directory: InodeNumber,
        hash: UInt64,
        born: Epoch,
        inode: InodeNumber,
        kind: FileKind,
        name: FileName
    ) {
        self.directory = directory
        self.hash = hash
        self.born = born
        self.inode = inode
        self.kind = kind
        self.name = name
    }
}

/// Where a listing of every dirent of a file system goes on.
package struct DirentKey: Hashable, Sendable {
    package let directory: InodeNumber
    package let hash: UInt64

    package init(directory: InodeNumber, hash: UInt64) {
        self.directory = directory
        self.hash = hash
    }
}

/// A dirent and the inode that it names, read at one view.
package struct ListedEntry: Hashable, Sendable {
    package let dirent: DirentRow
    package let inode: InodeRow

    package init(dirent: DirentRow, inode: InodeRow) {
        self.dirent = dirent
        self.inode = inode
    }
}

/// One extended attribute.
package struct XattrRow: Hashable, Sendable {
    package let inode: InodeNumber
    package let hash: UInt64
    package let born: Epoch
    package let name: [UInt8]
    package let value: [UInt8]

    package init(inode: InodeNumber, hash: UInt64, born: Epoch, name: [UInt8], value: [UInt8]) {
        self.inode = inode
        self.hash = hash
        self.born = born
        self.name = name
        self.value = value
    }
}

/// One of several names of an inode; such rows exist only while there is more than one.
package struct LinkRow: Hashable, Sendable {
    package let inode: InodeNumber
    package let directory: InodeNumber
    package let hash: UInt64
    package let born: Epoch

    package init(inode: InodeNumber, directory: InodeNumber, hash: UInt64, born: Epoch) {
        self.inode = inode
        self.directory = directory
        self.hash = hash
        self.born = born
    }
}
