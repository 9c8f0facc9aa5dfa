/// Names a recovery point, wherever it is kept.
package struct RecoveryPointReference: Codable, Sendable, Hashable {
    package var id: String
    /// `nil` asks every vault.
    package var vault: String?
    /// Of one in cold storage, its archive's file key in hex, where the vault's own key does not open it.
    package var fileKey: String?

    package init(id: String, vault: String? = nil, fileKey: String? = nil) {
        self.id = id
        self.vault = vault
        self.fileKey = fileKey
    }
}

/// `RP:/path`, or `RP` for its root.
package struct RecoveryPointPath: Codable, Sendable, Hashable {
    package var point: RecoveryPointReference
    package var path: EscapedBytes

    package init(point: RecoveryPointReference, path: EscapedBytes) {
        self.point = point
        self.path = path
    }

    /// Reads the form that people write.
    ///
    /// - Throws: `.usage` when it does not begin with a recovery point's id.
    package init(argument: [UInt8]) throws(APIError) {
        let colon = argument.firstIndex(of: UInt8(ascii: ":")) ?? argument.count
        let id = String(decoding: argument[..<colon], as: UTF8.self)
        let rest = colon < argument.count ? Array(argument[(colon + 1)...]) : [UInt8(ascii: "/")]
        guard id.hasPrefix("rp-"), rest.first == UInt8(ascii: "/") else {
            throw APIError(
                .usage,
                "'\(String(decoding: argument, as: UTF8.self))' is not of the form RP:/path",
                remedy: "Write a recovery point's id, a colon and an absolute path: rp-0123…:/docs."
            )
        }
        self.init(point: RecoveryPointReference(id: id), path: EscapedBytes(rest))
    }

    /// The names of the path, without empty ones and `.`.
    package var file: FileReference { FileReference(fileSystem: point.id, path: path) }
}

/// All that is known of a recovery point.
package struct RecoveryPointDetails: Codable, Sendable, Hashable {
    package var point: RecoveryPointDescription
    package var holds: [HoldDescription]
    /// What its making cost, by name (docs/formats/manifest.md).
    package var statistics: [String: UInt64]
    package var labels: [String: String]
    /// When it was copied from another vault; absent of what is no copy.
    package var copied: TimeText?
    /// Of one in cold storage.
    package var archive: ArchiveDescription?

    package init(
        point: RecoveryPointDescription,
        holds: [HoldDescription],
        statistics: [String: UInt64],
        labels: [String: String],
        archive: ArchiveDescription? = nil
    ) {
        self.archive = archive
        self.point = point
        self.holds = holds
        self.statistics = statistics
        self.labels = labels
    }
}

/// Asks for one page of a directory of a recovery point; of anything else, for itself.
package struct ListPoint: Codable, Sendable, Hashable {
    package var file: RecoveryPointPath
    /// The directory's inode, as a page told it: it stands for the path, which is then not looked for.
    package var directory: UInt64?
    /// Where the page before ended; 0 for the first.
    package var after: UInt64

    package init(file: RecoveryPointPath, directory: UInt64? = nil, after: UInt64 = 0) {
        self.file = file
        self.directory = directory
        self.after = after
    }
}

/// One page of such a listing.
package struct PointListing: Codable, Sendable, Hashable {
    package var entries: [FileEntry]
    /// Hand it back as `after`; `nil` at the end.
    package var next: UInt64?
    /// Names whose inode does not read.
    package var left: [LeftOut]

    package init(entries: [FileEntry], next: UInt64?, left: [LeftOut]) {
        self.entries = entries
        self.next = next
        self.left = left
    }
}

/// Asks for the names of a recovery point that fit a pattern; the answer is one ``FileEntry`` a line.
package struct FindInPoint: Codable, Sendable, Hashable {
    /// Where to begin.
    package var file: RecoveryPointPath
    /// Any of them, counted from the point's root; none takes every name.
    package var patterns: [EscapedBytes]

    package init(file: RecoveryPointPath, patterns: [EscapedBytes]) {
        self.file = file
        self.patterns = patterns
    }
}

/// What a search found.
package struct FindReport: Codable, Sendable, Hashable {
    package var found: UInt64
    /// The first thousand of what does not read.
    package var left: [LeftOut]
    package var leftCount: UInt64

    package init(found: UInt64 = 0, left: [LeftOut] = [], leftCount: UInt64 = 0) {
        self.found = found
        self.left = left
        self.leftCount = leftCount
    }
}

/// Asks what differs between two recovery points.
package struct DiffPoints: Codable, Sendable, Hashable {
    package var old: RecoveryPointReference
    package var new: RecoveryPointReference

    package init(old: RecoveryPointReference, new: RecoveryPointReference) {
        self.old = old
        self.new = new
    }
}

