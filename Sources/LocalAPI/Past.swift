/// Asks for a snapshot.
package struct CreateSnapshot: Codable, Sendable, Hashable {
    package var fileSystem: String
    package var name: String
    /// Seconds from now; `nil` keeps it until it is deleted.
    package var expiresAfter: Int64?

    package init(fileSystem: String, name: String, expiresAfter: Int64? = nil) {
        self.fileSystem = fileSystem
        self.name = name
        self.expiresAfter = expiresAfter
    }
}

/// Names a snapshot.
package struct SnapshotName: Codable, Sendable, Hashable {
    package var fileSystem: String
    package var name: String

    package init(fileSystem: String, name: String) {
        self.fileSystem = fileSystem
        self.name = name
    }
}

/// A snapshot.
package struct SnapshotDescription: Codable, Sendable, Hashable {
    package var name: String
    package var created: TimeText
    package var expires: TimeText?

    package init(name: String, created: TimeText, expires: TimeText? = nil) {
        self.name = name
        self.created = created
        self.expires = expires
    }
}

/// Asks what differs between two moments of a file system.
package struct DiffRequest: Codable, Sendable, Hashable {
    package var fileSystem: String
    package var old: Moment
    package var new: Moment

    package init(fileSystem: String, old: Moment, new: Moment) {
        self.fileSystem = fileSystem
        self.old = old
        self.new = new
    }
}

/// What differs.
package struct DiffReport: Codable, Sendable, Hashable {
    package var differences: [Difference]
    /// Keys of the journal of changes that were compared, each once for every epoch in which it changed.
    package var compared: UInt64
    /// Whether there were more than the answer holds.
    package var isCut: Bool

    package init(differences: [Difference], compared: UInt64, isCut: Bool) {
        self.differences = differences
        self.compared = compared
        self.isCut = isCut
    }
}

/// One difference.
package struct Difference: Codable, Sendable, Hashable {
    /// `+` added, `-` removed, `M` changed; in the plan of a restore also `=`, which would stay.
    package var sign: String
    package var path: EscapedBytes
    package var kind: String
    /// What changed: `data`, `attributes`, `xattrs`.
    package var what: [String]

    package init(sign: String, path: EscapedBytes, kind: String, what: [String]) {
        self.sign = sign
        self.path = path
        self.kind = kind
        self.what = what
    }
}

/// One version of a file.
package struct VersionDescription: Codable, Sendable, Hashable {
    /// When it came to be; `restore --at` this time brings it back.
    package var since: TimeText
    package var size: UInt64
    package var modified: TimeText
    package var mode: String
    package var uid: UInt32
    package var gid: UInt32
    package var isLive: Bool

    package init(
        since: TimeText,
        size: UInt64,
        modified: TimeText,
        mode: String,
        uid: UInt32,
        gid: UInt32,
        isLive: Bool
    ) {
        self.since = since
        self.size = size
        self.modified = modified
        self.mode = mode
        self.uid = uid
        self.gid = gid
        self.isLive = isLive
    }
}

/// Asks to bring something back.
package struct RestoreRequest: Codable, Sendable, Hashable {
    /// Where a restored tree goes: exactly one is given.
    package struct Target: Codable, Sendable, Hashable {
        package var file: FileReference?
        /// Absolute.
        package var hostPath: EscapedBytes?
        /// The Name of a file system to be made.
        package var newFileSystem: String?
        /// A file system that takes it below a directory of its own, `aws-backup-restore_<time>`.
        package var existingFileSystem: String?
        package var isInPlace: Bool

        package init(
            file: FileReference? = nil,
            hostPath: EscapedBytes? = nil,
            newFileSystem: String? = nil,
            existingFileSystem: String? = nil,
            isInPlace: Bool
        ) {
            self.file = file
            self.hostPath = hostPath
            self.newFileSystem = newFileSystem
            self.existingFileSystem = existingFileSystem
            self.isInPlace = isInPlace
        }
    }

    package var file: FileReference
    package var moment: Moment
    package var target: Target
    /// What of the tree to restore; `nil` for all of it.
    package var parts: RestoreParts?
    /// Asks what it would change; changes nothing.
    package var isPlan: Bool

    package init(
        file: FileReference,
        moment: Moment,
        target: Target,
        parts: RestoreParts? = nil,
        isPlan: Bool = false
    ) {
        self.file = file
        self.moment = moment
        self.target = target
        self.parts = parts
        self.isPlan = isPlan
    }
}

/// Names of a tree, by pattern and by path; both count from the path that is restored.
package struct RestoreParts: Codable, Sendable, Hashable {
    package var patterns: [EscapedBytes]
    package var items: [EscapedBytes]

    package init(patterns: [EscapedBytes], items: [EscapedBytes]) {
        self.patterns = patterns
        self.items = items
    }
}

/// Where a restore took its bytes from.
package struct RestoreOrigin: Codable, Sendable, Hashable {
    /// `history`, `snapshot` or `recovery-point`.
    package var kind: String
    /// The instant that it shows.
    package var instant: TimeText
    /// Of a snapshot its name, of a recovery point its id.
    package var name: String?
    /// Of a recovery point.
    package var vault: String?
    /// Why a recovery point was taken though a time was asked for.
    package var reason: String?

    package init(
        kind: String,
        instant: TimeText,
        name: String? = nil,
        vault: String? = nil,
        reason: String? = nil
    ) {
        self.kind = kind
        self.instant = instant
        self.name = name
        self.vault = vault
        self.reason = reason
    }
}

/// What a restore did.
package struct RestoreReport: Codable, Sendable, Hashable {
    package var files: UInt64
    package var bytes: UInt64
    /// The first thousand of what could not be done.
    package var left: [LeftOut]
    /// All of it.
    package var leftCount: UInt64
    /// The id of the file system that was made or written.
    package var fileSystem: String?
    /// Of a restore in place: the snapshot that undoes it; it goes by itself after a week.
    package var undo: String?
    /// Of a recovery point: the vault that held it.
    package var vault: String?
    /// Of a plan: what would come (`+`), go (`-`), change (`M`) and stay though the source lacks it (`=`).
    package var plan: DiffReport?
    /// What was restored from.
    package var origin: RestoreOrigin?
    /// The directory that was made for it in an existing file system.
    package var directory: EscapedBytes?

    package init(
        files: UInt64,
        bytes: UInt64,
        left: [LeftOut],
        leftCount: UInt64,
        fileSystem: String? = nil,
        undo: String? = nil,
        plan: DiffReport? = nil,
        origin: RestoreOrigin? = nil,
        directory: EscapedBytes? = nil
    ) {
        self.files = files
        self.bytes = bytes
        self.left = left
        self.leftCount = leftCount
        self.fileSystem = fileSystem
        self.undo = undo
        self.plan = plan
        self.origin = origin
        self.directory = directory
    }
}
