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
