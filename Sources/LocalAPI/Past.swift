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
    /// `+` added, `-` removed, `M` changed.
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
        package var isInPlace: Bool

        package init(
            file: FileReference? = nil,
            hostPath: EscapedBytes? = nil,
            newFileSystem: String? = nil,
            isInPlace: Bool
        ) {
            self.file = file
            self.hostPath = hostPath
            self.newFileSystem = newFileSystem
            self.isInPlace = isInPlace
        }
    }

    package var file: FileReference
    package var moment: Moment
    package var target: Target
    /// Asks what a restore in place would change; changes nothing.
    package var isPlan: Bool

    package init(file: FileReference, moment: Moment, target: Target, isPlan: Bool = false) {
        self.file = file
        self.moment = moment
        self.target = target
        self.isPlan = isPlan
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
    /// Of a plan: what would come back (`+`), go (`-`) and change (`M`).
    package var plan: DiffReport?

    package init(
        files: UInt64,
        bytes: UInt64,
        left: [LeftOut],
        leftCount: UInt64,
        fileSystem: String? = nil,
        undo: String? = nil,
        plan: DiffReport? = nil
    ) {
        self.files = files
        self.bytes = bytes
        self.left = left
        self.leftCount = leftCount
        self.fileSystem = fileSystem
        self.undo = undo
        self.plan = plan
    }
}
