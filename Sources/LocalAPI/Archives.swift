/// Asks for a tree as an archive; its bytes are what the download brings.
///
/// The daemon hears neither passphrase nor identity: it is given the key of this one file, and the header that wraps it.
package struct ExportArchive: Codable, Sendable, Hashable {
    package var file: FileReference
    package var moment: Moment
    /// An age header.
    package var header: String
    /// The file key that it wraps, in hex.
    package var fileKey: String
    /// zstd's, from 1 to 19.
    package var level: Int

    package static let levels = 1...19

    package init(
        file: FileReference,
        moment: Moment,
        header: String,
        fileKey: String,
        level: Int
    ) {
        self.file = file
        self.moment = moment
        self.header = header
        self.fileKey = fileKey
        self.level = level
    }
}

/// Says where the parts of an archive go, which are the upload's body.
package struct ImportArchive: Codable, Sendable, Hashable {
    /// Where to, unless a file system is to be made.
    package var file: FileReference?
    /// The Name of the file system to be made.
    package var newFileSystem: String?
    /// Asks what would be overwritten; the body then has names alone.
    package var isPlan: Bool

    package init(file: FileReference?, newFileSystem: String? = nil, isPlan: Bool = false) {
        self.file = file
        self.newFileSystem = newFileSystem
        self.isPlan = isPlan
    }
}

/// What an import of an archive did, or would do.
package struct ImportArchiveReport: Codable, Sendable, Hashable {
    /// A name that is taken.
    package struct Taken: Codable, Sendable, Hashable {
        package var path: EscapedBytes
        package var kind: String
        /// What stands there.
        package var existing: String

        package init(path: EscapedBytes, kind: String, existing: String) {
            self.path = path
            self.kind = kind
            self.existing = existing
        }
    }

    package var copied: TreeReport?
    /// The id of the file system that was made.
    package var fileSystem: String?
    /// Of a plan: names that would be overwritten, the first 10,000 of them.
    package var taken: [Taken]?
    package var takenCount: UInt64?
    /// Of a plan: names in all.
    package var entries: UInt64?

    package init(
        copied: TreeReport? = nil,
        fileSystem: String? = nil,
        taken: [Taken]? = nil,
        takenCount: UInt64? = nil,
        entries: UInt64? = nil
    ) {
        self.copied = copied
        self.fileSystem = fileSystem
        self.taken = taken
        self.takenCount = takenCount
        self.entries = entries
    }
}
