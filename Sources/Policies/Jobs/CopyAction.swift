/// Copies recovery points of file systems from one vault to another.
package struct CopyAction: Hashable, Sendable {
    /// Which of a file system's points.
    package enum Points: String, Sendable, Hashable, CaseIterable {
        /// The newest one, at each run.
        case newest
        /// All that are not there yet and that the retention would let stay.
        case all
    }

    /// File systems, also some that are gone: what counts is whose points the vault has.
    package let selection: FileSystemSelection
    /// The vault to copy from.
    package let source: String
    /// The vault to copy to.
    package let target: String
    package let points: Points
    /// Applied after each run to the copies that this job made; their age is that of their originals.
    ///
    /// `nil` keeps them for ever.
    package let retention: RetentionPolicy?

    package init(
        selection: FileSystemSelection,
        source: String,
        target: String,
        points: Points = .newest,
        retention: RetentionPolicy? = nil
    ) {
        self.selection = selection
        self.source = source
        self.target = target
        self.points = points
        self.retention = retention
    }
}