/// What keeps a recovery point.
package struct HoldDescription: Codable, Sendable, Hashable {
    package var name: String
    package var reason: String
    package var placedBy: String
    package var placed: TimeText

    package init(name: String, reason: String, placedBy: String, placed: TimeText) {
        self.name = name
        self.reason = reason
        self.placedBy = placedBy
        self.placed = placed
    }
}

/// A recovery point that is held.
package struct HeldPoint: Codable, Sendable, Hashable {
    package var id: String
    package var vault: String
    package var holds: [HoldDescription]

    package init(id: String, vault: String, holds: [HoldDescription]) {
        self.id = id
        self.vault = vault
        self.holds = holds
    }
}

/// Asks to place a hold, or to take it away.
package struct HoldRequest: Codable, Sendable, Hashable {
    package var point: RecoveryPointReference
    package var name: String
    /// Of one that is placed.
    package var reason: String

    package init(point: RecoveryPointReference, name: String, reason: String = "") {
        self.point = point
        self.name = name
        self.reason = reason
    }
}

/// Asks which holds there are.
package struct ListHolds: Codable, Sendable, Hashable {
    /// `nil` asks for every held point.
    package var point: String?
    package var vault: String?

    package init(point: String? = nil, vault: String? = nil) {
        self.point = point
        self.vault = vault
    }
}

/// The held points, and the vaults and holds that do not read.
package struct HoldList: Codable, Sendable, Hashable {
    package var points: [HeldPoint]
    package var unreadable: [LeftOut]

    package init(points: [HeldPoint], unreadable: [LeftOut]) {
        self.points = points
        self.unreadable = unreadable
    }
}

/// Asks to delete what has expired.
package struct ExpireBackups: Codable, Sendable, Hashable {
    package var vault: String
    /// The retention to judge by, as an `expire` job would; `nil` goes by each point's own time.
    package var retention: String?
    /// Only say what would go.
    package var isPlan: Bool

    package init(vault: String, retention: String?, isPlan: Bool) {
        self.vault = vault
        self.retention = retention
        self.isPlan = isPlan
    }
}

/// What becomes of one recovery point.
package struct ExpiryJudgement: Codable, Sendable, Hashable {
    package var point: RecoveryPointDescription
    /// `nil` when it goes.
    package var keptBecause: String?
    /// Whether it moves to cold storage, or would.
    package var movesToCold: Bool

    package init(
        point: RecoveryPointDescription,
        keptBecause: String?,
        movesToCold: Bool = false
    ) {
        self.point = point
        self.keptBecause = keptBecause
        self.movesToCold = movesToCold
    }
}

/// What expired, or would.
package struct ExpiryReport: Codable, Sendable, Hashable {
    /// Oldest first.
    package var judgements: [ExpiryJudgement]
    package var isPlan: Bool
    /// Bytes of packs that went with it.
    package var freedBytes: UInt64
    /// Bytes of the archives that were written.
    package var archivedBytes: UInt64
    /// Points that were to move to cold storage and stay warm, and why.
    package var staysWarm: [LeftOut]
    /// Points that do not read: they stay, and the rule was applied to the others.
    package var unreadable: [LeftOut]

    package init(
        judgements: [ExpiryJudgement],
        isPlan: Bool,
        freedBytes: UInt64 = 0,
        archivedBytes: UInt64 = 0,
        staysWarm: [LeftOut] = [],
        unreadable: [LeftOut] = []
    ) {
        self.judgements = judgements
        self.isPlan = isPlan
        self.freedBytes = freedBytes
        self.archivedBytes = archivedBytes
        self.staysWarm = staysWarm
        self.unreadable = unreadable
    }
}

extension Route {
    package static let describePoint = Call<RecoveryPointReference, RecoveryPointDetails>(
        path: "recovery-points/describe"
    )
    package static let listPoint = Call<ListPoint, PointListing>(path: "recovery-points/list-files")
    package static let readPoint = Download<RecoveryPointPath, Nothing>(
        path: "recovery-points/read"
    )
    package static let findInPoint = Download<FindInPoint, FindReport>(
        path: "recovery-points/find"
    )
    package static let diffPoints = LongCall<DiffPoints, DiffReport>(path: "recovery-points/diff")
    package static let addHold = Call<HoldRequest, HeldPoint>(path: "recovery-points/holds/add")
    package static let removeHold = Call<HoldRequest, HeldPoint>(
        path: "recovery-points/holds/remove"
    )
    package static let listHolds = Call<ListHolds, HoldList>(path: "recovery-points/holds/list")
    package static let expireBackups = LongCall<ExpireBackups, ExpiryReport>(
        path: "backups/expire"
    )
}
