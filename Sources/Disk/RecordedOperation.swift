/// One mutating call that a simulated disk carried out.
package struct RecordedOperation: Sendable, CustomStringConvertible {
    /// What kind of call it was; faults choose by it.
    package enum Kind: String, Sendable, Hashable, CaseIterable {
        case create, write, sync, truncate, preallocate, punch, rename, remove
        case makeDirectory, removeDirectory, syncDirectory, corrupt
    }

    /// The call by the numbers of its nodes, as a replay needs it.
    enum Change: Sendable {
        case createFile(node: Int, in: Int, name: String)
        case makeDirectory(node: Int, in: Int, name: String)
        case remove(in: Int, name: String)
        case removeDirectory(in: Int, name: String)
        case rename(node: Int, in: Int, name: String, to: Int, newName: String)
        case write(node: Int, offset: UInt64, bytes: [UInt8])
        case truncate(node: Int, size: UInt64)
        case preallocate(node: Int, range: Range<UInt64>)
        case punch(node: Int, range: Range<UInt64>)
        case flip(node: Int, offset: UInt64, mask: UInt8)
        case sync(node: Int)
        case failedSync(node: Int)
        case syncDirectory(node: Int)
    }

    /// From 1, in the order in which the disk saw them.
    package let number: Int
    package let path: String
    let change: Change

    package var kind: Kind {
        switch change {
        case .createFile: .create
        case .makeDirectory: .makeDirectory
        case .remove: .remove
        case .removeDirectory: .removeDirectory
        case .rename: .rename
        case .write: .write
        case .truncate: .truncate
        case .preallocate: .preallocate
        case .punch: .punch
        case .flip: .corrupt
        case .sync, .failedSync: .sync
        case .syncDirectory: .syncDirectory
        }
    }

    package var description: String {
        let detail =
            switch change {
            case .write(_, let offset, let bytes): " \(bytes.count) bytes at \(offset)"
            case .truncate(_, let size): " to \(size)"
            case .preallocate(_, let range), .punch(_, let range): " \(range)"
            case .rename(_, _, _, _, let newName): " to \(newName)"
            case .failedSync: " (failed)"
            default: ""
            }
        return "#\(number) \(kind.rawValue) \(path)\(detail)"
    }
}

/// One sync of a file or a directory, so that a test can leave it out.
package struct RecordedSync: Sendable, Hashable {
    /// From 1; files and directories in one order.
    package let number: Int
    /// The number of its operation.
    package let operation: Int
    package let path: String
    package let isDirectory: Bool
}

/// One read of a file.
package struct RecordedRead: Sendable, Hashable {
    package let path: String
    package let offset: UInt64
    /// Bytes that were there.
    package let count: Int
}

/// A moment that a test remembers, such as "this write was acknowledged".
package struct DiskMark: Sendable, Hashable {
    /// Operations that had happened by then.
    package let position: Int
    package let label: String
}

/// What becomes of bytes and names that no sync had made durable when the power went.
package enum CutFate: Sendable, Hashable {
    /// All of them reached the medium.
    case keepUnsynced
    /// None did.
    case dropUnsynced
    /// Some did: sectors of 512 bytes at random, and of each directory's changes any that concern a name
    /// of which no earlier one is missing.
    case tear(seed: UInt64)
}
