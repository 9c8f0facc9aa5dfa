package import VarveModel

/// What the parts of a cold archive agree on (docs/formats/archive.md).
enum ColdArchiveFormat {
    /// 1 MiB of tar in a frame: a small file costs the reading of one, some 5 to 17 chunks of age's.
    static let frameBytes = 1 << 20
    /// 16 MiB: a frame that declares more is not one of ours.
    static let frameBytesMax = 16 << 20
    /// Index frames are skippable ones of kind 6, magic 0x184D2A56.
    static let skippableKind: UInt32 = 6
    /// 256 KiB of entries in a page of the index, or one entry that is longer.
    static let pageBytes = 256 << 10
    /// 4 MiB: an entry is a path, at most a link and a socket's attributes.
    static let pageBytesMax = 4 << 20
    /// 1 MiB: a longer path is left out of an archive, and said so.
    static let pathBytesMax = 1 << 20
    /// As Linux bounds them (xattr(7)).
    static let attributeNameBytesMax = 255
    static let attributeBytesMax = 64 << 10
    /// 1 MiB: with path and link an entry then fits into a page beside others; a socket that has more is left out.
    static let attributesBytesMax = 1 << 20
    static let labelsMax = 64
    static let labelNameBytesMax = 255
    static let labelBytesMax = 64 << 10
    /// 64 MiB: the root names at most some 5 million pages.
    static let rootBytesMax = 64 << 20
    static let rootMagic = Array("VRVAIDX\0".utf8)
    static let format: UInt32 = 1
    /// Entries and pages are small beside data, and read often.
    static let indexLevel: Int32 = 3
    /// What a tar archive ends with (POSIX.1-2017 pax, "ustar Interchange Format").
    static let tarEnd = [UInt8](repeating: 0, count: 1_024)
}

/// What an archive says of itself.
package struct ColdArchiveInfo: Sendable, Hashable {
    /// Names this archive.
    package var id: UniqueID
    /// When it was written.
    package var created: Timestamp
    /// The moment that it shows.
    package var instant: Timestamp
    /// What it was made of: `source` (a file system's id), `name`, `path`, `snapshot`, `recoveryPoint`, as far as they apply.
    package var labels: [String: String]
    package var entries: UInt64 = 0
    /// Bytes of files, without holes.
    package var dataBytes: UInt64 = 0
    package var tarBytes: UInt64 = 0

    package init(
        id: UniqueID = .random(),
        created: Timestamp,
        instant: Timestamp,
        labels: [String: String] = [:]
    ) {
        self.id = id
        self.created = created
        self.instant = instant
        self.labels = labels
    }
}

extension BackupError {
    /// Damage of an archive, with what still helps.
    static func damaged(_ archive: String, _ what: String) -> BackupError {
        BackupError(
            .corrupt,
            "archive '\(archive)': \(what)",
            remedy:
                "Take another copy of it. What stands before the damage can be read in order: age -d ARCHIVE | zstd -dc | tar -x."
        )
    }
}
