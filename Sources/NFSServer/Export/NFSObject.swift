import NFSWire
import VarveModel

/// What a file handle names.
enum NFSObject: Sendable {
    /// The directory of all file systems.
    case gateway
    /// A file system's `.snapshot`: the directory of its past.
    case snapshots(ExportedFileSystem)
    case inode(InodeObject)
}

/// An inode of a file system at one moment.
struct InodeObject: Sendable {
    let fileSystem: ExportedFileSystem
    let inode: InodeNumber
    let view: View

    init(_ fileSystem: ExportedFileSystem, _ inode: InodeNumber, at view: View = .live) {
        self.fileSystem = fileSystem
        self.inode = inode
        self.view = view
    }

    var key: FileKey { FileKey(fileSystem: fileSystem.key, inode: inode, view: view) }

    /// Another inode of the same file system and moment.
    func sibling(_ other: InodeNumber) -> InodeObject {
        InodeObject(fileSystem, other, at: view)
    }
}
