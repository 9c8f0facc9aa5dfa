package import VarveModel

/// How the zones of a disk stand at one moment.
package struct ZonedStanding: Sendable, Hashable {
    /// Why a zone holds no copy in sync.
    package enum Reason: Sendable, Hashable {
        /// A call failed there; in the words of the disk.
        case failed(String)
        /// It had no room for what the others took.
        case full
        /// Its directory or the file `zone` in it is missing, as where a disk is not mounted.
        case absent
        /// The file `zone` there names another file system or another zone.
        case foreign
        /// It was away while the others went on.
        case stale
        /// The file `zone` there does not verify.
        case damaged
    }

    package enum State: Sendable, Hashable {
        case inSync
        /// Neither read nor written.
        case out(Reason, since: Timestamp)
        /// Being made equal to the others: bytes compared so far, of about so many.
        case resilvering(done: UInt64, total: UInt64)
    }

    package struct Zone: Sendable, Hashable {
        package let name: String
        package let directory: String
        package let state: State
        /// Files that changed while it was out, at most; `nil` says: it is to be compared whole.
        package let missedFiles: Int?
        /// Bytes written meanwhile, since this start.
        package let missedBytes: UInt64
        /// Reads that it failed, and another zone answered, since this start.
        package let failedReads: UInt64
        /// What the disk said to the last of them.
        package let lastFailedRead: String?

        package init(
            name: String,
            directory: String,
            state: State,
            missedFiles: Int?,
            missedBytes: UInt64,
            failedReads: UInt64 = 0,
            lastFailedRead: String? = nil
        ) {
            self.name = name
            self.directory = directory
            self.state = state
            self.missedFiles = missedFiles
            self.missedBytes = missedBytes
            self.failedReads = failedReads
            self.lastFailedRead = lastFailedRead
        }
    }

    /// Grows with each change of members.
    package let epoch: UInt64
    /// In the order of the settings.
    package let zones: [Zone]
    /// Whether changes are taken; `false` once fewer than a majority of the zones would hold them.
    package let mayWrite: Bool
    /// How often changes were stopped since this start: what was open then takes none any more, and is to be opened anew.
    package let stops: Int
    /// Copied since this start to zones that had been out, or that differed at the start.
    package let resilveredBytes: UInt64
    /// Put in the place of bytes that did not verify, since this start.
    package let mendedBytes: UInt64

    /// Whether a zone holds no copy in sync.
    package var isDegraded: Bool { zones.contains { $0.state != .inSync } }
}

extension ZonedStanding.Reason: CustomStringConvertible {
    package var description: String {
        switch self {
        case .failed(let words): "failed: \(words)"
        case .full: "full"
        case .absent: "absent: its directory or the file 'zone' in it is missing"
        case .foreign: "not this file system's"
        case .stale: "stale"
        case .damaged: "its file 'zone' is damaged"
        }
    }
}
