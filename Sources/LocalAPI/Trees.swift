/// Asks the daemon to copy between a host directory, which it opens itself, and a file system.
package struct HostTransfer: Codable, Sendable, Hashable {
    /// Absolute.
    package var hostPath: EscapedBytes
    package var file: FileReference
    package var moment: Moment

    package init(hostPath: EscapedBytes, file: FileReference, moment: Moment) {
        self.hostPath = hostPath
        self.file = file
        self.moment = moment
    }
}

/// Says where a tar stream goes, or what it is made of.
package struct TreeStream: Codable, Sendable, Hashable {
    package var file: FileReference
    package var moment: Moment

    package init(file: FileReference, moment: Moment) {
        self.file = file
        self.moment = moment
    }
}

/// What an import or export did.
package struct TreeReport: Codable, Sendable, Hashable {
    package var files: UInt64
    package var directories: UInt64
    /// Symbolic links, FIFOs, sockets and devices.
    package var others: UInt64
    package var bytes: UInt64
    /// What could not be done; the command then exits 3, or 2 when damage is among it.
    ///
    /// The first thousand of it.
    package var left: [LeftOut]
    /// All of it.
    package var leftCount: UInt64

    package init(
        files: UInt64,
        directories: UInt64,
        others: UInt64,
        bytes: UInt64,
        left: [LeftOut],
        leftCount: UInt64
    ) {
        self.files = files
        self.directories = directories
        self.others = others
        self.bytes = bytes
        self.left = left
        self.leftCount = leftCount
    }
}

/// One thing that could not be done.
package struct LeftOut: Codable, Sendable, Hashable {
    package var path: EscapedBytes
    package var what: String
    /// Whether it does not verify, and was not only refused.
    package var isDamage: Bool

    package init(path: EscapedBytes, what: String, isDamage: Bool = false) {
        self.path = path
        self.what = what
        self.isDamage = isDamage
    }
}
