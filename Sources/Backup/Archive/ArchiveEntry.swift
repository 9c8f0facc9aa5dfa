import VarveModel

/// One header of a pax archive, with what our trees have.
struct ArchiveEntry: Sendable {
    /// Relative, without a leading or trailing slash; empty for the root.
    var path: [UInt8] = []
    /// The path of the file that this is a further name of.
    var hardLink: [UInt8]?
    var node: TreeNode
    var details = TreeDetails()
    /// Runs of data of a file with holes; `nil` for a file without.
    var runs: [Range<UInt64>]?
}

/// What libarchive said.
struct ArchiveFailure: Error, Sendable {
    let reason: String
    /// Whether only this entry is affected.
    let isEntryOnly: Bool
}

extension FileName {
    /// The names of a relative path, `.` and empty ones left out; `nil` when one leads upwards or is none.
    static func components(_ path: [UInt8]) -> [FileName]? {
        var names: [FileName] = []
        for part in path.split(separator: UInt8(ascii: "/")) {
            guard let name = FileName(bytes: Array(part)), !name.isDotDot else { return nil }
            if !name.isDot { names.append(name) }
        }
        return names
    }

    /// The one way to write a path of these names.
    static func path(_ names: [FileName]) -> [UInt8] {
        Array(names.map(\.bytes).joined(separator: [UInt8(ascii: "/")]))
    }
}

extension TreeNode {
    /// A directory that an archive has files in, before its own header comes.
    static let plainDirectory = TreeNode(
        identity: Identity(device: 0, inode: 0),
        kind: .directory,
        permissions: 0o755,
        uid: 0,
        gid: 0,
        links: 1,
        size: 0,
        accessed: .epoch,
        modified: .epoch,
        device: .none
    )
}
